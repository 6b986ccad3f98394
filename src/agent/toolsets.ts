/**
 * Ready tools for the standard actions.
 *
 * @module
 */
import { ToolDef } from "./tool_def.ts";

const PATH = { type: "string", description: "Path of the file or folder" };
const COUNT = { type: "integer", minimum: 0 };

function tool(
  name: string,
  action: string,
  description: string,
  properties: Readonly<Record<string, object>>,
  [targetFrom, ...required]: readonly [string, ...string[]],
): ToolDef {
  return new ToolDef({
    name,
    description,
    action,
    targetFrom,
    parameters: {
      type: "object",
      properties,
      required: [targetFrom, ...required],
      additionalProperties: false,
    },
  });
}

const READING: readonly ToolDef[] = [
  tool("read_file", "fs.read", "Reads a text file", {
    path: PATH,
    offset: { ...COUNT, description: "Byte to begin at" },
    length: { ...COUNT, description: "How many bytes to read" },
  }, ["path"]),
  tool("list_folder", "fs.list", "Lists the names and types of what is in a folder", {
    path: PATH,
  }, ["path"]),
  tool("stat_path", "fs.stat", "Tells type, size and times of a file or folder", {
    path: PATH,
  }, ["path"]),
];

const CHANGING: readonly ToolDef[] = [
  tool("write_file", "fs.write", "Writes a text file, replacing what was in it", {
    path: PATH,
    content: { type: "string", description: "The whole new content" },
  }, ["path", "content"]),
  tool("delete_file", "fs.delete", "Deletes a file or an empty folder", { path: PATH }, ["path"]),
  tool("make_folder", "fs.mkdir", "Makes a folder", { path: PATH }, ["path"]),
  tool("move_file", "fs.move", "Moves or renames a file", {
    path: PATH,
    to: { type: "string", description: "The new path" },
    overwrite: { type: "boolean", description: "Replace a file that is there" },
  }, ["path", "to"]),
];

const HTTP = tool("http_request", "net.http", "Sends an HTTP request", {
  url: { type: "string", description: "http or https URL" },
  method: { enum: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] },
  headers: { type: "object", additionalProperties: { type: "string" } },
  body: { description: "A text, or a value that is sent as JSON" },
}, ["url"]);

const PROCESS = tool("run_command", "proc.exec", "Runs a program, without a shell", {
  command: { type: "string", description: "Name or path of the program" },
  args: { type: "array", items: { type: "string" } },
  cwd: { type: "string", description: "Folder to run it in" },
  stdin: { type: "string", description: "What it reads from standard input" },
  timeout: { type: "number", exclusiveMinimum: 0, description: "Seconds" },
}, ["command"]);

/** Tools for `fs.read`, `fs.list`, `fs.stat`, and for what changes files unless `readOnly`. */
export function fsTools(
  { readOnly = false }: {
    /** Leave out what changes files. @default false */
    readonly readOnly?: boolean;
  } = {},
): ToolDef[] {
  return readOnly ? [...READING] : [...READING, ...CHANGING];
}

/** The tool for `net.http`. */
export function httpTools(): ToolDef[] {
  return [HTTP];
}

/** The tool for `proc.exec`. */
export function procTools(): ToolDef[] {
  return [PROCESS];
}
