/**
 * A submit whose denials name the rule that was nearest.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import type { SubmitFn } from "../stages/submit.ts";

/** Says which rule was nearest to a denied request, a sentence without its full stop. */
export type Nearest = (request: ActionRequest, code: string | undefined) => string | undefined;

/** Adds the nearest rule to the error of what was denied, for models. The record stays as it is. */
export function teaching(submit: SubmitFn, nearest: Nearest): SubmitFn {
  return async (request, options) => {
    const result = await submit(request, options);
    if (result.status !== "DENIED") return result;
    let lesson: string | undefined;
    try {
      lesson = nearest(request, result.code);
    } catch {
      return result; // The policy changes this moment: the denial stands without it.
    }
    return lesson === undefined ? result : { ...result, error: `${result.error}. ${lesson}` };
  };
}
