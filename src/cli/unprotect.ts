/**
 * `agent-kernel unprotect`: an agent's settings as they were.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { CHANGE_OPTIONS, changeSettings, removeBackup, restored } from "./protect.ts";
import { actAs } from "./second_process.ts";

/** Takes hooks away. */
export const COMMAND: Command = {
  usage: "AGENT [--user|--project] [--dry-run]",
  details:
    `Puts the settings back as they were before "protect", byte for byte; if somebody else has changed them since,
only the hooks of agent-kernel are taken out.`,
  options: CHANGE_OPTIONS,
  run: (invocation) =>
    changeSettings(invocation, ({ path, before }) => {
      const after = before === undefined ? undefined : restored(path, before);
      return after === before
        ? { after, done: "no hooks of agent-kernel are there" }
        : { after, done: "the hooks are gone", finish: () => removeBackup(path) };
    }),
};

if (import.meta.main) await actAs("unprotect", COMMAND);
