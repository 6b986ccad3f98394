/**
 * The Deno permissions of the whole process, from the policy.
 *
 * @module
 */
import type { Policy } from "../core/policy/policy.ts";
import type { KindName } from "../core/resource/kind.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import {
  type Grants,
  isInside,
  type PermissionName,
  type PermissionSet,
  union,
} from "../core/isolation/permission_set.ts";
import {
  deniedFolders,
  outside,
  type PermissionNeeds,
  workerPermissions,
} from "../core/isolation/worker_permissions.ts";
import { deniedNetworks } from "./private_networks.ts";

/** The permissions of a whole process, which can be narrowed by denials, unlike those of a Worker. */
export interface ProcessPermissions {
  /** What is granted. */
  readonly allow: PermissionSet;
  /** What is denied within what is granted. */
  readonly deny: Readonly<Record<"read" | "write" | "net", readonly string[]>>;
}

/** The names of the permissions in the order in which they are shown. */
export const PERMISSION_NAMES: readonly PermissionName[] = ["read", "write", "net", "run"];

/**
 * The permissions of the process: the union of its Workers', reading the paths and executables that
 * rules name (their links are resolved in the process), and the kernel's own files. Denied are private
 * networks, and the folders that the policy denies altogether.
 *
 * @param providers What each provider needs.
 * @param own What the kernel needs for itself: its log, its policy file, the providers' modules.
 */
export function processPermissions(
  policy: Policy,
  providers: readonly PermissionNeeds[],
  own: Partial<PermissionSet> = {},
): ProcessPermissions {
  const denied = { read: deniedFolders(policy, "read"), write: deniedFolders(policy, "write") };
  const executables = policy.rules.flatMap(({ patterns }) => patterns.get("command") ?? [])
    .flatMap(({ reach, lookup = [] }) => [reach, ...lookup]);
  const paths = allowedPatterns(policy, "path").map(({ reach }) => reach);
  const workers = union(...providers.map((needs) => workerPermissions(policy, needs)));
  const allow = union(
    workers,
    { read: [...executables, ...outside(paths, denied.read) as string[]] },
    own,
  );
  // What the kernel itself connects to lifts no denial where Workers have a network: they could connect to
  // it then.
  const isShared = workers.net === true || workers.net.length > 0;
  const { net: ownHosts = [] } = own;
  const hosts = allowedPatterns(policy, "url").map(({ reach }) => reach)
    .concat(providers.flatMap(({ permissions: { net = [] } = {} }) => net === true ? [] : net))
    .concat(isShared || ownHosts === true ? [] : ownHosts)
    .map((host) => host.replace(/:\d+$/, ""));
  return {
    allow,
    deny: {
      read: effectiveDenials(denied.read, allow.read, own.read ?? []),
      write: effectiveDenials(denied.write, allow.write, own.write ?? []),
      net: allow.net === true || allow.net.length > 0 ? deniedNetworks(hosts) : [],
    },
  };
}

function allowedPatterns(policy: Policy, kind: KindName): readonly Pattern[] {
  return policy.rules.filter(({ effect }) => effect === "allow")
    .flatMap(({ patterns }) => patterns.get(kind) ?? []);
}

/** The folders whose denial takes something away, and nothing that the kernel itself needs. */
function effectiveDenials(
  folders: readonly string[],
  allowed: Grants,
  own: Grants,
): readonly string[] {
  return folders.filter((folder) =>
    (allowed === true || allowed.some((path) => isInside(folder, path))) &&
    own !== true && !own.some((path) => path === folder || isInside(path, folder))
  );
}
