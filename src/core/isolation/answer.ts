/**
 * The answer of a provider, checked: whatever a host resolves with is untrusted until it went through
 * here.
 *
 * @module
 */
import { CODES } from "../action.ts";
import { messageOf } from "../errors.ts";
import { copyJson, JsonError } from "../json.ts";

/** How a call ended. */
export type Answer =
  | { readonly ok: true; readonly data: unknown; readonly truncated: boolean }
  | {
    readonly ok: false;
    readonly code: string;
    readonly error: string;
    /** The provider refused the call. */
    readonly denied?: true | undefined;
    /** Id of the rule that denied it, as the provider says. */
    readonly rule?: string | undefined;
  };

/** The longest error message of a provider that is passed on, in bytes of UTF-8. */
export const MAX_ERROR_BYTES = 4096;

const MAX_VALUES = 1_000_000;

/**
 * Checks an untrusted answer and copies its data.
 *
 * @param answer Anything.
 * @param maxOutputBytes The provider's bound: for text in bytes of UTF-8, else in UTF-16 code units.
 * @returns `RESULT_INVALID` if it is not an answer, not bounded JSON, or cannot be read.
 */
export function checkAnswer(answer: unknown, maxOutputBytes: number): Answer {
  try {
    const fields = (answer ?? {}) as Readonly<Record<string, unknown>>;
    const { ok, data, truncated, code, error, denied, rule } = fields;
    if (ok === true) {
      const limits = { characters: maxOutputBytes, nodes: MAX_VALUES };
      return { ok, data: copyJson(data ?? null, "result", limits), truncated: truncated === true };
    }
    if (typeof error !== "string") throw new JsonError("result: is neither data nor an error");
    return {
      ok: false,
      code: isCode(code) ? code : CODES.PROVIDER_ERROR,
      error: cutText(error, MAX_ERROR_BYTES),
      denied: denied === true || undefined,
      rule: denied === true && typeof rule === "string" ? rule : undefined,
    };
  } catch (error) {
    const message = `The provider's answer is refused: ${messageOf(error)}`;
    return { ok: false, code: CODES.RESULT_INVALID, error: cutText(message, MAX_ERROR_BYTES) };
  }
}

/** Whether a value has the form of a code: upper-case letters, digits and `_`, at most 64. */
export function isCode(code: unknown): code is string {
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(code);
}

/**
 * Cuts a text at a character boundary.
 *
 * @param bytes The most bytes of UTF-8 that the result may have.
 */
export function cutText(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const buffer = new Uint8Array(Math.min(bytes, text.length * 3));
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}
