/**
 * `agent-kernel status`: what the resident kernel says of itself.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { ask, type ServerAnswer } from "../server/client.ts";
import {
  type Command,
  type CommandOption,
  EXIT,
  type Invocation,
  noPositionals,
} from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { socketFlags, socketOf } from "./server_options.ts";
import { escape, escapedJson, print } from "./terminal.ts";

/** Options of commands that ask a resident kernel. */
export const SERVER_OPTIONS: Readonly<Record<string, CommandOption>> = {
  "log-path": { type: "string", value: "FILE", help: "its audit log (default: kernel.log)" },
};

/** Says whether a kernel runs. */
export const COMMAND: Command = {
  usage: "[--log-path FILE]",
  details:
    `Asks the kernel that "agent-kernel serve" holds for this log. Exit code 1 if none answers.`,
  options: SERVER_OPTIONS,
  run: (invocation) => askServer(invocation, (socket) => ask(socket, "/v1/health")),
};

/** Asks a resident kernel, in a process that may reach its socket and nothing else, and prints the answer. */
export async function askServer(
  { values, positionals, args, underPolicy }: Invocation,
  question: (socket: string) => Promise<ServerAnswer>,
): Promise<number> {
  noPositionals(positionals);
  const socket = socketOf(values);
  if (!underPolicy) return await launchWith(["--no-prompt", ...socketFlags(socket)], args);
  try {
    print(escapedJson((await question(socket)).body, 2));
    return EXIT.OK;
  } catch (error) {
    const isDown = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    const reason = isDown ? "start one with: agent-kernel serve --policy FILE" : messageOf(error);
    print(escape(`No kernel answers at ${socket}: ${reason}`));
    return EXIT.FAILED;
  }
}

if (import.meta.main) await actAs("status", COMMAND);
