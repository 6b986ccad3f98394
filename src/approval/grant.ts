/**
 * Grants: a yes that is remembered, for a time and for less than the rule allows.
 *
 * @module
 */
import { escapePattern } from "../core/resource/pattern.ts";
import { escape } from "../visible_text.ts";
import type { Remember } from "./approval_rule.ts";

/** What a yes is remembered for. */
export interface ApprovalGrant {
  /** A UUID. */
  readonly id: string;
  /** The rule that asked. */
  readonly rule: string;
  /** The agent that asked; missing if the request named none. */
  readonly agent?: string;
  /** The action that the yes is for. */
  readonly action: string;
  /** `target`: the very target. `folder`: all that lies in it. `rule`: all that the rule allows. */
  readonly as: "target" | "folder" | "rule";
  /** The target or the folder, canonical; empty with `rule`. */
  readonly target: string;
  /** Digest of the policy. After a change of the policy a grant holds no more. */
  readonly policy: string;
  /** Who said yes. */
  readonly by: string;
  /** RFC 3339, UTC. */
  readonly grantedAt: string;
  /** When it ends. */
  readonly expiresAt: string;
}

/** Where grants are kept. */
export interface GrantStore {
  /** All that are kept, also those that have expired. */
  grants(): readonly ApprovalGrant[];
  /** Keeps one more. */
  grant(grant: ApprovalGrant): void;
  /** Takes one back. @returns Whether there was one of this id. */
  revoke(id: string): boolean;
}

/** Keeps grants in memory: they end with the kernel. */
export class MemoryGrants implements GrantStore {
  readonly #grants = new Map<string, ApprovalGrant>();

  grants(): readonly ApprovalGrant[] {
    return Array.from(this.#grants.values());
  }

  grant(grant: ApprovalGrant): void {
    this.#grants.set(grant.id, grant);
  }

  revoke(id: string): boolean {
    return this.#grants.delete(id);
  }
}

/** What a question asks, as far as a grant depends on it. */
export type AskedFor = Pick<ApprovalGrant, "rule" | "policy" | "agent" | "action" | "target">;

/** What a yes to a question would be remembered for. */
export type Scope = Pick<ApprovalGrant, "as" | "target">;

/** The scope of a grant for a target: its folder is what stands before its last slash. */
export function scopeOf(as: Remember["as"], target: string): Scope {
  if (as === "rule") return { as, target: "" };
  const folder = target.slice(0, Math.max(0, target.lastIndexOf("/")));
  // What lies in the root, or right below a host, is remembered by itself.
  const isNarrow = folder !== "" && !/^[a-z]+:\/\/?[^/]*$/.test(folder);
  return as === "folder" && isNarrow ? { as, target: folder } : { as: "target", target };
}

/** For people: what a yes is remembered for. */
export function shownScope({ as, target }: Scope, rule: string): string {
  if (as === "rule") return `all that the rule ${JSON.stringify(rule)} allows`;
  return as === "folder"
    ? `everything in ${JSON.stringify(target)}`
    : `${JSON.stringify(target)} alone`;
}

/**
 * Whether a grant holds for what a question would ask.
 *
 * INVARIANT: everything that the yes was about but the params is the same: rule, policy, agent, action; and
 * the target is in its scope.
 */
export function covers(
  grant: ApprovalGrant,
  asked: AskedFor,
  { now, remember }: { readonly now: Date; readonly remember: Remember },
): boolean {
  return isWithin(grant, now, remember) && grant.rule === asked.rule &&
    grant.policy === asked.policy &&
    grant.agent === asked.agent && grant.action === asked.action &&
    isInScope(grant, asked.target);
}

/** Not for longer, and not for more, than the rule lets a yes be remembered. */
function isWithin({ as, grantedAt, expiresAt }: ApprovalGrant, now: Date, rule: Remember): boolean {
  const [from, until] = [Date.parse(grantedAt), Date.parse(expiresAt)];
  // What has no folder is remembered by itself.
  return (as === rule.as || as === "target") && until - from <= rule.forMs &&
    now.getTime() < until;
}

function isInScope({ as, target }: Scope, asked: string): boolean {
  if (as === "rule") return true;
  return as === "folder" ? asked.startsWith(`${target}/`) : asked === target;
}

const TEXTS = ["id", "rule", "action", "target", "policy", "by", "grantedAt", "expiresAt"];

/** Whether something that was kept elsewhere is a grant. */
export function isGrant(value: unknown): value is ApprovalGrant {
  const fields = Object(value) as Readonly<Record<string, unknown>>;
  return TEXTS.every((name) => typeof fields[name] === "string") &&
    ["target", "folder", "rule"].includes(fields["as"] as string) &&
    ["string", "undefined"].includes(typeof fields["agent"]);
}

/** The rule that would make a grant unnecessary, as lines of a policy. */
export function asRule(grant: ApprovalGrant): string[] {
  const { as, target, action, agent, by, grantedAt } = grant;
  if (as === "rule") {
    return [`# ${by} said yes at ${grantedAt}: remove "approval" of ${grant.rule}`];
  }
  const resource = as === "folder" ? `${patternOf(target)}/**` : patternOf(target);
  return [
    `# Before the rule ${oneLine(grant.rule)}; ${oneLine(by)} said yes at ${oneLine(grantedAt)}`,
    `- action: ${JSON.stringify(action)}`,
    `  resource: ${JSON.stringify(resource)}`,
    ...agent === undefined ? [] : [`  agent: ${JSON.stringify(agent)}`],
  ];
}

/** The pattern that matches a canonical target and nothing else. */
function patternOf(target: string): string {
  // The host of a URL has no escapes, and its query is a part of its own.
  const [, origin = "", rest = target] = /^(https?:\/\/[^/]*)(\/.*)$/s.exec(target) ?? [];
  const [path = "", ...query] = origin === "" ? [rest] : rest.split("?");
  const parts = query.length === 0 ? [path] : [path, query.join("?")];
  return origin + parts.map(escapePattern).join("?");
}

/** A name in a comment: a line break in it would begin a line of the policy. */
function oneLine(text: string): string {
  return escape(text).replaceAll(/[\r\n]/g, " ");
}
