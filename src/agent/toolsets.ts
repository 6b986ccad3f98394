/**
 * Ready tools for the standard actions.
 *
 * @module
 */
import { ToolDef } from "./tool_def.ts";

const PATH = { type: "string", description: "Path of the file or folder" };
const COUNT = { type: "integer", minimum: 0 };
/** INVARIANT: a tool takes what the errors of its provider recommend. */
const ENCODING = { type: "string", enum: ["utf-8", "base64"] };

/** The parts of a standard tool. The first of the required arguments is the target. */
interface StandardTool {
  readonly action: string;
  readonly description: string;
  readonly properties: Readonly<Record<string, object>>;
  readonly required: readonly [target: string, ...others: string[]];
}

function tool(name: string, { action, description, properties, required }: StandardTool): ToolDef {
  return new ToolDef({
    name,
    description,
    action,
    targetFrom: required[0],
    parameters: {
      type: "object",
      properties,
      required: [...required],
      additionalProperties: false,
    },
  });
}

const READING: readonly ToolDef[] = [
  tool("read_file", {
    action: "fs.read",
    description: "Reads a file",
    properties: {
      path: PATH,
      encoding: {
        ...ENCODING,
        description: 'How the content is given: "utf-8" (default) or "base64"',
      },
      offset: { ...COUNT, description: "First byte to read" },
      length: { ...COUNT, description: "Number of bytes to read" },
    },
    required: ["path"],
  }),
  tool("list_folder", {
    action: "fs.list",
    description: "Lists the names and types of the entries of a folder",
    properties: { path: PATH },
    required: ["path"],
  }),
  tool("stat_path", {
    action: "fs.stat",
    description: "Gives type, size and times of a file or folder",
    properties: { path: PATH },
    required: ["path"],
  }),
];

const CHANGING: readonly ToolDef[] = [
  tool("write_file", {
    action: "fs.write",
    description: "Writes a file and replaces its content",
    properties: {
      path: PATH,
      content: { type: "string", description: "The whole new content" },
      encoding: { ...ENCODING, description: 'How content is given: "utf-8" (default) or "base64"' },
    },
    required: ["path", "content"],
  }),
  tool("delete_file", {
    action: "fs.delete",
    description: "Deletes a file or an empty folder",
    properties: { path: PATH },
    required: ["path"],
  }),
  tool("make_folder", {
    action: "fs.mkdir",
    description: "Makes a folder",
    properties: { path: PATH },
    required: ["path"],
  }),
  tool("move_file", {
    action: "fs.move",
    description: "Moves or renames a file",
    properties: {
      path: PATH,
      to: { type: "string", description: "The new path" },
      overwrite: { type: "boolean", description: "Replace an existing file" },
    },
    required: ["path", "to"],
  }),
];

const HTTP = tool("http_request", {
  action: "net.http",
  description: "Sends an HTTP request",
  properties: {
    url: { type: "string", description: "http or https URL" },
    method: { enum: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] },
    headers: { type: "object", additionalProperties: { type: "string" } },
    body: { description: "A string, or a value that is sent as JSON" },
    encoding: { ...ENCODING, description: '"base64" if body holds bytes as base64' },
  },
  required: ["url"],
});

const PROCESS = tool("run_command", {
  action: "proc.exec",
  description: "Runs a program, without a shell",
  properties: {
    command: { type: "string", description: "Name or path of the program" },
    args: { type: "array", items: { type: "string" } },
    cwd: { type: "string", description: "Folder to run it in" },
    stdin: { type: "string", description: "Its standard input" },
    timeout: { type: "number", exclusiveMinimum: 0, description: "Seconds" },
    encoding: {
      ...ENCODING,
      description: 'How its output is given: "utf-8" (default) or "base64"',
    },
  },
  required: ["command"],
});

/**
 * The tools for files: `fs.read`, `fs.list`, `fs.stat`, `fs.write`, `fs.delete`, `fs.mkdir` and
 * `fs.move`.
 *
 * @returns Tools for `AgentLoop` and the adapters.
 */
export function fsTools(
  { readOnly = false }: {
    /** Leave out the tools that change files. @default false */
    readonly readOnly?: boolean;
  } = {},
): ToolDef[] {
  return readOnly ? [...READING] : [...READING, ...CHANGING];
}

/**
 * The tool for `net.http`.
 *
 * @returns Tools for `AgentLoop` and the adapters.
 */
export function httpTools(): ToolDef[] {
  return [HTTP];
}

/**
 * The tool for `proc.exec`.
 *
 * @returns Tools for `AgentLoop` and the adapters.
 */
export function procTools(): ToolDef[] {
  return [PROCESS];
}
