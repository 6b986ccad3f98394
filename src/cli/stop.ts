/**
 * `agent-kernel stop`: ends the resident kernel in order.
 *
 * @module
 */
import { ask } from "../server/client.ts";
import type { Command } from "./command.ts";
import { actAs } from "./second_process.ts";
import { askServer, SERVER_OPTIONS } from "./status.ts";

/** Ends it. */
export const COMMAND: Command = {
  usage: "[--log-path FILE]",
  details:
    `Ends the kernel that "agent-kernel serve" holds for this log, after what is under way has its records.`,
  options: SERVER_OPTIONS,
  run: (invocation) => askServer(invocation, (socket) => ask(socket, "/v1/stop", "{}")),
};

if (import.meta.main) await actAs("stop", COMMAND);
