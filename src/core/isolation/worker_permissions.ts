/**
 * The Deno permissions of a provider's Worker, from the policy.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { Policy, Rule } from "../policy/policy.ts";
import { type ActionSpec, type PathAccess, specOf } from "../resource/kind.ts";
import { MANY, type Pattern } from "../resource/pattern.ts";
import { type Grants, isInside, NOTHING, type PermissionSet, union } from "./permission_set.ts";

/** What the permissions of a provider's Worker depend on, besides the policy. */
export interface PermissionNeeds {
  /** The actions that it carries out. */
  readonly actions: readonly string[];
  /** What its configuration needs in addition to what the policy implies. @default none */
  readonly permissions?: Partial<PermissionSet>;
  /** Whether it reads the files on which the policy allows `fs.read` or `fs.write`. @default false */
  readonly readsFiles?: boolean;
  /** Actions of others that it carries out parts of. @default none */
  readonly uses?: readonly string[];
}

/**
 * The permissions of a Worker that carries out the actions: for each allow rule, the literal part of
 * its patterns.
 *
 * Sound: what the policy allows is permitted. Tight: nothing outside of the literal prefixes is,
 * except one staging path next to each single file that may be changed (see {@linkcode stagingPath}),
 * and that Deno's `*.host` includes `host` itself and every depth below it.
 *
 * @returns Nothing at all if the policy allows none of the actions.
 */
export function workerPermissions(policy: Policy, needs: PermissionNeeds): PermissionSet {
  const setsOf = (wanted: readonly string[]) =>
    allowRules(policy).flatMap(({ actions, patterns }) =>
      actions.filter((action) => wanted.includes(action))
        .map((action) => specOf(policy.actions, action))
        .flatMap((spec) => (patterns.get(spec.kind) ?? []).map((one) => grantOf(spec, one)))
    );
  const sets = setsOf(needs.actions);
  if (sets.length === 0) return NOTHING;
  const implied = union(
    ...sets,
    ...setsOf(needs.uses ?? []),
    needs.readsFiles ? { read: allowedFiles(policy) } : {},
  );
  return union({
    ...implied,
    read: outside(implied.read, deniedFolders(policy, "read")),
    write: outside(implied.write, deniedFolders(policy, "write")),
  }, needs.permissions ?? {});
}

/**
 * Where a single file is prepared before it replaces its target, if the permission covers the file
 * but not its folder: one fixed name in the same folder, so that it can be permitted by name.
 *
 * @param file An absolute path.
 */
export function stagingPath(file: string): string {
  const slash = file.lastIndexOf("/");
  const name = file.slice(slash + 1);
  const { length } = new TextEncoder().encode(name);
  // Two long names must not share a staging path: the one would overwrite the other.
  const short = length <= MAX_STAGED_NAME_BYTES ? name : hash("sha256", name);
  return `${file.slice(0, slash + 1)}.${short}.agent-kernel`;
}

/** So that the longer name is still within the 255 bytes of a file name. */
const MAX_STAGED_NAME_BYTES = 240;

/**
 * The folders that the policy denies altogether: a deny rule covers everything in the folder, whatever
 * the params, for every allowed action that uses the permission.
 */
export function deniedFolders(policy: Policy, access: PathAccess): readonly string[] {
  const using = allowRules(policy).flatMap((rule) => rule.actions)
    .filter((action) => usesPath(policy, action, access));
  const folders = policy.rules
    .filter(({ effect, guard, constraint }) =>
      effect === "deny" && !guard && constraint === undefined
    )
    .filter((rule) => using.every((action) => rule.actions.includes(action)))
    .flatMap((rule) => (rule.patterns.get("path") ?? []).filter(isWholeFolder))
    .map(({ reach }) => reach);
  return Array.from(new Set(folders)).sort();
}

/** The grants that are not in one of the folders. */
export function outside(grants: Grants, folders: readonly string[]): Grants {
  if (grants === true) return true;
  return grants.filter((path) =>
    !folders.some((folder) => path === folder || isInside(path, folder))
  );
}

function allowRules(policy: Policy): readonly Rule[] {
  return policy.rules.filter((rule) => rule.effect === "allow");
}

function grantOf(spec: ActionSpec, { reach, exact }: Pattern): Partial<PermissionSet> {
  const { kind, access = ["read"] } = spec;
  if (kind === "name") return {};
  if (kind === "command") return { run: [reach] };
  if (kind === "url") return { net: reach === "" ? true : [reach] };
  const isStaged = exact && access.includes("write") && reach !== "/";
  const paths = isStaged ? [reach, stagingPath(reach)] : [reach];
  return Object.fromEntries(access.map((name) => [name, paths]));
}

/** INVARIANT: a rule that depends on more than the path gives nothing to a Worker that reads by itself. */
function allowedFiles(policy: Policy): readonly string[] {
  return allowRules(policy).filter(({ actions, constraint }) =>
    constraint === undefined && (actions.includes("fs.read") || actions.includes("fs.write"))
  ).flatMap(({ patterns }) => patterns.get("path") ?? [])
    .map(({ reach }) => reach);
}

function usesPath(policy: Policy, action: string, access: PathAccess): boolean {
  const spec = specOf(policy.actions, action);
  if (spec.kind === "path" && (spec.access ?? ["read"]).includes(access)) return true;
  return (spec.resources ?? []).some(({ kind, action: other }) =>
    kind === "path" && other !== action && usesPath(policy, other, access)
  );
}

/** `D/**`: the literal folder and everything inside, nothing else. */
function isWholeFolder({ reach, exact, denySteps }: Pattern): boolean {
  const depth = reach === "/" ? 0 : reach.split("/").length - 1;
  return !exact && denySteps.length === depth + 1 && denySteps[depth] === MANY;
}
