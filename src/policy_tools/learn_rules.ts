/**
 * Rules for what was done.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import { type ActionTable, type KindName, specOf } from "../core/resource/kind.ts";
import { escapePattern } from "../core/resource/pattern.ts";
import { KINDS } from "../core/resource/table.ts";
import { canonicalOrError } from "../core/resource/world.ts";
import type { Generalisation, Seen, Variant } from "./seen.ts";
import { AS_RECORDED, type PastRequest } from "./past_request.ts";
import { isPlain, type WrittenItem } from "./policy_text.ts";
import { isSensitive, sensitiveBelow } from "./sensitive.ts";

/** One thing that was done, and so is to be allowed. */
export interface Grant {
  readonly action: string;
  readonly target: string;
  readonly agent: string | undefined;
  readonly constraint: Readonly<Record<string, unknown>> | undefined;
  readonly count: number;
  readonly first: string;
  readonly last: string;
  /** What it is part of: `cwd of proc.exec`. */
  readonly as?: string;
}

/** The rules of a proposal. */
export interface Rulebook {
  readonly capabilities: readonly WrittenItem[];
  readonly deny: readonly WrittenItem[];
}

/** The grants for one target, and why some of what was done is not granted. */
export function grantsOf(
  seen: Seen,
  { actions, denied, mark }: {
    readonly actions: ActionTable;
    readonly denied: readonly PastRequest[];
    /** Stands for what was redacted. */
    readonly mark: string;
  },
): { readonly grants: readonly Grant[]; readonly left: readonly string[] } {
  const { action, target, agent, count, first, last, variants } = seen;
  const spec = specOf(actions, action);
  const evidence = { agent, count, first, last };
  const base: Omit<Grant, "constraint"> = { action, target, ...evidence };
  const all = Array.from(variants.values());
  const isRefused = (same: (a: Params, b: Params) => boolean) =>
    denied.some(({ params: no }) =>
      no === undefined || all.length === 0 || all.some(({ params }) => same(params, no))
    );
  const further = (spec.resources ?? []).flatMap(({ param, action: under, kind }): Grant[] => {
    const named = new Set(
      all.map(({ params }) => params[param]).filter((one) => typeof one === "string"),
    ).values().filter((one) => isCanonical(one, kind)).toArray();
    return Array.from(named, (other) => ({
      ...evidence,
      action: under,
      target: other,
      constraint: undefined,
      as: `"${param}" of ${action}`,
    }));
  });
  // A move is also what it does to both of its ends.
  const parts = (spec.implies ?? []).flatMap(({ action: part, param }): Grant[] => {
    const named = param === undefined ? [target] : further.map((one) => one.target);
    return named.map((on) => ({
      ...evidence,
      action: part,
      target: on,
      constraint: undefined,
      as: `part of ${action}`,
    }));
  });
  further.push(...parts);
  if (action === "net.http") {
    if (isRefused((a, b) => methodOf(a) === methodOf(b))) {
      return exactly(seen, { base, denied, mark });
    }
    const methods = Array.from(new Set(all.map(({ params }) => methodOf(params)))).sort();
    return { grants: [{ ...base, constraint: { method: oneOf(methods) } }], left: [] };
  }
  if (spec.kind !== "command") {
    if (denied.length > 0) return exactly(seen, { base, denied, mark, further });
    return { grants: [{ ...base, constraint: undefined }, ...further], left: [] };
  }
  const commandOf = ({ args = [], cwd = null }: Params) => canonicalJson([args, cwd]);
  if (isRefused((a, b) => commandOf(a) === commandOf(b))) {
    return exactly(seen, { base, denied, mark, further });
  }
  const known = all.filter(({ params }) =>
    !commandOf(params).includes(mark) && isPlain(params["args"] ?? [])
  );
  const groups = Map.groupBy(
    known,
    ({ params: { cwd, stdin } }) => canonicalJson([cwd ?? null, stdin !== undefined]),
  );
  const grants = Array.from(groups.values(), (group): Grant => {
    const [{ params: { cwd, stdin } }] = group as [Variant];
    const lists = new Map(
      group.map(({ params: { args = [] } }) => [canonicalJson(args), args]),
    );
    return {
      ...base,
      count: group.reduce((sum, { count }) => sum + count, 0),
      constraint: {
        args: { in: Array.from(lists.values()) },
        cwd: cwd === undefined ? { exists: false } : cwd,
        ...stdin === undefined ? { stdin: { exists: false } } : {},
      },
    };
  });
  const left = Array.from(
    { length: all.length - known.length },
    () => `params of ${action} were redacted`,
  );
  return { grants: [...grants, ...further], left };
}

/** Whether a target of a log is one: what is written into a policy has to be. */
export function isCanonical(target: string, kind: KindName): boolean {
  return canonicalOrError(() => KINDS[kind].normalise(target, AS_RECORDED)) === target;
}

type Params = Readonly<Record<string, unknown>>;

function methodOf({ method = "GET" }: Params): string {
  return String(method);
}

/** Where the same target was denied with other params: each of what was done for itself. */
function exactly(
  { action, variants }: Seen,
  { base, denied, mark, further = [] }: {
    readonly further?: readonly Grant[];
    readonly base: Omit<Grant, "constraint">;
    readonly denied: readonly PastRequest[];
    readonly mark: string;
  },
): { readonly grants: readonly Grant[]; readonly left: readonly string[] } {
  const text = (params: unknown) => canonicalJson(params ?? {});
  const refused = new Set(denied.map(({ params }) => text(params)));
  const isUnknown = variants.size === 0 || denied.some(({ params }) => params === undefined);
  if (isUnknown) {
    return { grants: [], left: [`${action} on a target on which it was denied as well`] };
  }
  const names = new Set(denied.flatMap(({ params }) => Object.keys(params ?? {})));
  const left: string[] = [];
  const grants = Array.from(variants.values()).flatMap(({ params, count }): Grant[] => {
    if (refused.has(text(params))) {
      left.push(`${action} that was denied as well, with the same params`);
      return [];
    }
    if (
      text(params).includes(mark) || !isPlain(params) ||
      Object.keys(params).some((name) => /^$|\./.test(name))
    ) {
      left.push(
        `${action} on a target on which it was denied as well, with params that cannot be written`,
      );
      return [];
    }
    const own = Object.entries(params).map(([name, value]) =>
      [name, value !== null && typeof value === "object" ? { in: [value] } : value] as const
    );
    const others = Array.from(names).filter((name) =>
      !Object.hasOwn(params, name) && !/^$|\./.test(name)
    )
      .map((name) => [name, { exists: false }] as const);
    return [{ ...base, count, constraint: Object.fromEntries([...own, ...others]) }];
  });
  return { grants: grants.length === 0 ? [] : [...grants, ...further], left };
}

function oneOf(values: readonly string[]): unknown {
  return values.length === 1 ? values[0] : { in: values };
}

interface RulebookOptions {
  readonly actions: ActionTable;
  readonly generalise: Generalisation;
  readonly denied: readonly PastRequest[];
}

/** A pattern with the grants that it stands for. */
interface Granted {
  readonly pattern: string;
  readonly grants: readonly Grant[];
  /** The folder of a pattern that is wider than what was done. */
  readonly folder?: string;
}

/** Puts grants together to rules. */
export function rulebookOf(grants: readonly Grant[], options: RulebookOptions): Rulebook {
  const { actions } = options;
  const sensitive = grants.filter(({ action, target }) =>
    specOf(actions, action).kind === "path" && target.split("/").some(isSensitive)
  ).map(({ target }) => target);
  const alike = Map.groupBy(
    grants,
    ({ action, agent, constraint }) => JSON.stringify([action, agent ?? null, constraint ?? null]),
  );
  const byPattern = new Map<string, Unit & { readonly grants: Grant[] }>();
  const folders = new Set<string>();
  for (const group of alike.values()) {
    const [{ action, constraint }] = group as [Grant];
    const { kind } = specOf(actions, action);
    for (const { pattern, grants, folder } of patternsFor(kind, group, { ...options, sensitive })) {
      if (folder !== undefined) folders.add(folder);
      const key = JSON.stringify([pattern, kind, constraint ?? null]);
      const entry = byPattern.get(key) ?? { pattern, kind, constraint, grants: [] };
      entry.grants.push(...grants);
      byPattern.set(key, entry);
    }
  }
  const units = Array.from(byPattern.values()).flatMap(splitByAgents);
  const rules = Map.groupBy(
    units,
    ({ kind, constraint, grants }) =>
      JSON.stringify([kind, actionsOf(grants), agentsOf(grants), constraint ?? null]),
  );
  const ids = new Map<string, number>();
  const capabilities = Array.from(rules.values(), (all) => writtenRule(all, ids));
  return { capabilities, deny: guardsFor(Array.from(folders)) };
}

/** What is granted by one pattern of one rule: all of its agents may do all of its actions. */
interface Unit {
  readonly pattern: string;
  readonly kind: KindName;
  readonly constraint: Grant["constraint"];
  readonly grants: readonly Grant[];
}

/** INVARIANT: one agent did this and another one that: neither gets what the other did. */
function splitByAgents(unit: Unit): Unit[] {
  const byAgent = Map.groupBy(unit.grants, ({ agent }) => agent ?? "\0");
  const alike = Map.groupBy(
    byAgent.values(),
    (grants) => JSON.stringify([actionsOf(grants), grants[0]?.agent === undefined]),
  );
  return Array.from(alike.values(), (some) => ({ ...unit, grants: some.flat() }));
}

function actionsOf(grants: readonly Grant[]): string[] {
  return Array.from(new Set(grants.map(({ action }) => action))).sort();
}

function agentsOf(grants: readonly Grant[]): string[] {
  return Array.from(new Set(grants.flatMap(({ agent }) => agent ?? []))).sort();
}

function writtenRule(units: readonly Unit[], ids: Map<string, number>): WrittenItem {
  const grants = units.flatMap(({ grants }) => grants);
  const actions = actionsOf(grants);
  const agents = agentsOf(grants);
  const name = (actions[0] ?? "").replace(/[^A-Za-z0-9]+/g, "-");
  const number = (ids.get(name) ?? 0) + 1;
  ids.set(name, number);
  const count = grants.reduce((sum, one) => sum + one.count, 0);
  const times = grants.flatMap(({ first, last }) => [first, last]).sort();
  const [example] = grants as [Grant];
  const as = new Set(grants.flatMap((one) => one.as ?? []));
  const isSecret = grants.some(({ target }) => target.split("/").some(isSensitive));
  const { constraint } = units[0] as Unit;
  return {
    comments: [
      `${
        count === 1 ? `Once, ${times[0]}` : `${count} times, ${times[0]} to ${times.at(-1)}`
      }, for example ${cut(example.target)}`,
      ...as.size === 0 ? [] : [`as ${Array.from(as).join(", ")}`],
      ...isSecret
        ? ["LOOK: what seems to be a secret, or what tells agents and programs what to do"]
        : [],
    ],
    entries: [
      ["id", `${name}-${number}`],
      ["action", actions],
      ["resource", Array.from(new Set(units.map(({ pattern }) => pattern)))],
      ...agents.length === 0 ? [] : [["agent", agents.map(escapePattern)] as const],
      ...constraint === undefined ? [] : [["constraint", constraint] as const],
    ],
  };
}

function cut(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

/** What is generalised over never covers what looks like a secret. */
function guardsFor(folders: readonly string[]): WrittenItem[] {
  if (folders.length === 0) return [];
  const outer = folders.toSorted().filter((one) =>
    !folders.some((other) => other !== one && one.startsWith(`${other}/`))
  );
  return [{
    comments: [
      "What was done is generalised here: not over secrets, and not over what agents and programs obey",
    ],
    entries: [
      ["id", "secrets-and-settings"],
      ["action", "fs.*"],
      ["resource", sensitiveBelow(outer)],
    ],
  }];
}

/** Folders that are nobody's project: all below them is more than anybody means. */
const TOO_WIDE = /^\/[^/]+$|^\/(home|Users|var|usr)\/[^/]+$|^\/(etc|proc|sys|dev|run|boot)\//;

function patternsFor(
  kind: KindName,
  grants: readonly Grant[],
  options: RulebookOptions & { readonly sensitive: readonly string[] },
): Granted[] {
  const literal = (one: Grant): Granted => ({
    pattern: patternOf(kind, one.target),
    grants: [one],
  });
  const { by, examples = 2 } = options.generalise;
  if (by === "literal" || kind === "command") return grants.map(literal);
  const [{ action }] = grants as [Grant];
  const blocked = [
    ...options.denied.filter((one) => one.action === action).map(({ target }) => target),
    ...options.sensitive,
  ];
  const levels = Map.groupBy(
    grants.flatMap((grant) =>
      foldersOf(kind, grant.target).map((folder, i, all) => ({
        grant,
        folder,
        isOwn: i === all.length - 1,
      }))
    ).filter(({ isOwn }) => by === "prefix" || isOwn),
    ({ folder }) => folder,
  );
  const wide = Array.from(levels).filter(([folder, all]) =>
    new Set(all.map(({ grant }) => grant.target)).size >= examples &&
    !(kind === "path" && TOO_WIDE.test(folder)) &&
    !folder.split("/").some(isSensitive) &&
    !blocked.some((target) => target === folder || target.startsWith(`${folder}/`))
  );
  const sizes = new Map(wide.map(([folder, all]) => [folder, all.length]));
  const isWide = (folder: string) => sizes.has(folder);
  const taken = new Map<string, Grant[]>();
  const rest = grants.filter((grant) => {
    const own = foldersOf(kind, grant.target).slice(by === "folder" ? -1 : 0).filter(isWide);
    // The outermost one, and of those that hold the same the innermost.
    const folder = own.findLast((one) => sizes.get(one) === sizes.get(own[0] ?? ""));
    if (folder === undefined) return true;
    taken.set(folder, [...taken.get(folder) ?? [], grant]);
    return false;
  });
  return [
    ...Array.from(taken, ([folder, all]): Granted => {
      const escaped = escapeTarget(kind, folder);
      const pattern = `${escaped}/${by === "folder" ? "*" : "**"}`;
      return { pattern, grants: all, ...kind === "path" ? { folder: escaped } : {} };
    }),
    ...rest.map(literal),
  ];
}

/** The folders that a target is in, the outermost first. */
function foldersOf(kind: KindName, target: string): string[] {
  const origin = kind === "url" ? new URL(target).origin : "";
  const path = kind === "url" ? new URL(target).pathname : target;
  const names = path.split("/").slice(0, -1);
  const folders = names.map((_, i) => `${origin}${names.slice(0, i + 1).join("/")}`);
  // The whole of a host, of a server of tools; not the whole file system.
  return kind === "path" ? folders.filter((folder) => folder !== "") : folders;
}

function escapeTarget(kind: KindName, target: string): string {
  if (kind !== "url") return escapePattern(target);
  const { origin } = new URL(target);
  const [path = "", ...query] = target.slice(origin.length).split("?");
  return [
    `${origin}${escapePattern(path)}`,
    ...query.length === 0 ? [] : [escapePattern(query.join("?"))],
  ]
    .join("?");
}

/** A pattern for this target, and no other one. */
function patternOf(kind: KindName, target: string): string {
  if (kind !== "url") return escapePattern(target);
  // Without "?" the query would be any.
  return KINDS.url.segments(target).at(-1) === "?"
    ? `${escapeTarget(kind, target)}?`
    : escapeTarget(kind, target);
}
