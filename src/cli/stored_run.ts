/**
 * Runs of an agent that are stored while a person is asked, and gone on with.
 *
 * @module
 */
import { resolve } from "@std/path";
import type { AgentLoop } from "../agent/loop.ts";
import { messageOf } from "../core/errors.ts";
import { type CommandOption, optional, UsageError, type Values } from "./command.ts";
import { shellQuoted } from "./shell_quoted.ts";
import { complain, escape } from "./terminal.ts";

/** Options of a command whose run can be stored. */
export const STORED_RUN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  pause: {
    type: "boolean",
    help: "do not wait for a person: store the run when nothing else is to be done, exit code 4",
  },
  resume: {
    type: "string",
    value: "FILE",
    help:
      "go on with a run that was stored, instead of a prompt; the other options are given again",
  },
  conversation: {
    type: "string",
    value: "FILE",
    help: "where a run is stored (default: that of --resume, or the audit log's path and .run)",
  },
};

/** Where a run is stored; `undefined` if it waits for a person itself. */
export function storedRun(values: Values): string | undefined {
  const resumed = optional(values, "resume");
  if (values["pause"] !== true && resumed === undefined) {
    if (values["conversation"] === undefined) return undefined;
    throw new UsageError("--conversation needs --pause or --resume");
  }
  const log = optional(values, "log-path") ?? "kernel.log";
  return resolve(optional(values, "conversation") ?? resumed ?? `${log}.run`);
}

/** The files that the process needs to read and to write. */
export function storedRunFiles(
  values: Values,
): { readonly read: string[]; readonly write: string[] } {
  const resumed = optional(values, "resume");
  const file = storedRun(values);
  return {
    read: [
      ...resumed === undefined ? [] : [resolve(resumed)],
      // To be renamed.
      ...file === undefined ? [] : [draftOf(file)],
    ],
    write: file === undefined ? [] : [file, draftOf(file)],
  };
}

/**
 * The conversation to go on with; `undefined` if there is none.
 *
 * @throws {TypeError} The file has none.
 */
export function storedConversation(values: Values): unknown {
  const file = optional(values, "resume");
  if (file === undefined) return undefined;
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch (error) {
    throw new TypeError(`Cannot resume "${file}": ${messageOf(error)}`, { cause: error });
  }
}

/** Stores a run as a whole or not at all, for its owner only, and says how to go on if calls wait. */
export function storeRun(loop: AgentLoop, file: string): void {
  const draft = draftOf(file);
  Deno.writeTextFileSync(draft, JSON.stringify(loop), { mode: 0o600 });
  Deno.renameSync(draft, file);
  const count = loop.pending.length;
  if (count === 0) return;
  complain(
    escape(
      `agent-kernel: ${count} ${
        count === 1 ? "call waits" : "calls wait"
      } for a person; after the ` +
        `answer: agent-kernel agent --resume ${shellQuoted(file)}, with the same options`,
    ),
  );
}

function draftOf(file: string): string {
  return `${file}.draft`;
}
