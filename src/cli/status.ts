/**
 * `agent-kernel status` and `agent-kernel stop`: asking the resident kernel.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { ask } from "../server/client.ts";
import { type Command, type CommandOption, EXIT, noPositionals, type Values } from "./command.ts";
import { launchWith } from "./launch.ts";
import { actAs } from "./second_process.ts";
import { socketOf } from "./server_options.ts";
import { escape, escapedJson, print } from "./terminal.ts";

const OPTIONS: Readonly<Record<string, CommandOption>> = {
  "log-path": { type: "string", value: "FILE", help: "its audit log (default: kernel.log)" },
};

/** Says whether a kernel runs, or ends it with `stop`. */
export const COMMAND: Command = {
  usage: "[stop] [--log-path FILE]",
  details:
    `Asks the kernel that "agent-kernel serve" holds for this log. "status stop" ends it in order.`,
  options: OPTIONS,
  async run({ values, positionals: [verb, ...more], args, underPolicy }): Promise<number> {
    noPositionals(verb === undefined || verb === "stop" ? more : [verb, ...more]);
    if (underPolicy) return await answer(values, verb === "stop");
    return await launchWith(socketFlags(socketOf(values)), args);
  },
};

/** What a process needs to ask at a socket, and no more. */
export function socketFlags(socket: string): string[] {
  return [
    ...["--no-prompt", `--allow-read=${socket}`, `--allow-write=${socket}`],
    `--allow-net=unix:${socket}`,
  ];
}

async function answer(values: Values, stops: boolean): Promise<number> {
  const socket = socketOf(values);
  try {
    const { body } = await (stops ? ask(socket, "/v1/stop", "{}") : ask(socket, "/v1/health"));
    print(escapedJson(body, 2));
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
