/**
 * A kernel in the process that acts.
 *
 * @module
 */
import { Kernel } from "../open.ts";
import type { Values } from "./command.ts";
import { kernelOptions } from "./policy_options.ts";
import { complain, escape } from "./terminal.ts";

/** Opens the kernel that the options describe; its warnings go to standard error. */
export async function openHere(values: Values): Promise<Kernel> {
  return await Kernel.open({
    ...await kernelOptions(values, [], { underPolicy: true }),
    onWarning: (line) => complain(escape(line)),
  });
}
