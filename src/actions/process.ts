/**
 * The action of the process provider.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";

/** `proc.exec`: runs a program; `timeout` is in seconds. */
export const PROCESS_ACTIONS: ActionTable = {
  "proc.exec": {
    kind: "command",
    defaults: { args: [], timeout: 30 },
    resources: [{ param: "cwd", kind: "path", action: "fs.read" }],
    params: ["args", "cwd", "stdin", "timeout", "encoding"],
  },
};
