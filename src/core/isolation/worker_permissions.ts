/**
 * From a policy to the Deno permissions that it implies.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { Policy, Rule } from "../policy/policy.ts";
import type { ActionSpec, KindName, PathAccess } from "../resource/kind.ts";
import { MANY, type Pattern } from "../resource/pattern.ts";
import { fileView } from "../../launch/file_view.ts";
import { deniedNetworks } from "../../launch/private_networks.ts";
import {
  type Grants,
  isInside,
  NOTHING,
  PERMISSION_NAMES,
  type PermissionSet,
  type ProcessPermissions,
  union,
} from "./permission_set.ts";

/** What a provider brings into the computation. */
export interface PermissionNeeds {
  /** The actions that it carries out. */
  readonly actions: readonly string[];
  /** What its own configuration needs, beside what the policy implies. */
  readonly permissions?: Partial<PermissionSet>;
  /** Whether it looks at the files that the policy allows, whatever its actions. @default false */
  readonly readsFiles?: boolean;
  /** Actions of others that it carries out parts of. @default none */
  readonly uses?: readonly string[];
}

/**
 * The permissions of a Worker that carries out the actions under the policy: for each allow rule,
 * the literal part of its patterns.
 *
 * Sound: what the policy allows is permitted. Tight: nothing outside of the literal prefixes is,
 * except one staging path beside each single file that may be changed (see {@linkcode stagingPath}),
 * and that Deno's `*.host` includes `host` itself and every depth below it.
 */
export function workerPermissions(policy: Policy, needs: PermissionNeeds): PermissionSet {
  const setsOf = (actions: readonly string[]) =>
    policy.rules.filter((rule) => rule.effect === "allow").flatMap((rule) =>
      rule.actions.filter((action) => actions.includes(action)).flatMap((action) => {
        const spec = specOf(policy, action);
        return (rule.patterns.get(spec.kind) ?? []).map((pattern) => grant(spec, pattern));
      })
    );
  const sets = setsOf(needs.actions);
  // Where nothing is allowed the Worker is never started, whatever it is configured with.
  if (sets.length === 0) return NOTHING;
  const files = needs.readsFiles ? fileView(policy) : undefined;
  const looked = [...files?.readable ?? [], ...files?.writable ?? []].map(({ path }) => path);
  const implied = union(...sets, ...setsOf(needs.uses ?? []), { read: looked });
  return union({
    ...implied,
    read: outside(implied.read, deniedFolders(policy, "read")),
    write: outside(implied.write, deniedFolders(policy, "write")),
  }, needs.permissions ?? {});
}

/**
 * The permissions of the whole process: the union of its Workers', what canonicalising takes
 * (reading the named paths and executables), and the kernel's own files; denials for private
 * networks and for what the policy denies altogether.
 *
 * @param own What the kernel needs for itself: its log, its policy file, the providers' modules.
 */
export function processPermissions(
  policy: Policy,
  providers: readonly PermissionNeeds[],
  own: Partial<PermissionSet> = {},
): ProcessPermissions {
  const workers = providers.map((needs) => workerPermissions(policy, needs));
  const commands = patternsOf(policy, "command").flatMap((
    { reach, lookup = [] },
  ) => [reach, ...lookup]);
  const denied = { read: deniedFolders(policy, "read"), write: deniedFolders(policy, "write") };
  const allow = union(
    ...workers,
    { read: [...commands, ...outside(pathsToResolve(policy), denied.read) as string[]] },
    own,
  );
  const hosts = policy.rules.filter((rule) => rule.effect === "allow")
    .flatMap((rule) => rule.patterns.get("url") ?? [])
    .map(({ reach }) => reach)
    // What the kernel itself reaches lifts nothing: everything in the process could reach it then.
    .concat(providers.flatMap(({ permissions = {} }) => hostsOf(permissions)))
    .map((host) => host.replace(/:\d+$/, ""));
  return {
    allow,
    deny: {
      read: tellingDenials(denied.read, allow.read, own.read ?? []),
      write: tellingDenials(denied.write, allow.write, own.write ?? []),
      net: allow.net === true || allow.net.length > 0 ? deniedNetworks(hosts) : [],
    },
  };
}

function hostsOf({ net }: Partial<PermissionSet>): readonly string[] {
  return net === undefined || net === true ? [] : net;
}

/**
 * The hosts that allow rules name literally for one of the actions, without a wildcard: `host:port`,
 * or `host` where the rule takes any port.
 */
export function namedHosts(policy: Policy, actions: readonly string[]): readonly string[] {
  const reaches = policy.rules.filter((rule) =>
    rule.effect === "allow" &&
    rule.actions.some((one) => actions.includes(one) && specOf(policy, one).kind === "url")
  ).flatMap((rule) => rule.patterns.get("url") ?? []).map(({ reach }) => reach);
  return Array.from(new Set(reaches.filter((host) => host !== "" && !host.startsWith("*."))))
    .sort();
}

/**
 * Where a single file is prepared before it replaces its target, when the permission covers the
 * file but not its folder: one fixed name beside it, so that it can be permitted by name.
 */
export function stagingPath(file: string): string {
  const slash = file.lastIndexOf("/");
  const name = file.slice(slash + 1);
  const bytes = new TextEncoder().encode(name);
  // Two long names must not share one: what is in it would be lost.
  const short = bytes.length <= MAX_STAGED_NAME_BYTES
    ? name
    : createHash("sha256").update(bytes).digest("hex");
  return `${file.slice(0, slash + 1)}.${short}.agent-kernel`;
}

/** So that with what is added it still is a file name. */
const MAX_STAGED_NAME_BYTES = 240;

/** Whether a set permits everything that another one permits. */
export function covers(outer: PermissionSet, inner: PermissionSet): boolean {
  return PERMISSION_NAMES.every((name) =>
    missingGrants(outer[name], inner[name], name).length === 0
  );
}

function missingGrants(outer: Grants, inner: Grants, name: string): readonly string[] {
  if (outer === true) return [];
  if (inner === true) return ["(all)"];
  const paths = name === "read" || name === "write";
  return inner.filter((value) =>
    !outer.includes(value) && !(paths && outer.some((folder) => isInside(value, folder)))
  );
}

function specOf(policy: Policy, action: string): ActionSpec {
  return Object.hasOwn(policy.actions, action)
    ? policy.actions[action] as ActionSpec
    : { kind: "name" };
}

function accessOf(spec: ActionSpec): readonly PathAccess[] {
  return spec.access ?? ["read"];
}

function grant(spec: ActionSpec, pattern: Pattern): Partial<PermissionSet> {
  const { reach, exact } = pattern;
  switch (spec.kind) {
    case "path": {
      const changes = accessOf(spec).includes("write");
      const paths = exact && changes && reach !== "/" ? [reach, stagingPath(reach)] : [reach];
      return Object.fromEntries(accessOf(spec).map((access) => [access, paths]));
    }
    case "url":
      return { net: reach === "" ? true : [reach] };
    case "command":
      return { run: [reach] };
    case "name":
      return {};
  }
}

function patternsOf(policy: Policy, kind: KindName): readonly Pattern[] {
  return policy.rules.flatMap((rule) => rule.patterns.get(kind) ?? []);
}

function pathsToResolve(policy: Policy): readonly string[] {
  return policy.rules.filter((rule) => rule.effect === "allow")
    .flatMap((rule) => rule.patterns.get("path") ?? []).map(({ reach }) => reach);
}

/**
 * Folders that the policy denies altogether: a rule denies all that is in them, whatever the params,
 * to every action that uses the permission and that some rule allows.
 */
function deniedFolders(policy: Policy, access: PathAccess): readonly string[] {
  const using = policy.rules.filter((rule) => rule.effect === "allow")
    .flatMap((rule) => rule.actions)
    .filter((action) => usesPath(policy, action, access));
  const folders = policy.rules.filter((rule) => isUnconditionalDeny(rule))
    .filter((rule) => using.every((action) => rule.actions.includes(action)))
    .flatMap((rule) => (rule.patterns.get("path") ?? []).filter(isWholeFolder))
    .map(({ reach }) => reach);
  return Array.from(new Set(folders)).sort();
}

function outside(grants: Grants, folders: readonly string[]): Grants {
  if (grants === true) return true;
  return grants.filter((path) =>
    !folders.some((folder) => path === folder || isInside(path, folder))
  );
}

/** The denied folders that say something: those inside of what is allowed, and not over the kernel's own. */
function tellingDenials(
  folders: readonly string[],
  allowed: Grants,
  kept: Grants,
): readonly string[] {
  return folders.filter((folder) =>
    (allowed === true || allowed.some((path) => isInside(folder, path))) &&
    kept !== true && !kept.some((path) => path === folder || isInside(path, folder))
  );
}

function usesPath(policy: Policy, action: string, access: PathAccess): boolean {
  const spec = specOf(policy, action);
  return spec.kind === "path" && accessOf(spec).includes(access) ||
    (spec.resources ?? []).some(({ kind, action: other }) =>
      kind === "path" && other !== action && usesPath(policy, other, access)
    );
}

function isUnconditionalDeny(rule: Rule): boolean {
  return rule.effect === "deny" && !rule.guard && rule.constraint === undefined;
}

/** `D/**`: nothing but the literal folder and all that is in it. */
function isWholeFolder({ reach, exact, denySteps }: Pattern): boolean {
  const depth = reach === "/" ? 0 : reach.split("/").length - 1;
  return !exact && denySteps.length === depth + 1 && denySteps[depth] === MANY;
}
