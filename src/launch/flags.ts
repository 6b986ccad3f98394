/**
 * The permissions of a process in the two forms in which Deno takes them.
 *
 * @module
 */
import type { Grants } from "../core/isolation/permission_set.ts";
import { PERMISSION_NAMES, type ProcessPermissions } from "./process_permissions.ts";

/**
 * What every kernel needs. Without `--no-prompt` Deno asks on a terminal, also for a Worker without
 * permissions. INVARIANT: a Worker without `net` must not reach a package registry: `import("npm:…")`
 * needs no permission, and the name that is asked for can carry data out. `--cached-only` refuses that
 * download, `--frozen` the change of the lock file that such an import makes.
 */
export const ALWAYS: readonly string[] = [
  "--no-prompt",
  "--unstable-worker-options",
  "--cached-only",
  "--frozen",
];

/**
 * The flags of `deno run` for a process with these permissions, and those that every kernel needs.
 *
 * @throws {RangeError} A path holds a comma, which Deno's flags cannot express.
 */
export function toFlags({ allow, deny }: ProcessPermissions): string[] {
  return [
    ...ALWAYS,
    ...PERMISSION_NAMES.flatMap((name) => flag(`--allow-${name}`, allow[name])),
    ...(["read", "write", "net"] as const).flatMap((name) => flag(`--deny-${name}`, deny[name])),
  ];
}

function flag(name: string, grants: Grants): string[] {
  if (grants === true) return [name];
  if (grants.length === 0) return [];
  const comma = grants.find((value) => value.includes(","));
  if (comma !== undefined) {
    throw new RangeError(
      `Cannot write ${name} for "${comma}": a comma separates values in Deno's flags, expected a path without one`,
    );
  }
  return chunks(grants).map((some) => `${name}=${some.join(",")}`);
}

/** Linux takes no argument of more than 128 KiB; a character is of at most three bytes. */
const MAX_LENGTH = 32_000;

/** The values in groups, each for a flag of its own: Deno takes a flag several times. */
function chunks(values: readonly string[]): string[][] {
  const groups: string[][] = [];
  let length = Infinity;
  for (const value of values) {
    length += value.length + 1;
    if (length > MAX_LENGTH) {
      groups.push([]);
      length = value.length;
    }
    groups.at(-1)?.push(value);
  }
  return groups;
}

/** An entry for `permissions` in `deno.json`, used by `deno run -P=name`. */
export function toDenoJson({ allow, deny }: ProcessPermissions): Record<string, unknown> {
  const entries = PERMISSION_NAMES.flatMap((name): [string, unknown][] => {
    const denied = name === "run" ? [] : deny[name];
    const allowed = allow[name];
    if (allowed !== true && allowed.length === 0) return [];
    return [[name, denied.length === 0 ? allowed : { allow: allowed, deny: denied }]];
  });
  return Object.fromEntries(entries);
}
