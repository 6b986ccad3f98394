/**
 * Patterns as an automaton that is walked step by step: what a word may be matched by.
 *
 * @module
 */
import {
  type CharacterClass,
  type GlobStep,
  MANY,
  ONE,
  type Step,
} from "../core/resource/pattern.ts";

/** A step of a pattern over segments, or over the characters of one. */
export type AnyStep = Step | GlobStep;

/** A state of the patterns that must not match. */
export interface Node<T> {
  readonly id: number;
  readonly literals: Map<string, Node<T>>;
  one: Node<T> | undefined;
  many: Node<T> | undefined;
  readonly loops: boolean;
  /** Edges of globs, by their text; only over segments. */
  readonly globs: Map<string, { readonly glob: readonly GlobStep[]; readonly node: Node<T> }>;
  /** Edges of character classes, by their text; only over characters. */
  readonly classes: Map<string, { readonly set: CharacterClass; readonly node: Node<T> }>;
  readonly values: T[];
  /** Globs and literals as patterns over characters, made when it is first needed. */
  characters?: Cover<string> | undefined;
}

/** Patterns with values: what a word may be matched by. */
export class Cover<T> {
  #count = 0;
  /** @internal */
  readonly root: Node<T> = this.#node(false);

  /** Adds a pattern with its value. */
  insert(steps: readonly AnyStep[], value: T): void {
    steps.reduce((node: Node<T>, step) => this.#edge(node, step), this.root).values.push(value);
  }

  #node(loops: boolean): Node<T> {
    return {
      id: this.#count++,
      literals: new Map(),
      one: undefined,
      many: undefined,
      loops,
      globs: new Map(),
      classes: new Map(),
      values: [],
    };
  }

  #edge(node: Node<T>, step: AnyStep): Node<T> {
    if (typeof step === "string") {
      let next = node.literals.get(step);
      if (next === undefined) node.literals.set(step, next = this.#node(false));
      return next;
    }
    if (step === ONE) return node.one ??= this.#node(false);
    if (step === MANY) return node.loops ? node : node.many ??= this.#node(true);
    if ("glob" in step) {
      const key = keyOf(step.glob);
      const edge = node.globs.get(key) ?? { glob: step.glob, node: this.#node(false) };
      node.globs.set(key, edge);
      return edge.node;
    }
    const edge = node.classes.get(step.text) ?? { set: step, node: this.#node(false) };
    node.classes.set(step.text, edge);
    return edge.node;
  }
}

/** A text by which equal steps are known. */
export function keyOf(steps: readonly AnyStep[]): string {
  return JSON.stringify(steps.map((step): unknown => {
    if (typeof step === "string") return step;
    if (step === ONE) return [1];
    if (step === MANY) return [2];
    return "glob" in step ? { glob: keyOf(step.glob) } : { set: step.text };
  }));
}

/** The states after those with what takes no symbol. */
export function closed<T>(nodes: Iterable<Node<T>>): Node<T>[] {
  const all = new Set<Node<T>>();
  for (const node of nodes) {
    for (let one: Node<T> | undefined = node; one !== undefined && !all.has(one); one = one.many) {
      all.add(one);
    }
  }
  return Array.from(all).sort((a, b) => a.id - b.id);
}

/** The states after a segment. */
export function afterSegment<T>(nodes: readonly Node<T>[], segment: string): Node<T>[] {
  const next: Node<T>[] = [];
  let characters: string[] | undefined;
  for (const node of nodes) {
    if (node.loops) next.push(node);
    const literal = node.literals.get(segment);
    if (literal !== undefined) next.push(literal);
    if (node.one !== undefined) next.push(node.one);
    for (const { glob, node: goal } of node.globs.values()) {
      if (matchesGlob(glob, characters ??= Array.from(segment))) next.push(goal);
    }
  }
  return closed(next);
}

/** The states after a character. */
export function afterCharacter<T>(nodes: readonly Node<T>[], character: string): Node<T>[] {
  const next: Node<T>[] = [];
  for (const node of nodes) {
    if (node.loops) next.push(node);
    const literal = node.literals.get(character);
    if (literal !== undefined) next.push(literal);
    if (node.one !== undefined) next.push(node.one);
    for (const { set, node: goal } of node.classes.values()) {
      if (set.accepts(character)) next.push(goal);
    }
  }
  return closed(next);
}

/** Whether a glob matches characters: both ways of each `*` at once. */
export function matchesGlob(glob: readonly GlobStep[], characters: readonly string[]): boolean {
  const [first] = glob;
  if (typeof first === "string" && first !== characters[0]) return false;
  let active = new Set(skipped(glob, 0));
  for (const character of characters) {
    const next = new Set<number>();
    for (const at of active) {
      const step = glob[at];
      if (step === undefined) continue;
      if (step !== MANY && !acceptsCharacter(step, character)) continue;
      for (const one of skipped(glob, step === MANY ? at : at + 1)) next.add(one);
    }
    active = next;
  }
  return active.has(glob.length);
}

/** The positions that are reached from one without a symbol. */
export function skipped(steps: readonly AnyStep[], from: number): number[] {
  const found = [from];
  for (let at = from; steps[at] === MANY; at++) found.push(at + 1);
  return found;
}

export function acceptsCharacter(step: GlobStep, character: string): boolean {
  if (typeof step === "string") return step === character;
  return typeof step === "object" ? step.accepts(character) : true;
}
