/**
 * The cost of regular expressions in schemas: which can be run without risk (CWE-1333).
 *
 * @module
 */

/** Longest pattern that is analysed. */
const MAX_PATTERN = 256;
/** Most `*`, `+` and ranges: they may compete for the same characters, of which there are at most 256. */
const MAX_UNBOUNDED = 3;
const MAX_OPTIONAL = 4;
const MAX_REPEATS = 1000;

interface Group {
  /** Product of the repetitions of what is in it. */
  repeats: number;
  /** Something in it can match in more than one way. */
  ambiguous: boolean;
}

/** How long it takes to match a string against a pattern. */
export type PatternCost = "linear" | "bounded" | "unknown";

/**
 * Estimates the cost of a pattern. Patterns come from MCP servers and strings from models; together
 * they must not be able to stop the process. V8 matches by backtracking, so only patterns are run that
 * cannot backtrack exponentially: no repetition in a repetition, no look-around, no back-references.
 *
 * @param pattern A regular expression, as in the keyword `pattern`.
 * @returns `linear`: fast on any string. `bounded`: fast on strings of at most 256 characters.
 * `unknown`: not to be run.
 */
export function patternCost(pattern: string): PatternCost {
  if (pattern.length > MAX_PATTERN) return "unknown";
  try {
    new RegExp(pattern, "u");
  } catch {
    return "unknown";
  }
  const open: Group[] = [];
  let current: Group = { repeats: 1, ambiguous: false };
  let unbounded = 0;
  let optional = 0;
  for (let i = 0; i < pattern.length;) {
    const atom = ATOM.exec(pattern.slice(i))?.[0] ?? "";
    if (/^\\[1-9k]|^\(\?(?!:|<[^=!])/.test(atom)) return "unknown";
    i += atom.length;
    if (atom.startsWith("(")) {
      open.push(current);
      current = { repeats: 1, ambiguous: false };
      continue;
    }
    if (atom === "|") current.ambiguous = true;
    let inner: Group = { repeats: 1, ambiguous: false };
    if (atom === ")") {
      inner = current;
      current = open.pop() ?? current;
    }
    const quantifier = QUANTIFIER.exec(pattern.slice(i))?.[0] ?? "";
    i += quantifier.length;
    const [least, most] = bounds(quantifier);
    if (most > 1 && inner.ambiguous) return "unknown";
    if (most === 1 && least === 0) optional++;
    else if (most !== least) unbounded++;
    const repeats = inner.repeats * (most === Infinity ? 1 : Math.max(1, most));
    if (repeats > MAX_REPEATS) return "unknown";
    current.repeats = Math.max(current.repeats, repeats);
    // An alternative in a group that is not repeated is ambiguous for a repetition around it too.
    current.ambiguous ||= inner.ambiguous || most !== least;
  }
  if (unbounded > MAX_UNBOUNDED || optional > MAX_OPTIONAL) return "unknown";
  if (!pattern.startsWith("^") && unbounded === MAX_UNBOUNDED) return "unknown";
  return unbounded === 0 ? "linear" : "bounded";
}

/** A class, an escape, the opening of a group, or one character. */
const ATOM =
  /^(?:\[(?:\\.|[^\]\\])*\]|\\[pPu]\{[^}]*\}|\\.|\(\?(?:<[A-Za-z_]\w*>|<?[:=!])|\(\?|[^])/u;
const QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;

function bounds(quantifier: string): [least: number, most: number] {
  if (quantifier === "") return [1, 1];
  if (quantifier.startsWith("*")) return [0, Infinity];
  if (quantifier.startsWith("+")) return [1, Infinity];
  if (quantifier.startsWith("?")) return [0, 1];
  const [, least = "0", comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(quantifier) ?? [];
  if (comma === "") return [Number(least), Number(least)];
  return [Number(least), most === "" ? Infinity : Number(most)];
}
