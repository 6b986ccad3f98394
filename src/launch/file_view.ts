/**
 * The rules on files in a form that can be turned into mounts, for a provider that shows a part of the
 * file system to a program.
 *
 * @module
 */
import type { Policy, Rule } from "../core/policy/policy.ts";
import { MANY, type Pattern } from "../core/resource/pattern.ts";

/** A file, a folder, or some files of a folder that rules name. */
export interface FileEntry {
  /** Absolute. For a pattern: the literal folder that contains everything it matches. */
  readonly path: string;
  /**
   * `folder`: everything in it. `file`: only what is at the path. `pattern`: some of what is in the
   * folder; the kernel has to be asked which.
   */
  readonly form: "folder" | "file" | "pattern";
  /** For a pattern: how many levels below the folder its matches can be. @default any depth */
  readonly depth?: number;
}

/** A path that is denied even if another rule allows it. */
export interface DeniedEntry extends FileEntry {
  /** The actions on files to which it is denied. */
  readonly actions: readonly string[];
  /** Set on the kernel's own files. They are denied whether they exist or not. */
  readonly guard?: true;
}

/** A policy, and which of its rules depend on more than what they match. */
export interface PolicyOfFiles extends Policy {
  /** By the id of the rule. @default none */
  readonly limits?: { readonly rules: ReadonlyMap<string, unknown> };
  /** By the id of the rule. @default none */
  readonly approvals?: ReadonlyMap<string, unknown>;
}

/** The rules on files, in a form that can be turned into mounts. */
export interface FileView {
  /** What `fs.read` is allowed on. */
  readonly readable: readonly FileEntry[];
  /** What `fs.write` is allowed on. */
  readonly writable: readonly FileEntry[];
  /** What is denied to an action on files. */
  readonly denied: readonly DeniedEntry[];
}

/** The actions that read files. */
export const READING: readonly string[] = ["fs.read", "fs.list", "fs.stat"];
/** The actions that change files. */
export const CHANGING: readonly string[] = ["fs.write", "fs.delete", "fs.mkdir", "fs.move"];

/**
 * The rules of a policy on files. An allow rule with a constraint, limits or approval gives nothing,
 * because a mount cannot check it; a deny rule with a constraint denies everything that it could.
 */
export function fileView(policy: PolicyOfFiles): FileView {
  return {
    readable: allowed(policy, "fs.read"),
    writable: allowed(policy, "fs.write"),
    denied: policy.rules.filter(({ effect }) => effect === "deny").flatMap(deniedBy),
  };
}

/**
 * Whether the policy allows what a program can have of the network through a proxy: tunnels, or
 * requests by plain HTTP. (Requests by HTTPS are out of a proxy's sight.)
 */
export function allowsNetwork(policy: Policy): boolean {
  return policy.rules.some(({ effect, actions, patterns }) =>
    effect === "allow" && (actions.includes("net.connect") ||
      actions.includes("net.http") &&
        (patterns.get("url") ?? []).some(({ steps }) => steps[0] !== "https"))
  );
}

function allowed({ rules, limits, approvals }: PolicyOfFiles, action: string): FileEntry[] {
  // INVARIANT: a rule that depends on more than the path gives nothing.
  const isPlain = ({ id, constraint }: Rule) =>
    constraint === undefined && !limits?.rules.has(id) && !approvals?.has(id);
  return rules.filter((rule) =>
    rule.effect === "allow" && rule.actions.includes(action) && isPlain(rule)
  ).flatMap((rule) => (rule.patterns.get("path") ?? []).map(entryOf));
}

function deniedBy(rule: Rule): DeniedEntry[] {
  const actions = rule.actions.filter((one) => READING.includes(one) || CHANGING.includes(one));
  if (actions.length === 0) return [];
  const patterns = rule.patterns.get("path") ?? [];
  if (rule.guard) {
    // The guarded files themselves; a mount that hides them needs no rule for the folders above.
    return rule.id.endsWith("-folder") ? [] : patterns.filter(({ exact }) => exact)
      .map(({ reach }) => ({ path: reach, form: "file", actions, guard: true }));
  }
  return patterns.map((pattern) => {
    const entry = entryOf(pattern);
    // INVARIANT: what may be denied is denied.
    return rule.constraint === undefined || entry.form !== "pattern"
      ? { ...entry, actions }
      : { path: entry.path, form: "folder", actions };
  });
}

function entryOf({ reach, exact, denySteps }: Pattern): FileEntry {
  if (exact) return { path: reach, form: "file" };
  const rest = denySteps.slice(reach === "/" ? 0 : reach.split("/").length - 1);
  if (rest.length === 1 && rest[0] === MANY) return { path: reach, form: "folder" };
  const pattern = { path: reach, form: "pattern" } as const;
  return rest.includes(MANY) ? pattern : { ...pattern, depth: rest.length };
}
