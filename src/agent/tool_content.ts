/**
 * What a model is told of a result.
 *
 * @module
 */
import type { ActionResult } from "../core/action.ts";

/** What the model is told: JSON of at most so many characters. */
export function toolContent(result: ActionResult, maxCharacters: number): string {
  const { status, data, error, code, truncated } = result;
  // Rule ids, and whatever a wrapper of submit adds, stay here.
  const told = status === "OK"
    ? { status, data: data ?? null, ...(truncated ? { truncated } : {}) }
    : { status, error: error ?? "", ...(code === undefined ? {} : { code }) };
  const whole = stringify(told) ?? stringify({ status, error: "the result is no JSON" }) ?? "";
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
    return undefined;
  }
}
