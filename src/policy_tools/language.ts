/**
 * Questions about all targets of patterns at once: which words do these patterns have in common that
 * those do not match?
 *
 * Patterns are regular, so the answer is exact. The patterns that must match are followed as an NFA; of
 * those that must not, all ways are followed at once (the subset construction, made only where it is
 * needed). Of two states with the same way ahead only the one that those match less is followed: an
 * antichain (De Wulf, Doyen, Henzinger, Raskin, CAV 2006), without which patterns that look for a name at
 * any depth would each double the states.
 *
 * @module
 */
import { type CharacterClass, type GlobStep, MANY, type Step } from "../core/resource/pattern.ts";

import {
  acceptsCharacter,
  afterCharacter,
  afterSegment,
  type AnyStep,
  closed,
  Cover,
  matchesGlob,
  type Node,
  skipped,
} from "./cover.ts";

/** A word that was found, and what matches it. */
export interface Found<T> {
  /** Its symbols. */
  readonly word: readonly string[];
  /** The values of the patterns that match it. */
  readonly values: readonly T[];
}

/** What bounds a search. */
export class Budget {
  #left: number;
  readonly #total: Budget | undefined;

  /**
   * @param states So many states of automata may be looked at.
   * @param total A budget that they are taken from as well.
   */
  constructor(states: number, total?: Budget) {
    this.#left = states;
    this.#total = total;
  }

  /** Takes one. @returns Whether there was one left. */
  take(): boolean {
    return this.#left-- > 0 && (this.#total?.take() ?? true);
  }

  /** Takes all that is left. */
  exhaust(): void {
    this.#left = -1;
  }

  /** Whether a search had to end early, so that nothing follows from what it did not find. */
  get spent(): boolean {
    return this.#left < 0 || (this.#total?.spent ?? false);
  }
}

/** A symbol that can come next. */
interface Next<T, P> {
  readonly symbol: string;
  readonly phase: P;
  readonly nodes: readonly Node<T>[];
}

interface SearchOptions<T, P> {
  readonly start: P;
  readonly accepts: (phase: P) => boolean;
  /** The symbols that can come next, as far as they differ in what matches them. */
  readonly next: (
    labels: readonly AnyStep[],
    phase: P,
    nodes: readonly Node<T>[],
  ) => readonly Next<T, P>[];
  readonly isWanted: (values: readonly T[]) => boolean;
  readonly budget: Budget;
}

interface State<T, P> {
  readonly at: readonly number[];
  readonly phase: P;
  readonly nodes: readonly Node<T>[];
  readonly symbol: string;
  readonly before: State<T, P> | undefined;
}

/** Most words that one search gives. */
const MAX_FOUND = 64;

/** Words that all of `lefts` match, the shortest first, of which the least is matched by the cover. */
function search<T, P>(
  lefts: readonly (readonly AnyStep[])[],
  roots: readonly Node<T>[],
  { start, accepts, next, isWanted, budget }: SearchOptions<T, P>,
): Found<T>[] {
  const found: { word: readonly string[]; values: ReadonlySet<T> }[] = [];
  const seen = new Map<string, (readonly Node<T>[])[]>();
  const first = { at: lefts.map(() => 0), phase: start, nodes: closed(roots), symbol: "" };
  const queue: State<T, P>[] = [];
  const visit = (state: State<T, P>) => {
    const key = `${state.at.join()} ${String(state.phase)}`;
    const others = seen.get(key) ?? [];
    if (others.some((other) => isSubset(other, state.nodes))) return;
    seen.set(key, [...others.filter((other) => !isSubset(state.nodes, other)), state.nodes]);
    queue.push(state);
  };
  visit({ ...first, before: undefined });
  for (let i = 0; i < queue.length && found.length < MAX_FOUND; i++) {
    if (!budget.take()) break;
    const state = queue[i] as State<T, P>;
    const { at, phase, nodes } = state;
    for (const positions of combinations(at.map((from, k) => skipped(lefts[k] ?? [], from)))) {
      const labels = positions.map((position, k) => lefts[k]?.[position]);
      if (labels.every((label) => label === undefined)) {
        if (!accepts(phase)) continue;
        const values = new Set(nodes.flatMap((node) => node.values));
        if (!isWanted(Array.from(values))) continue;
        if (found.some((other) => other.values.isSubsetOf(values))) continue;
        found.push({ word: wordOf(state), values });
        if (values.size === 0) return [{ word: wordOf(state), values: [] }];
      }
      if (labels.includes(undefined)) continue;
      const steps = labels as AnyStep[];
      const after = positions.map((position, k) => steps[k] === MANY ? position : position + 1);
      for (const one of next(steps, phase, nodes)) {
        visit({ at: after, phase: one.phase, nodes: one.nodes, symbol: one.symbol, before: state });
      }
    }
  }
  // There may be more: nothing follows from what is not among these.
  if (found.length >= MAX_FOUND) budget.exhaust();
  return found.map(({ word, values }) => ({ word, values: Array.from(values) }));
}

function wordOf<T, P>(state: State<T, P>): string[] {
  const word: string[] = [];
  for (let one = state; one.before !== undefined; one = one.before) word.push(one.symbol);
  return word.reverse();
}

/** Both are sorted by number. */
function isSubset<T>(a: readonly Node<T>[], b: readonly Node<T>[]): boolean {
  if (a.length > b.length) return false;
  let j = 0;
  for (const { id } of a) {
    while (j < b.length && (b[j] as Node<T>).id < id) j++;
    if (b[j]?.id !== id) return false;
  }
  return true;
}

function combinations<V>(choices: readonly (readonly V[])[]): V[][] {
  return choices.reduce<V[][]>(
    (all, some) => all.flatMap((one) => some.map((value) => [...one, value])),
    [[]],
  );
}

/** Characters that a segment may have. */
export interface Characters {
  /** What every segment begins with. */
  readonly prefix: string;
  readonly allows: (character: string) => boolean;
  /** Fewest characters after the prefix. */
  readonly min: number;
  /** Whole segments that there are not. */
  readonly without?: readonly string[];
}

/** What can come next in a target. */
export type Shape =
  & { readonly phase: string }
  & (
    | { readonly fixed: readonly string[] }
    /** So many that which of them it is matters only where a pattern names it. */
    | { readonly pool: readonly string[] }
    | { readonly open: Characters }
  );

/** The form of the targets of one kind. */
export interface Grammar {
  readonly start: string;
  readonly accepts: (phase: string) => boolean;
  /** By phase. */
  readonly shapes: Readonly<Record<string, readonly Shape[]>>;
}

/**
 * Finds targets that all patterns match.
 *
 * @param lefts Steps of patterns that have to match; none for any target.
 * @param cover Patterns that should not match.
 * @param options The form of targets; which sets of matching values are of no interest; the bound.
 * @returns Targets as segments, the ones with the fewest segments first. Of each target that there is, the
 * matching values include those of one that is returned: so if none is, there is none, unless the budget
 * is spent.
 */
export function targetsOutside<T>(
  lefts: readonly (readonly Step[])[],
  cover: Cover<T>,
  { grammar, isWanted = () => true, budget }: {
    readonly grammar: Grammar;
    readonly isWanted?: (values: readonly T[]) => boolean;
    readonly budget: Budget;
  },
): Found<T>[] {
  return search<T, string>(lefts.length === 0 ? [[MANY]] : lefts, [cover.root], {
    start: grammar.start,
    accepts: grammar.accepts,
    isWanted,
    budget,
    next(labels, phase, nodes) {
      return (grammar.shapes[phase] ?? []).flatMap((shape) =>
        segmentsFor(labels, shape, { nodes, budget }).map((symbol) => ({
          symbol,
          phase: shape.phase,
          nodes: afterSegment(nodes, symbol),
        }))
      );
    },
  });
}

function accepts(label: AnyStep, segment: string): boolean {
  if (typeof label === "string") return label === segment;
  return typeof label !== "object" || !("glob" in label) ||
    matchesGlob(label.glob, Array.from(segment));
}

/** Segments of a shape that all labels accept, one for each way in which the nodes match them least. */
function segmentsFor<T>(
  labels: readonly AnyStep[],
  shape: Shape,
  { nodes, budget }: { readonly nodes: readonly Node<T>[]; readonly budget: Budget },
): string[] {
  const fits = (segment: string) => labels.every((label) => accepts(label, segment));
  const literal = labels.find((label) => typeof label === "string");
  if (literal !== undefined) return isOf(shape, literal) && fits(literal) ? [literal] : [];
  if ("fixed" in shape) return shape.fixed.filter(fits);
  const isNamed = (segment: string) => nodes.some(({ literals }) => literals.has(segment));
  if ("pool" in shape) {
    const free = shape.pool.find((segment) => !isNamed(segment) && fits(segment));
    return free === undefined ? shape.pool.filter(fits) : [free];
  }
  const { open } = shape;
  const globs = labels.flatMap((label) =>
    typeof label === "object" && "glob" in label ? [label.glob] : []
  );
  if (globs.length === 0 && nodes.every((node) => node.globs.size === 0)) {
    // No pattern looks into the segment: any that none names will do.
    for (let i = 0; i < 10_000; i++) {
      const segment = `${open.prefix}${i === 0 ? "x" : `x${i}`}`;
      if (!isNamed(segment) && isOf(shape, segment)) return [segment];
    }
  }
  const roots = nodes.flatMap((node) => {
    node.characters ??= charactersOf(node, open.without ?? []);
    return [node.characters.root];
  });
  return charactersOutside(globs, roots, { open, budget });
}

function isOf(shape: Shape, segment: string): boolean {
  if ("fixed" in shape) return shape.fixed.includes(segment);
  // What a pattern names in such a place is a port or an address.
  if ("pool" in shape) return !/^[@:?&/]/.test(segment);
  const { prefix, allows, min, without = [] } = shape.open;
  if (!segment.startsWith(prefix) || without.includes(segment)) return false;
  const rest = Array.from(segment.slice(prefix.length));
  return rest.length >= min && rest.every(allows);
}

/** Stands for a segment that there is not. */
const NEVER = "\0never";

function charactersOf<T>(node: Node<T>, without: readonly string[]): Cover<string> {
  const cover = new Cover<string>();
  for (const [key, { glob }] of node.globs) cover.insert(glob, `glob ${key}`);
  for (const literal of node.literals.keys()) cover.insert(Array.from(literal), `text ${literal}`);
  for (const segment of without) cover.insert(Array.from(segment), NEVER);
  return cover;
}

/** Characters that are tried first, so that examples can be read. */
const READABLE = Array.from(
  "xabcdefghijklmnopqrstuvwyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_~.+=@ é☃",
);

function charactersOutside(
  lefts: readonly (readonly GlobStep[])[],
  roots: readonly Node<string>[],
  { open, budget }: { readonly open: Characters; readonly budget: Budget },
): string[] {
  const { prefix, allows, min } = open;
  const head = Array.from(prefix);
  const found = search<string, number>(lefts.length === 0 ? [[MANY]] : lefts, roots, {
    start: 0,
    // How many characters there are, as far as it matters.
    accepts: (count) => count >= head.length + min,
    isWanted: (values) => !values.includes(NEVER),
    budget,
    next(labels, count, nodes) {
      const only = head[count];
      const fits = (character: string) =>
        (only === undefined ? allows(character) : character === only) &&
        labels.every((label) => acceptsCharacter(label as GlobStep, character));
      const phase = Math.min(count + 1, head.length + min);
      const to = (symbol: string) => ({ symbol, phase, nodes: afterCharacter(nodes, symbol) });
      if (only !== undefined) return fits(only) ? [to(only)] : [];
      const named = new Set(nodes.flatMap(({ literals }) => Array.from(literals.keys())));
      const sets = nodes.flatMap(({ classes }) => Array.from(classes.values(), ({ set }) => set));
      const free = READABLE.find((one) =>
        fits(one) && !named.has(one) && !sets.some((set) => set.accepts(one))
      );
      // Nothing looks less matched to the patterns than what none of them names.
      if (free !== undefined) return [to(free)];
      const own = labels.flatMap((label) => typeof label === "object" ? [label] : []);
      const all = new Set([
        ...READABLE,
        ...named,
        ...Array.from(named, after),
        ...labels.filter((label) => typeof label === "string"),
        ...[...sets, ...own as CharacterClass[]].flatMap(edges),
      ]);
      return Array.from(all).filter((one) => one !== "" && fits(one)).map(to);
    },
  });
  return found.map(({ word }) => word.join(""));
}

function after(character: string): string {
  const code = (character.codePointAt(0) ?? 0) + 1;
  return code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? "" : String.fromCodePoint(code);
}

/** The characters at which the answer of a set changes, on both sides. */
function edges({ text }: CharacterClass): string[] {
  const members = Array.from(text.replace(/\\(.)/gsu, "$1"));
  return members.flatMap((one) => {
    const code = one.codePointAt(0) ?? 0;
    return [code > 0 ? String.fromCodePoint(code - 1) : "", one, after(one)];
  });
}
