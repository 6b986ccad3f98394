/**
 * Compares the permissions of this process with those that its policy implies.
 *
 * @module
 */
import type { PermissionName, PermissionSet } from "../core/isolation/permission_set.ts";
import { toFlags } from "./flags.ts";
import { PERMISSION_NAMES, type ProcessPermissions } from "./process_permissions.ts";

/** The process was started with fewer permissions than its policy needs. */
export class MissingPermissionError extends Error {
  /** The name of this class. */
  override name = "MissingPermissionError";
  /** Stable code of this class of errors. */
  readonly code = "PERMISSION_MISSING";
  /** The flags that would have to be added. */
  readonly flags: readonly string[];

  /**
   * Made by the kernel.
   *
   * @param flags The flags that would have to be added.
   */
  constructor(flags: readonly string[]) {
    super(
      `Cannot open the kernel: this process may do less than its policy allows, ` +
        `add ${flags.join(" ")} to deno run`,
    );
    this.flags = flags;
  }
}

/**
 * Compares the permissions of this process with those that its policy implies.
 *
 * @returns A warning that names what is granted in excess; `undefined` if nothing is.
 * @throws {MissingPermissionError} Something is missing.
 */
export function checkProcess(wanted: ProcessPermissions): string | undefined {
  const missing = Object.fromEntries(PERMISSION_NAMES.map((name) => {
    const grants = wanted.allow[name];
    if (grants === true) return [name, granted(descriptor(name)) ? [] : true];
    return [name, grants.filter((value) => !granted(descriptor(name, value)))];
  })) as PermissionSet;
  const flags = toFlags({ allow: missing, deny: { read: [], write: [], net: [] } });
  if (flags.some((flag) => flag.startsWith("--allow"))) {
    throw new MissingPermissionError(flags.filter((flag) => flag.startsWith("--allow")));
  }
  const beyond = PERMISSION_NAMES.filter((name) =>
    wanted.allow[name] !== true && granted(descriptor(name))
  ).map((name) => `--allow-${name}`);
  for (const name of ["env", "sys", "ffi"] as const) {
    if (granted({ name })) beyond.push(`--allow-${name}`);
  }
  if (beyond.length === 0) return undefined;
  return `agent-kernel: this process was started with more than its policy needs (${
    beyond.join(" ")
  } ` +
    `without a list); Deno's second line of defence is as wide as that. "agent-kernel permissions" prints the flags to use`;
}

/**
 * The permissions of a Worker within which the process is denied something.
 *
 * @param set The permissions of the Worker.
 */
export function partlyDenied(set: PermissionSet): readonly PermissionName[] {
  return (["read", "write"] as const).filter((name) => {
    const grants = set[name];
    const descriptors = grants === true
      ? [descriptor(name)]
      : grants.map((value) => descriptor(name, value));
    return descriptors.some((one) => Deno.permissions.querySync(one).partial);
  });
}

function descriptor(name: PermissionName, value?: string): Deno.PermissionDescriptor {
  if (value === undefined) return { name };
  switch (name) {
    case "read":
    case "write":
      return { name, path: value };
    case "run":
      return { name, command: value };
    case "net":
      // Deno cannot be queried for "*.host"; any name below it has the same state.
      return { name, host: value.replace(/^\*\./, "agent-kernel-probe.") };
  }
}

function granted(one: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(one).state === "granted";
}
