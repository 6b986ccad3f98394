/**
 * Resources of kind `name`: `server/tool`, keys of a store, whatever a custom action acts on.
 *
 * @module
 */
import type { ResourceKind } from "./kind.ts";
import { expandBraces, insideOnly, parseSegments } from "./pattern.ts";
import { CanonicalError, PatternError } from "./world.ts";

/** Longest name in UTF-16 code units. */
const MAX_LENGTH = 4096;
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Segments joined by `/`, in Unicode normal form C (UAX #15). */
export const NAME: ResourceKind = {
  normalise(target) {
    if (target.length > MAX_LENGTH) {
      throw new CanonicalError(`A name has at most ${MAX_LENGTH} characters`);
    }
    const problem = problemOf(target);
    if (problem !== undefined) throw new CanonicalError(`"${target}" is not a name: ${problem}`);
    return target.normalize("NFC");
  },

  resolve: (normalised) => normalised,

  segments: (canonical) => canonical.split("/"),

  compile(pattern) {
    return expandBraces(pattern).map((text) => {
      const problem = problemOf(text);
      if (problem !== undefined) throw new PatternError(`"${text}" could never match: ${problem}`);
      const steps = parseSegments(text.normalize("NFC"));
      const exact = steps.every((step) => typeof step === "string");
      return { steps: insideOnly(steps), denySteps: steps, reach: "", exact };
    });
  },
};

function problemOf(text: string): string | undefined {
  if (!text.isWellFormed()) return "it is not well-formed Unicode";
  if (CONTROL.test(text)) return "it has a control character";
  return /(^|\/)\.{0,2}(\/|$)/.test(text) ? "it has an empty segment or a dot segment" : undefined;
}
