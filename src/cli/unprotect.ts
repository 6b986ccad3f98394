/**
 * `agent-kernel unprotect`: an agent's settings as they were.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { CHANGE_OPTIONS, withoutOurs } from "./protect.ts";
import { actAs } from "./second_process.ts";
import { changeSettings, original, removeBackup } from "./settings_files.ts";

/** Takes away what `protect` has written. */
export const COMMAND: Command = {
  usage: "AGENT [--user|--project] [--dry-run]",
  details:
    `Puts the settings back as they were before "protect", byte for byte; if somebody else has changed them since,
only what is agent-kernel's is taken out.`,
  options: CHANGE_OPTIONS,
  run: (invocation) =>
    changeSettings(
      invocation,
      (now) => {
        const { file, path, before } = now;
        const after = original(now, (text, earlier) => withoutOurs(file, text, earlier));
        if (after === before) return undefined;
        return { ...now, after, done: "as it was", finish: () => removeBackup(path) };
      },
      { nothing: "nothing of agent-kernel is there" },
    ),
};

if (import.meta.main) await actAs("unprotect", COMMAND);
