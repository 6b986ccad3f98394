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
const TOO_MANY = `Braces stand for more than ${MAX_ALTERNATIVES} alternatives`;

/**
 * Expands `{a,b}`, nested too, into the patterns that it stands for.
 *
 * @throws {PatternError} A brace is not closed, holds no comma, or they multiply beyond 256.
 */
export function expandBraces(pattern: string): string[] {
  // Each group adds at least one alternative: so the recursion is bounded too.
  const groups = pattern.match(/\\.|\{/gs)?.filter((token) => token === "{").length ?? 0;
  if (groups >= MAX_ALTERNATIVES) throw new PatternError(TOO_MANY);
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
  if (depth !== 0 || cuts.length === 2) {
    throw new PatternError(
      'A brace is not closed, not opened or holds no comma, write "\\{" or "\\}" for the character',
    );
  }
  const tails = expandBraces(pattern.slice((cuts.at(-1) ?? 0) + 1));
  const expanded = cuts.slice(0, -1)
    .flatMap((cut, i) => expandBraces(pattern.slice(cut + 1, cuts[i + 1])))
    .flatMap((choice) => tails.map((tail) => pattern.slice(0, open) + choice + tail));
  if (expanded.length > MAX_ALTERNATIVES) throw new PatternError(TOO_MANY);
  return expanded;
}

/**
 * Compiles one segment: a literal, `*`, `**`, or a glob with `*`, `?` and `[a-z]`. A backslash
 * makes the next character literal.
 *
 * @throws {PatternError} The segment is not of the language.
 */
export function parseSegment(segment: string): Step {
  if (segment === "*") return ONE;
  if (segment === "**") return MANY;
  if (!/[\\[*?]/.test(segment)) return segment; // Most are literal: a tenth of the time.
  const steps = parseGlob(segment);
  return steps.every((step) => typeof step === "string") ? steps.join("") : { glob: steps };
}

/**
 * Compiles segments that are joined by `/`; a `/` may stand in front of them.
 *
 * @throws {PatternError} One is not of the language, is empty or a dot segment.
 */
export function parseSegments(text: string): Step[] {
  const steps = text.replace(/^\//, "").split("/").map(parseSegment);
  // The steps are looked at, whose escapes are gone: "\\.\\." is "..".
  const wrong = steps.find((step) => step === "" || step === "." || step === "..");
  if (wrong === undefined) return steps;
  const what = wrong === ""
    ? "an empty segment or a slash at its end"
    : `the segment "${String(wrong)}"`;
  throw new PatternError(`"${text}" could never match: it has ${what}`);
}

/** An escaped character, a whole `[...]`, or one character. */
const TOKEN = /\\.|\[[!^]?(?:\\.|[^\\])(?:\\.|[^\\\]])*\]|./gsu;

function parseGlob(segment: string): GlobStep[] {
  const steps: GlobStep[] = [];
  for (const [token] of segment.matchAll(TOKEN)) {
    if (token === "\\" || token === "[") {
      throw new PatternError(`"${token}" is not closed, write "\\${token}" for the character`);
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
  const [, negation = "", members = ""] = /^([!^]?)(.*)$/s.exec(text) ?? [];
  if (members === "") throw new PatternError(`"[${text}]" is empty, expected characters`);
  // As code points, so that only a "-" without a backslash has a meaning in the expression.
  const escaped = members.replace(
    /\\?(.)/gsu,
    (written, character: string) =>
      written === "-" ? "-" : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
  try {
    const set = new RegExp(`^[${negation && "^"}${escaped}]$`, "u");
    return { text, accepts: (character) => set.test(character) };
  } catch {
    // All that an expression of this form can have wrong.
    throw new PatternError(`"[${text}]" has a range that ends before it starts`);
  }
}

/** `D/**` of an allow rule matches what is inside of `D`, not `D` itself. */
export function insideOnly(steps: readonly Step[]): Step[] {
  return steps.at(-1) === MANY ? [...steps.slice(0, -1), ONE, MANY] : [...steps];
}

/** Makes the text mean itself in a pattern, outside of `[...]`. */
export function escapePattern(text: string): string {
  return text.replace(/[*?[\]{},\\]/g, "\\$&");
}
