/**
 * From what was denied to the one rule that would allow exactly that, and nothing more.
 *
 * @module
 */
import { basename } from "@std/path";
import { escapePattern } from "../core/resource/pattern.ts";
import { isSecret, isSettings } from "./delicate_paths.ts";

/** What a record says of a denied request. */
export interface DeniedRequest {
  readonly action: string;
  /** Canonical. */
  readonly target: string;
  /** With their defaults; `undefined` if they are not on record. */
  readonly params: Readonly<Record<string, unknown>> | undefined;
  readonly agent?: string | undefined;
  readonly code?: string | undefined;
  /** Whether a part of the target was taken out of the record. */
  readonly isRedacted: boolean;
}

/** A rule, as YAML writes it under `capabilities`. */
export interface SuggestedRule {
  readonly action: string | readonly string[];
  readonly agent?: string;
  readonly resource: string | readonly string[];
  readonly constraint?: Readonly<Record<string, unknown>>;
}

/** What can be said of a denial. */
export type Suggestion =
  | {
    readonly rule: SuggestedRule;
    /** What the action amounts to, which has to be allowed too. */
    readonly also: readonly SuggestedRule[];
    readonly risks: readonly string[];
  }
  | { readonly why: string };

/** Codes of denials that a rule can lift. */
const LIFTED = ["NO_RULE", "CONSTRAINT_UNMET"];

const OTHERWISE: Readonly<Record<string, string>> = {
  GUARDED: "it belongs to the kernel or to the settings of an agent, and no rule allows it",
  DENY_RULE: "a deny rule denies it: no other rule helps",
  PATH_DENIED: "a path among its arguments is denied: that needs a rule, not the program",
  ARGUMENT_DENIED: "one of its arguments cannot be taken as what it seems to be",
  APPROVAL_PENDING: "it waits for a person's yes",
  APPROVAL_DENIED: "a person said no",
};

/** Marks of the redaction, and of what was cut off. */
const TAKEN_OUT = /\[redacted\]|\[truncated\]|…\[/;
const MAX_VALUE = 2000;

/** Params without which an action would be wider than what was asked. */
const NARROWED: Readonly<Record<string, readonly string[]>> = {
  "proc.exec": ["args", "cwd", "stdin"],
  "net.http": ["method", "headers", "body"],
  "fs.move": ["to", "overwrite"],
  "mcp.call": ["arguments"],
};
const INTERPRETERS =
  /^((ba|da|z|k|fi|c)?sh|node|deno|bun|python[\d.]*|ruby|perl|php|lua|env|xargs|sudo|npx|make)$/;

/** The rule that would allow a denied request, and why one should think twice. */
export function suggestionFor(denied: DeniedRequest): Suggestion {
  const { action, target, agent, code = "" } = denied;
  if (!LIFTED.includes(code)) {
    return { why: OTHERWISE[code] ?? `it was refused for another reason (${code || "no code"})` };
  }
  const narrowed = NARROWED[action] ?? [];
  if (denied.isRedacted) return { why: "its target looks like a secret, and is not on record" };
  if (narrowed.length > 0 && denied.params === undefined) {
    return { why: "its params are not on record: serve and mcp serve put them there" };
  }
  const params = denied.params ?? {};
  const pinned = narrowed.filter((name) => params[name] !== undefined);
  if (pinned.some((name) => hasTakenOut(params[name]))) {
    return { why: "one of its params looks like a secret, and is not whole on record" };
  }
  const constraint = Object.fromEntries([
    ...pinned.map((name) => [name, condition(params[name])]),
    ...narrowed.filter((name) => params[name] === undefined)
      .map((name) => [name, { exists: false }]),
  ]);
  const to = action === "fs.move" ? params["to"] : undefined;
  const resource = action.startsWith("net.") ? urlPattern(target) : escapePattern(target);
  const by = agent === undefined ? {} : { agent: escapePattern(agent) };
  const more = narrowed.length === 0 ? {} : { constraint };
  const goal = typeof to === "string" ? escapePattern(to) : undefined;
  return {
    rule: { action, ...by, resource: goal === undefined ? resource : [resource, goal], ...more },
    also: goal === undefined ? [] : [
      { action: ["fs.read", "fs.delete"], ...by, resource },
      { action: "fs.write", ...by, resource: goal },
    ],
    risks: risksOf(action, [target, ...typeof to === "string" ? [to] : []], params),
  };
}

/** INVARIANT: with its query, also if that is empty: a pattern without one stands for every query. */
function urlPattern(target: string): string {
  const [, authority = "", path = "", query = ""] =
    /^([^/]*\/\/[^/?]*)([^?]*)\??(.*)$/s.exec(target) ??
      [];
  return `${authority}${escapePattern(path)}?${escapePattern(query)}`;
}

/** The same text for rules that are the same. */
export function ruleKey(rule: SuggestedRule): string {
  return JSON.stringify(rule);
}

/** A value by itself means equality; a mapping would be read as operators. */
function condition(value: unknown): unknown {
  return value !== null && typeof value === "object" && !Array.isArray(value)
    ? { in: [value] }
    : value;
}

function hasTakenOut(value: unknown): boolean {
  if (typeof value === "string") return TAKEN_OUT.test(value) || value.length >= MAX_VALUE;
  if (value === null || typeof value !== "object") return false;
  return Object.entries(value).some(([name, inner]) => hasTakenOut(name) || hasTakenOut(inner));
}

function risksOf(
  action: string,
  targets: readonly string[],
  params: Readonly<Record<string, unknown>>,
): string[] {
  const { args, method } = params as { readonly args?: unknown; readonly method?: unknown };
  const words = action === "proc.exec" && Array.isArray(args) ? args.map(String) : [];
  const paths = action.startsWith("fs.") ? targets : words;
  const isWeb = /^net\./.test(action);
  const isRead = typeof method === "string" && ["GET", "HEAD"].includes(method);
  const found: readonly (readonly [boolean, string])[] = [
    [paths.some(isSecret), "SECRET: looks like one"],
    [
      paths.some(isSettings),
      "SETTINGS: other programs run or obey what stands there",
    ],
    [isWeb && !isRead, "NETWORK WRITE: sends data out"],
    [
      action === "proc.exec" && INTERPRETERS.test(basename(targets[0] ?? "")),
      "ANY CODE: the program runs what it is given",
    ],
    [action === "proc.exec", "runs a program, outside of a sandbox if behind a hook"],
    [/^fs\.(write|delete|move|mkdir)$/.test(action), "changes files"],
    [
      action === "fs.move",
      "a move needs what it does: its source can then be read and deleted, its goal be written, without a move too",
    ],
    [action === "mcp.call", "does what a server of somebody else makes of it"],
    [isWeb && isRead, "asks a host, which sees the address"],
    [/^fs\.(read|list|stat)$/.test(action), "shows files to a model"],
  ];
  const risks = found.flatMap(([holds, risk]) => holds ? [risk] : []);
  return risks.length === 0 ? ["a tool that the kernel does not know"] : risks;
}
