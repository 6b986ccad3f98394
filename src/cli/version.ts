/**
 * `agent-kernel version`.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import { type Command, EXIT } from "./command.ts";
import { print } from "./terminal.ts";

/** Prints the version. */
export const COMMAND: Command = {
  usage: "",
  options: {},
  run(): Promise<number> {
    print(`agent-kernel ${VERSION} (deno ${Deno.version.deno})`);
    return Promise.resolve(EXIT.OK);
  },
};
