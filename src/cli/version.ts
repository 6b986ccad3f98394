import { VERSION } from "../version.ts";
import { type Command, EXIT } from "./command.ts";
import { print } from "./terminal.ts";

/** Prints the version. */
export const VERSION_COMMAND: Command = {
  name: "version",
  summary: "print the version",
  usage: "",
  options: {},
  run(): Promise<number> {
    print(`agent-kernel ${VERSION} (deno ${Deno.version.deno})`);
    return Promise.resolve(EXIT.OK);
  },
};
