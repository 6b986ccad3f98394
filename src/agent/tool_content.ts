/**
 * Results of actions as the content of tool messages.
 *
 * @module
 */
import type { ActionResult } from "../core/action.ts";

/**
 * The part of a result that the model gets.
 *
 * @param result The result.
 * @param maxCharacters Most characters of the content; more is cut, with a note.
 * @returns JSON of `{status, data, truncated?}` or `{status, error, code}`.
 */
export function toolContent(result: ActionResult, maxCharacters: number): string {
  const { status, data, error, code, truncated } = result;
  // The model does not get rule ids, nor what a wrapper of submit adds.
  const shown = status === "OK"
    ? { status, data: data ?? null, ...(truncated ? { truncated } : {}) }
    : { status, error: error ?? "", ...(code === undefined ? {} : { code }) };
  const whole = stringify(shown) ?? stringify({ status, error: "the result is not JSON" }) ?? "";
  if (whole.length <= maxCharacters) return whole;
  const text = status === "OK"
    ? typeof data === "string" ? data : stringify(data) ?? ""
    : error ?? "";
  const note = (shown: number) => `cut: the first ${shown} of ${text.length} characters`;
  for (let size = maxCharacters;; size = Math.floor(size * 0.8)) {
    const piece = text.slice(0, size).toWellFormed();
    const cut = stringify({
      status,
      ...(status === "OK" ? { data: piece } : { error: piece, code }),
      note: note(piece.length),
    }) ?? "";
    if (cut.length <= maxCharacters || size === 0) return cut;
  }
}

function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    // Results that do not come from the kernel can be cyclic; the model then gets an error.
    return undefined;
  }
}
