/**
 * Many patterns matched at once: the index of the rules.
 *
 * @module
 */
import { type GlobStep, MANY, ONE, type Step } from "./pattern.ts";

/** A state of the automaton. All have the same fields in the same order, which V8 reads fastest. */
class Node<T> {
  /** Edges of literal symbols. */
  readonly literals = new Map<string, Node<T>>();
  /** Edge of `*`. */
  one: Node<T> | undefined = undefined;
  /** Edge of `**`, which takes no symbol; its node has a loop to itself. */
  many: Node<T> | undefined = undefined;
  /** Edges of globs within a segment, in a trie over characters. */
  globs: PatternTrie<Node<T>> | undefined = undefined;
  /** Edges of character classes, by their text. */
  classes: Map<string, { accepts(symbol: string): boolean; node: Node<T> }> | undefined = undefined;
  readonly values: T[] = [];
  /** The last step of a match in which the node was active. */
  step = 0;
  /** Whether more than one edge can be taken from here. */
  hasWildcards: boolean;

  constructor(readonly loops: boolean) {
    this.hasWildcards = loops;
  }
}

/**
 * A trie over symbols in which wildcards are edges. Matching follows all edges at once, as in
 * Thompson's simulation of an NFA (Communications of the ACM 11(6), 1968): there is no
 * backtracking, and the time is linear in the number of symbols, whatever the patterns are.
 *
 * It serves twice: over the segments of a target, and over the characters of one segment where
 * patterns have wildcards within it.
 */
export class PatternTrie<T> {
  readonly #root = new Node<T>(false);
  #step = 0;

  /** Adds a pattern with its value. */
  insert(steps: readonly (Step | GlobStep)[], value: T): void {
    this.valuesOf(steps).push(value);
  }

  /** The values of this very pattern, to be added to. */
  valuesOf(steps: readonly (Step | GlobStep)[]): T[] {
    return steps.reduce(edge, this.#root).values;
  }

  /** The values of all patterns that match the whole sequence, in no particular order. */
  match(symbols: readonly string[]): readonly T[] {
    let node = this.#root;
    let i = 0;
    // Up to the first wildcard there is one way.
    for (; i < symbols.length && !node.hasWildcards; i++) {
      const next = node.literals.get(symbols[i] as string);
      if (next === undefined) return [];
      node = next;
    }
    let active: Node<T>[] = [];
    activate(node, active, ++this.#step);
    for (; i < symbols.length; i++) {
      const next: Node<T>[] = [];
      const step = ++this.#step;
      for (const node of active) follow(node, symbols[i] as string, next, step);
      if (next.length === 0) return [];
      active = next;
    }
    const [only] = active;
    return active.length === 1 && only ? only.values : active.flatMap(({ values }) => values);
  }
}

function follow<T>(node: Node<T>, symbol: string, next: Node<T>[], step: number): void {
  if (node.loops) activate(node, next, step);
  const literal = node.literals.get(symbol);
  if (literal !== undefined) activate(literal, next, step);
  if (node.one !== undefined) activate(node.one, next, step);
  if (node.globs !== undefined) {
    for (const target of node.globs.match(Array.from(symbol))) activate(target, next, step);
  }
  if (node.classes !== undefined) {
    for (const set of node.classes.values()) {
      if (set.accepts(symbol)) activate(set.node, next, step);
    }
  }
}

function activate<T>(node: Node<T>, active: Node<T>[], step: number): void {
  if (node.step === step) return;
  node.step = step;
  active.push(node);
  if (node.many !== undefined) activate(node.many, active, step);
}

function edge<T>(node: Node<T>, step: Step | GlobStep): Node<T> {
  if (typeof step === "string") return entry(node.literals, step, () => new Node(false));
  node.hasWildcards = true;
  if (step === ONE) return node.one ??= new Node(false);
  if (step === MANY) return node.loops ? node : node.many ??= new Node(true);
  if ("glob" in step) {
    const ends = (node.globs ??= new PatternTrie()).valuesOf(step.glob);
    return ends[0] ??= new Node(false);
  }
  const { accepts } = step;
  const make = () => ({ accepts, node: new Node<T>(false) });
  return entry(node.classes ??= new Map(), step.text, make).node;
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}
