/**
 * Commands that use the kernel which is being served for their log, if there is one.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { ask } from "../server/client.ts";
import { type CommandOption, optional, type Values } from "./command.ts";
import { launchWith } from "./second_start.ts";
import { socketFlags, socketOf } from "./server_options.ts";

/** Of each of these commands. */
export const SERVED_OPTIONS: Readonly<Record<string, CommandOption>> = {
  "no-server": {
    type: "boolean",
    help: "open a kernel here, and fail if one is being served for the log",
  },
  served: { type: "string", value: "DIGEST", help: "given by the command to its second process" },
};

/** Exit code of a second process that found no kernel: `EX_TEMPFAIL` of sysexits. */
const NO_SERVER = 75;
/** Exit code of one that found a kernel with another policy: `EX_CONFIG`. */
const OTHER_POLICY = 78;

/**
 * Runs a command through the kernel that is being served.
 *
 * @param args The arguments of the command, its name first.
 * @param more Further flags that the second process needs.
 * @returns Its exit code; `undefined` if no kernel is being served.
 * @throws {Error} It has another policy than the command was given.
 */
export async function throughServer(
  values: Values,
  args: readonly string[],
  { policy, load, flags = [], forwardsInput = false }: {
    /** Digest of the policy that the command was given. */
    readonly policy: string;
    /** Loads that policy: if it is refused, that is what is to be said. @default it was loaded */
    readonly load?: () => Promise<unknown>;
    readonly flags?: readonly string[];
    readonly forwardsInput?: boolean;
  },
): Promise<number | undefined> {
  const socket = socketOf(values);
  if (values["no-server"] === true || !isThere(socket)) return undefined;
  const code = await launchWith(
    ["--no-prompt", ...socketFlags(socket), ...flags],
    [...args, `--served=${policy}`],
    [],
    { forwardsInput },
  );
  if (code === OTHER_POLICY) {
    await load?.();
    throw new Error(
      'Another policy is being served for this log: use that one, another --log-path, or end it with "agent-kernel stop"',
    );
  }
  return code === NO_SERVER ? undefined : code;
}

/**
 * In the second process: what the kernel says of itself.
 *
 * @returns An exit code for the first process if none answers, or if it has another policy.
 */
export async function servedKernel(
  values: Values,
): Promise<{ readonly socket: string; readonly actions: readonly string[] } | number> {
  const socket = socketOf(values);
  let health: Readonly<Record<string, unknown>>;
  try {
    health = Object((await ask(socket, "/v1/health")).body);
  } catch (error) {
    // A kernel that was killed leaves its socket.
    if (error instanceof Deno.errors.ConnectionRefused) return NO_SERVER;
    throw new Error(`Cannot reach the kernel at ${socket}: ${messageOf(error)}`);
  }
  const { policy, actions } = health;
  return policy === optional(values, "served")
    ? { socket, actions: Array.isArray(actions) ? actions : [] }
    : OTHER_POLICY;
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false; // Not there, or not to be seen by this user.
  }
}
