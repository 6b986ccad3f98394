/**
 * Which regular expressions of a schema can be run without risk.
 *
 * @module
 */

/** Longest pattern that is looked at. */
const MAX_PATTERN = 256;
/** `*`, `+` and ranges that may compete for the same text; a text has at most 256 characters then. */
const MAX_UNBOUNDED = 3;
const MAX_OPTIONAL = 4;
const MAX_REPEATS = 1000;

interface Group {
  /** How often something in it can repeat, multiplied. */
  repeats: number;
  /** There is more than one way to match something in it. */
  ambiguous: boolean;
}

/** How a text is matched against a pattern: not at all, or by one that takes little time. */
export type PatternCost = "linear" | "bounded" | "unknown";

/**
 * Schemas come from MCP servers, texts from models; together they must not be able to stop the
 * process (CWE-1333). V8's regular expressions backtrack, so only forms are run that cannot do so
 * exponentially: no repetition in a repetition, no look-around, no back-references.
 *
 * @returns `linear`: fine for any text. `bounded`: fine for texts of at most 256 characters.
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
