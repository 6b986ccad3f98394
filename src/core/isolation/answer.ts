/**
 * One call of a provider's function, wherever it runs: bounded, and with all errors as answers.
 *
 * @module
 */
import { CODES } from "../action.ts";
import { copyJson, JsonError } from "../json.ts";
import type { Answer } from "./protocol.ts";
import {
  DeniedError,
  type Execute,
  type ProviderContext,
  ProviderError,
  type ProviderRequest,
} from "./provider.ts";

/** What a call is made with; its signal is asked for only if the provider does. */
export interface ExecutionOptions extends Omit<ProviderContext, "markTruncated" | "signal"> {
  readonly signal: () => AbortSignal;
}

/**
 * The context of one call. The accessor is on the prototype: in an object literal V8 would make a
 * hidden class a call, which holds all that the call refers to until the next full collection.
 */
class Context implements ProviderContext {
  readonly config: unknown;
  readonly files: ProviderContext["files"];
  readonly network: boolean;
  readonly hosts: readonly string[];
  readonly maxOutputBytes: number;
  readonly decide: ProviderContext["decide"];
  readonly warn: ProviderContext["warn"];
  readonly markTruncated: () => void;
  readonly #signal: () => AbortSignal;

  constructor(options: ExecutionOptions, markTruncated: () => void) {
    this.config = options.config;
    this.files = options.files;
    this.network = options.network;
    this.hosts = options.hosts;
    this.maxOutputBytes = options.maxOutputBytes;
    this.decide = options.decide;
    this.warn = options.warn;
    this.markTruncated = markTruncated;
    this.#signal = options.signal;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }
}

/** Carries out one request, at once if the function does; never throws or rejects. */
export function executeOnce(
  execute: Execute,
  request: ProviderRequest,
  options: ExecutionOptions,
): Answer | Promise<Answer> {
  const { maxOutputBytes } = options;
  let truncated = false;
  const context = new Context(options, () => void (truncated = true));
  const success = (data: unknown): Answer => {
    if (typeof data !== "string") return { ok: true, data: data ?? null, truncated };
    const cut = cutText(data, maxOutputBytes);
    return { ok: true, data: cut, truncated: truncated || cut.length < data.length };
  };
  try {
    const data = execute(request, context);
    return isThenable(data) ? Promise.resolve(data).then(success, failure) : success(data);
  } catch (error) {
    return failure(error);
  }
}

/** The most of an error message that is passed on, in bytes of UTF-8. */
export const MAX_ERROR_BYTES = 4096;

/** Checks that an answer from outside of the kernel is one, and copies its data. */
export function checkedAnswer(answer: unknown, maxOutputBytes: number): Answer {
  try {
    const { ok, data, truncated, code, error, denied, rule } = answer as Record<string, unknown>;
    if (ok === true) {
      const bounds = { characters: maxOutputBytes, nodes: 1_000_000 };
      return { ok, data: copyJson(data ?? null, "result", bounds), truncated: truncated === true };
    }
    if (typeof error === "string") {
      return {
        ok: false,
        code: isCode(code) ? code : CODES.PROVIDER_ERROR,
        error: cutText(error, MAX_ERROR_BYTES),
        ...(denied === true ? { denied } : {}),
        ...(denied === true && typeof rule === "string" ? { rule } : {}),
      };
    }
    throw new JsonError("result: is neither data nor an error");
  } catch (error) {
    return {
      ok: false,
      code: CODES.RESULT_INVALID,
      error: `The provider's answer is refused: ${messageOf(error)}`,
    };
  }
}

/** A promise of any make: also those that libraries have of their own. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

function failure(error: unknown): Answer {
  const { code, message, denied } = whatWasThrown(error);
  if (code === undefined) return { ok: false, code: CODES.PROVIDER_ERROR, error: message };
  return { ok: false, code, error: message, ...denied };
}

/** What is known of something that was thrown: anything can be, also what throws when it is looked at. */
export function whatWasThrown(error: unknown): {
  readonly message: string;
  readonly code?: string;
  readonly denied?: { readonly denied: true; readonly rule?: string };
} {
  try {
    const message = error instanceof Error ? String(error.message || error.name) : String(error);
    if (!(error instanceof ProviderError) || !isCode(error.code)) return { message };
    const { code } = error;
    if (!(error instanceof DeniedError)) return { message, code };
    const rule = typeof error.rule === "string" ? { rule: error.rule } : {};
    return { message, code, denied: { denied: true, ...rule } };
  } catch {
    return { message: "what was thrown cannot be read" };
  }
}

function isCode(code: unknown): code is string {
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(code);
}

/** The longest start of the text within the bytes, at a character boundary. */
export function cutText(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const buffer = new Uint8Array(Math.min(bytes, text.length * 3));
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}

function messageOf(error: unknown): string {
  try {
    return error instanceof JsonError ? error.message : "it could not be read";
  } catch {
    return "it could not be read"; // A proxy that was revoked.
  }
}
