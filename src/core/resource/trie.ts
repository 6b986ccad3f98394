/**
 * Many patterns matched at once.
 *
 * @module
 */
import { type GlobStep, MANY, ONE, type Step } from "./pattern.ts";

/** All nodes have all fields, in the same order: V8 reads fields of objects of one shape fastest. */
class Node<T> {
  literals: Map<string, Node<T>> | undefined = undefined;
  /** Edge of `*`. */
  one: Node<T> | undefined = undefined;
  /** Edge of `**`, which costs no symbol; its node has a loop to itself. */
  many: Node<T> | undefined = undefined;
  readonly loops: boolean;
  /** Edges of globs within a segment, themselves in a trie, a character a symbol. */
  globs: PatternTrie<Node<T>> | undefined = undefined;
  globEdges: Map<string, Node<T>> | undefined = undefined;
  /** Edges of character classes. */
  classes: { text: string; accepts(symbol: string): boolean; node: Node<T> }[] | undefined =
    undefined;
  values: T[] | undefined = undefined;
  /** The last round in which the node was made active. */
  round = 0;

  constructor(loops = false) {
    this.loops = loops;
  }

  /** Whether there are no wildcards here: at most one way leads on. */
  get isPlain(): boolean {
    return !this.loops && this.many === undefined && this.one === undefined &&
      this.globs === undefined && this.classes === undefined;
  }

  /** Whether nothing but the node itself can be reached from it. */
  get isLeaf(): boolean {
    return this.literals === undefined && this.one === undefined && this.many === undefined &&
      this.globs === undefined && this.classes === undefined;
  }
}

/**
 * A trie over symbols in which wildcards are edges. Matching follows all ways at once, as in
 * Thompson's simulation of an NFA (Communications of the ACM 11(6), 1968): there is no
 * backtracking, and the time is linear in the number of symbols, whatever the patterns are.
 *
 * The same structure serves twice: over the segments of a target, and over the characters of one
 * segment where patterns have wildcards inside of it.
 */
export class PatternTrie<T> {
  readonly #root = new Node<T>();
  #round = 0;
  // The two lists are kept: matching is the most frequent thing that the kernel does.
  readonly #active: Node<T>[] = [];
  readonly #next: Node<T>[] = [];

  /** Adds a pattern with its value. */
  insert(steps: readonly (Step | GlobStep)[], value: T): void {
    let node = this.#root;
    for (const step of steps) node = edge(node, step);
    (node.values ??= []).push(value);
  }

  /** The values of all patterns that match the whole sequence. */
  match(symbols: readonly string[]): readonly T[] {
    let node = this.#root;
    let i = 0;
    // Up to the first wildcard there is one way.
    for (; i < symbols.length && node.isPlain; i++) {
      const next = node.literals?.get(symbols[i] as string);
      if (next === undefined) return NONE;
      node = next;
    }
    let active = this.#active;
    let next = this.#next;
    active.length = 0;
    activate(node, active, ++this.#round);
    for (; i < symbols.length; i++) {
      const [only] = active;
      // Behind a last "**" everything matches.
      if (active.length === 1 && only?.loops && only.isLeaf) break;
      next.length = 0;
      const round = ++this.#round;
      for (const node of active) follow(node, symbols[i] as string, next, round);
      if (next.length === 0) return NONE;
      [active, next] = [next, active];
    }
    const [only] = active;
    if (active.length === 1) return only?.values ?? NONE;
    return active.flatMap(({ values = [] }) => values);
  }
}

const NONE: readonly never[] = [];

/** Makes active what a symbol leads to. */
function follow<T>(node: Node<T>, symbol: string, next: Node<T>[], round: number): void {
  if (node.loops) activate(node, next, round);
  const literal = node.literals?.get(symbol);
  if (literal !== undefined) activate(literal, next, round);
  if (node.one !== undefined) activate(node.one, next, round);
  if (node.globs !== undefined) {
    for (const target of node.globs.match(Array.from(symbol))) activate(target, next, round);
  }
  if (node.classes !== undefined) {
    for (const set of node.classes) {
      if (set.accepts(symbol)) activate(set.node, next, round);
    }
  }
}

function activate<T>(node: Node<T>, active: Node<T>[], round: number): void {
  if (node.round === round) return;
  node.round = round;
  active.push(node);
  if (node.many !== undefined) activate(node.many, active, round);
}

function edge<T>(node: Node<T>, step: Step | GlobStep): Node<T> {
  if (typeof step === "string") return entry(node.literals ??= new Map(), step);
  if (step === ONE) return node.one ??= new Node();
  if (step === MANY) return node.loops ? node : node.many ??= new Node(true);
  if ("glob" in step) {
    const key = globKey(step.glob);
    const edges = node.globEdges ??= new Map<string, Node<T>>();
    const known = edges.get(key);
    if (known !== undefined) return known;
    const target = entry(edges, key);
    (node.globs ??= new PatternTrie()).insert(step.glob, target);
    return target;
  }
  const classes = node.classes ??= [];
  const known = classes.find((set) => set.text === step.text);
  if (known !== undefined) return known.node;
  const set = { text: step.text, accepts: step.accepts, node: new Node<T>() };
  classes.push(set);
  return set.node;
}

function entry<T>(map: Map<string, Node<T>>, key: string): Node<T> {
  let node = map.get(key);
  if (node === undefined) map.set(key, node = new Node());
  return node;
}

function globKey(steps: readonly GlobStep[]): string {
  return steps.map((step) => {
    if (typeof step === "string") {
      return "*?[\\".includes(step) ? `\\${step}` : step;
    }
    if (step === ONE) return "?";
    if (step === MANY) return "*";
    return `[${step.text}]`;
  }).join("");
}
