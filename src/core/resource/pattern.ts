/**
 * The pattern language that all resource kinds share: segments with wildcards.
 *
 * @module
 */
import { PatternError } from "./world.ts";

/** Exactly one symbol, whichever it is. */
export const ONE: unique symbol = Symbol("one");
/** Any number of symbols, also none. */
export const MANY: unique symbol = Symbol("many");

/** A set of characters, as in `[a-z]`. */
export interface CharacterClass {
  readonly text: string;
  accepts(character: string): boolean;
}

/** One step of a glob within a segment, a character at a time. */
export type GlobStep = string | typeof ONE | typeof MANY | CharacterClass;

/** One step of a pattern, a segment at a time. */
export type Step = string | typeof ONE | typeof MANY | { readonly glob: readonly GlobStep[] };

/** A compiled pattern in one form. */
export interface Pattern {
  /** The steps that a target's segments have to take. */
  readonly steps: readonly Step[];
  /**
   * The steps by which it denies. To deny what is inside of a folder is to deny the folder too: it
   * could be listed, moved, replaced.
   */
  readonly denySteps: readonly Step[];
  /**
   * The narrowest value of a Deno permission that covers all that the pattern can match: a folder
   * or file, `host:port`, an executable; empty where the kind has no Deno permission.
   */
  readonly reach: string;
  /** Paths that have to be readable to come to `reach` again from the text of the pattern. @default none */
  readonly lookup?: readonly string[];
  /** Whether the pattern matches exactly one target, and `reach` is that target. */
  readonly exact: boolean;
}

/** The most alternatives that braces in one pattern may stand for. */
const MAX_ALTERNATIVES = 256;

/**
 * Expands `{a,b}`, nested too, into the patterns that it stands for.
 *
 * @throws {PatternError} A brace is not closed, holds no comma, or they multiply beyond 256.
 */
export function expandBraces(pattern: string): string[] {
  // Where the first group is cut: at its "{", its own commas and its "}".
  const cuts: number[] = [];
  let depth = 0;
  for (const { 0: token, index } of pattern.matchAll(/\\.|[{},]/gs)) {
    if (token === "{" && depth++ === 0 || token === "," && depth === 1) cuts.push(index);
    if (token !== "}" || --depth > 0) continue;
    cuts.push(index);
    break;
  }
  const [open] = cuts;
  if (open === undefined) return [pattern];
  if (depth < 0) throw new PatternError('"}" closes no brace, write "\\}" for the character');
  if (depth > 0) throw new PatternError('"{" is not closed, write "\\{" for the character');
  if (cuts.length === 2) {
    throw new PatternError('"{…}" holds no comma, write "\\{" for the character');
  }
  const tails = expandBraces(pattern.slice((cuts.at(-1) ?? 0) + 1));
  const expanded = cuts.slice(0, -1)
    .flatMap((cut, i) => expandBraces(pattern.slice(cut + 1, cuts[i + 1])))
    .flatMap((choice) => tails.map((tail) => pattern.slice(0, open) + choice + tail));
  if (expanded.length > MAX_ALTERNATIVES) {
    throw new PatternError(`Braces stand for more than ${MAX_ALTERNATIVES} alternatives`);
  }
  return expanded;
}

/**
 * Compiles one segment: a literal, `*`, `**`, or a glob with `*`, `?` and `[a-z]`. A backslash
 * makes the next character literal.
 *
 * @param literal Canonicalises the literal text of a segment without wildcards.
 * @throws {PatternError} The segment is not of the language.
 */
export function parseSegment(segment: string, literal = (text: string): string => text): Step {
  if (segment === "*") return ONE;
  if (segment === "**") return MANY;
  if (!/[*?[\]\\]/.test(segment)) return literal(segment);
  const steps = parseGlob(segment);
  return steps.every((step) => typeof step === "string")
    ? literal(steps.join(""))
    : { glob: steps };
}

/** An escaped character, a whole `[...]`, or one character. */
const TOKEN = /\\.|\[[!^]?(?:\\.|[^\\])(?:\\.|[^\\\]])*\]|./gsu;

function parseGlob(segment: string): GlobStep[] {
  const steps: GlobStep[] = [];
  for (const [token] of segment.matchAll(TOKEN)) {
    if (token === "\\") throw new PatternError('A pattern cannot end in a lone "\\"');
    if (token === "[") {
      throw new PatternError('"[" is not closed, write "\\[" for the character');
    }
    if (token === "*" && steps.at(-1) === MANY) {
      throw new PatternError(`"**" stands alone between slashes, found it inside "${segment}"`);
    }
    if (token.startsWith("\\")) steps.push(token.slice(1));
    else if (token.startsWith("[")) steps.push(characterClass(token.slice(1, -1)));
    else steps.push(token === "?" ? ONE : token === "*" ? MANY : token);
  }
  return steps;
}

function characterClass(text: string): CharacterClass {
  const negated = /^[!^]/.test(text);
  // Each is [as written, the character]: only a "-" without a backslash makes a range.
  const members = Array.from((negated ? text.slice(1) : text).matchAll(/\\?(.)/gsu));
  if (members.length === 0) throw new PatternError(`"[${text}]" is empty, expected characters`);
  const codeAt = (i: number) => members[i]?.[1]?.codePointAt(0) as number;
  const ranges: [number, number][] = [];
  for (let i = 0; i < members.length; i++) {
    const from = codeAt(i);
    const isRange = members[i + 1]?.[0] === "-" && members[i + 2] !== undefined;
    const to = isRange ? codeAt(i + 2) : from;
    if (to < from) throw new PatternError(`"[${text}]" has a range that ends before it starts`);
    if (isRange) i += 2;
    ranges.push([from, to]);
  }
  return {
    text,
    accepts(character) {
      const code = character.codePointAt(0) as number;
      return ranges.some(([from, to]) => from <= code && code <= to) !== negated;
    },
  };
}

/** `D/**` of an allow rule matches what is inside of `D`, not `D` itself. */
export function insideOnly(steps: readonly Step[]): Step[] {
  return steps.at(-1) === MANY ? [...steps.slice(0, -1), ONE, MANY] : [...steps];
}

/** Makes the text mean itself in a pattern, outside of `[...]`. */
export function escapePattern(text: string): string {
  return text.replace(/[*?[\]{},\\]/g, "\\$&");
}
