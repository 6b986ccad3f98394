/**
 * Whether two patterns have a target in common.
 *
 * @module
 */
import { type GlobStep, MANY, ONE, type Step } from "../core/resource/pattern.ts";

/**
 * Whether some sequence of segments matches both patterns.
 *
 * @param a Steps of a compiled pattern.
 * @param b Steps of another one of the same kind.
 * @returns `true` also where it would take too long to be sure: of two sets of characters.
 */
export function overlap(a: readonly Step[], b: readonly Step[]): boolean {
  return commonMatch(a, b, segmentsOverlap);
}

function segmentsOverlap(a: Step, b: Step): boolean {
  if (a === ONE || b === ONE) return true;
  if (typeof a === "string" && typeof b === "string") return a === b;
  return commonMatch(characters(a), characters(b), charactersOverlap);
}

function characters(step: Step): readonly GlobStep[] {
  if (typeof step === "string") return Array.from(step);
  return typeof step === "object" ? step.glob : [step];
}

function charactersOverlap(a: GlobStep, b: GlobStep): boolean {
  if (typeof a === "string" && typeof b === "string") return a === b;
  if (typeof a === "string" && typeof b === "object") return b.accepts(a);
  if (typeof a === "object" && typeof b === "string") return a.accepts(b);
  return true;
}

/** Both automata at once: each pair of positions is looked at once. */
function commonMatch<S>(
  a: readonly (S | typeof MANY)[],
  b: readonly (S | typeof MANY)[],
  isCommon: (a: S, b: S) => boolean,
): boolean {
  // For each position in `b`: whether the rest of `a` and the rest of `b` have a match in common.
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i--) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j--) {
      const [x, y] = [a[i], b[j]];
      if (x === undefined && y === undefined) row[j] = true;
      else if (x === MANY) row[j] = below[j] === true || (y !== undefined && row[j + 1] === true);
      else if (y === MANY) row[j] = row[j + 1] === true || (x !== undefined && below[j] === true);
      else {
        row[j] = x !== undefined && y !== undefined && below[j + 1] === true &&
          isCommon(x as S, y as S);
      }
    }
    below = row;
  }
  return below[0] === true;
}
