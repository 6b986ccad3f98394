/**
 * The keys `lists` and `sources` of a policy: which values are known, and which results may be trusted.
 *
 * @module
 */
import { isActionName, matchesAction } from "../core/action.ts";
import { canonicalJson } from "../core/json.ts";
import type { Problems } from "../core/policy/problem.ts";
import { isMapping, type Mapping } from "../core/policy/shape.ts";
import { sha256 } from "../core/request.ts";
import { type ActionTable, type KindName, specOf } from "../core/resource/kind.ts";
import { KINDS } from "../core/resource/table.ts";
import { PatternTrie } from "../core/resource/trie.ts";
import { CanonicalError, PatternError, type World } from "../core/resource/world.ts";
import { leavesOf, type Trusted } from "./extraction.ts";
import { SourceKnowledge } from "./source_knowledge.ts";

/** A source of results. */
export interface Source extends Trusted {
  readonly id: string;
  /** Under which a session keeps what it learned: of another definition nothing is taken over. */
  readonly key: string;
  /** Whether its values must not go out. */
  readonly isSecret: boolean;
  /** Whether a request reads it. */
  covers(action: string, target: string): boolean;
  /** Kinds of the targets that it is read by. */
  readonly kinds: ReadonlySet<KindName>;
  /** Whether an action may change what it says. */
  isChangedBy(action: string): boolean;
}

/** How a policy's lists and sources are read. */
export interface SourceOptions {
  readonly world: World;
  readonly actions: ActionTable;
  readonly expand: (pattern: string, kind: KindName) => string;
  /** The text of the file of a list. */
  readonly readList: (path: string) => string;
  readonly problems: Problems;
}

/** Names of lists and sources. */
export const LIST_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAME_FORM = "a lower-case letter, then at most 63 lower-case letters, digits, _ and -";
/** Most values of a list. */
export const MAX_LIST = 100_000;
/** The keys of a list, of which it has one. */
export const LIST_KEYS: readonly string[] = ["values", "file"];
/** The keys of a source. */
export const SOURCE_KEYS: readonly string[] = [
  "id",
  "action",
  "resource",
  "fields",
  "links",
  "secret",
  "changed_by",
];
const ACTION_PATTERN = /^(\*|[A-Za-z0-9_-]+)(\.(\*|[A-Za-z0-9_-]+))*$/;

/** Reads `lists`: by their names. */
export function readLists(
  source: unknown,
  { readList, problems }: Pick<SourceOptions, "readList" | "problems">,
): Map<string, SourceKnowledge> {
  const lists = new Map<string, SourceKnowledge>();
  if (source === undefined || source === null) return lists;
  if (!isMapping(source)) {
    problems.add("Expected a mapping from names to lists, like {team: {values: [a@example.com]}}");
    return lists;
  }
  for (const [name, list] of Object.entries(source)) {
    const at = problems.at(name);
    if (!LIST_NAME.test(name) || name === "prompt") {
      at.add(`Expected a name of ${NAME_FORM}, not "prompt"`);
    }
    const values = valuesOfList(list, at, readList);
    if (values === undefined) continue;
    const known = new SourceKnowledge(name);
    for (const [i, value] of values.entries()) {
      for (const leaf of leavesOf(value)) {
        known.values.push([leaf.value, `list:${name}:${i}`, undefined]);
      }
    }
    lists.set(name, known);
  }
  return lists;
}

function valuesOfList(
  source: unknown,
  problems: Problems,
  readList: (path: string) => string,
): readonly unknown[] | undefined {
  const list = isMapping(source) ? source : {};
  const { values, file } = list;
  const isList = Array.isArray(values) && values.every(isEntry);
  const isFile = typeof file === "string" && file !== "";
  if (
    Object.keys(list).some((key) => !LIST_KEYS.includes(key)) || isList === isFile ||
    (values !== undefined) === (file !== undefined)
  ) {
    problems.add(
      "Expected {values: [...]} with texts, numbers and mappings of them, or {file: path}",
    );
    return undefined;
  }
  try {
    const found = isList ? values : linesOf(readList(file as string));
    if (found.length <= MAX_LIST) return found;
    problems.add(`Has ${found.length} values, expected at most ${MAX_LIST}`);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
    problems.at("file").add(error.message);
  }
  return undefined;
}

function isEntry(value: unknown): boolean {
  const isLeaf = (one: unknown) => typeof one === "string" || typeof one === "number";
  return isLeaf(value) || isMapping(value) && Object.values(value).every(isLeaf);
}

/** One value a line; `#` begins a comment at the beginning of a line or behind white space. */
function linesOf(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
}

/** Reads `sources`. */
export function readSources(source: unknown, options: SourceOptions): Source[] {
  const { problems } = options;
  if (source === undefined || source === null) return [];
  if (!Array.isArray(source)) {
    problems.add("Expected a list of sources, like [{id: contacts, action: contacts.search}]");
    return [];
  }
  const ids = new Set<string>(["prompt"]);
  return source.flatMap((one, i) => {
    const at = problems.at(i);
    const found = readSource(one, { ...options, problems: at });
    if (found === undefined) return [];
    if (ids.has(found.id)) at.at("id").add(`The id "${found.id}" is used twice, or is "prompt"`);
    ids.add(found.id);
    return [found];
  });
}

function readSource(source: unknown, options: SourceOptions): Source | undefined {
  const { problems } = options;
  if (!isMapping(source)) {
    problems.add("Expected a mapping with id and action");
    return undefined;
  }
  for (const key of Object.keys(source).filter((key) => !SOURCE_KEYS.includes(key))) {
    problems.at(key).add(`Unknown key "${key}", expected one of ${SOURCE_KEYS.join(", ")}`);
  }
  const { id, fields, links, secret, changed_by: changers = [] } = source;
  if (typeof id !== "string" || !LIST_NAME.test(id)) {
    problems.at("id").add(`Expected an id of ${NAME_FORM}`);
    return undefined;
  }
  for (const [key, value] of Object.entries({ links, secret })) {
    if (value !== undefined && typeof value !== "boolean") {
      problems.at(key).add("Expected true or false");
    }
  }
  const paths = fields === undefined ? undefined : readFields(fields, problems.at("fields"));
  const patterns = readActions(source["action"], problems.at("action"), options.actions);
  const changing = readActions(changers, problems.at("changed_by"), options.actions);
  const covers = coverage(source, patterns, options);
  const written = withVariables(source, patterns, options);
  return {
    id,
    key: `${id}#${sha256(canonicalJson(written)).slice(0, 16)}`,
    fields: paths,
    links: links === true,
    isSecret: secret === true,
    covers,
    kinds: kindsOf(patterns, options.actions),
    isChangedBy: (action) => changing.some((pattern) => matchesAction(pattern, action)),
  };
}

function readActions(source: unknown, problems: Problems, actions: ActionTable): string[] {
  const names = [source].flat();
  const known = Object.keys(actions);
  const found = names.filter((name): name is string => {
    if (typeof name === "string" && ACTION_PATTERN.test(name)) {
      const namespace = name.slice(0, name.indexOf(".") + 1);
      const peers = known.filter((one) => namespace !== "" && one.startsWith(namespace));
      if (!isActionName(name) || peers.length === 0 || peers.includes(name)) return true;
      problems.add(`There is no action "${name}", expected one of ${peers.join(", ")}`);
      return false;
    }
    problems.add("Expected an action or a pattern like mail.*, or a list of them");
    return false;
  });
  return found;
}

function readFields(source: unknown, problems: Problems): string[][] {
  return [source].flat().flatMap((field) => {
    if (typeof field === "string" && /^[^.]+(\.[^.]+)*$/.test(field)) return [field.split(".")];
    problems.add('Expected a way into the result like "items.*.email", or a list of them');
    return [];
  });
}

/** What requests a source is read by: by action, and by the resource patterns of the kind of its target. */
function coverage(
  source: Mapping,
  patterns: readonly string[],
  { world, actions, expand, problems }: SourceOptions,
): Source["covers"] {
  const { resource } = source;
  const matchesOne = (action: string) => patterns.some((pattern) => matchesAction(pattern, action));
  if (resource === undefined) return matchesOne;
  const texts = [resource].flat();
  const kinds = kindsOf(patterns, actions);
  const tries = new Map<KindName, PatternTrie<true>>();
  for (const kind of kinds) {
    const trie = new PatternTrie<true>();
    for (const text of texts) {
      try {
        if (typeof text !== "string" || text === "") throw new PatternError("Expected a pattern");
        for (const { steps } of KINDS[kind].compile(expand(text, kind), world)) {
          trie.insert(steps, true);
        }
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        problems.at("resource").add(error.message);
      }
    }
    tries.set(kind, trie);
  }
  return (action, target) => {
    if (!matchesOne(action)) return false;
    const { kind } = specOf(actions, action);
    try {
      return (tries.get(kind)?.match(KINDS[kind].segments(target)).length ?? 0) > 0;
    } catch (error) {
      if (error instanceof CanonicalError) return false;
      throw error;
    }
  };
}

/** The definition with what its variables stand for: with other values it is another source. */
function withVariables(
  source: Mapping,
  patterns: readonly string[],
  { actions, expand }: SourceOptions,
): unknown {
  const texts = [source["resource"] ?? []].flat().filter((text) => typeof text === "string");
  if (!texts.some((text) => text.includes("$"))) return source;
  try {
    const kinds = Array.from(kindsOf(patterns, actions)).toSorted();
    return [source, kinds.map((kind) => texts.map((text) => expand(text, kind)))];
  } catch (error) {
    if (error instanceof PatternError) return source; // It is refused already.
    throw error;
  }
}

function kindsOf(patterns: readonly string[], actions: ActionTable): Set<KindName> {
  const names = Object.keys(actions).filter((action) =>
    patterns.some((pattern) => matchesAction(pattern, action))
  );
  return new Set(
    [...names, ...patterns.filter(isActionName)].map((name) => specOf(actions, name).kind),
  );
}
