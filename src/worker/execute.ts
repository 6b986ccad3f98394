/**
 * One call of a provider's function: bounded, and every error is an answer.
 *
 * @module
 */
import { CODES } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { type Answer, cutText, isCode } from "../core/isolation/answer.ts";
import type { ProviderRequest } from "../core/isolation/provider_host.ts";
import type { Execute, ProviderContext } from "./provider_context.ts";
import { DeniedError, ProviderError } from "./provider_error.ts";

/** What a call is made with. The signal is only created if the provider asks for it. */
export interface ExecuteOptions extends Omit<ProviderContext, "markTruncated" | "signal"> {
  readonly signal: () => AbortSignal;
}

/**
 * The context of one call. The accessor is on the prototype: for one in an object literal V8 makes a
 * hidden class per call, which keeps everything that the call refers to until the next full collection.
 */
class Context implements ProviderContext {
  readonly config: unknown;
  readonly files: ProviderContext["files"];
  readonly network: boolean;
  readonly hosts: readonly string[];
  readonly maxOutputBytes: number;
  readonly decide: ProviderContext["decide"];
  readonly warn: ProviderContext["warn"];
  readonly onClose: ProviderContext["onClose"];
  readonly markTruncated: () => void;
  readonly #signal: () => AbortSignal;

  constructor(options: ExecuteOptions, markTruncated: () => void) {
    this.config = options.config;
    this.files = options.files;
    this.network = options.network;
    this.hosts = options.hosts;
    this.maxOutputBytes = options.maxOutputBytes;
    this.decide = options.decide;
    this.warn = options.warn;
    this.onClose = options.onClose;
    this.markTruncated = markTruncated;
    this.#signal = options.signal;
  }

  get signal(): AbortSignal {
    return this.#signal();
  }
}

/**
 * Carries out one request.
 *
 * @returns The answer, without a promise if the function returns none. Never throws or rejects.
 */
export function executeCall(
  execute: Execute,
  request: ProviderRequest,
  options: ExecuteOptions,
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
    return isThenable(data) ? Promise.resolve(data).then(success, failureOf) : success(data);
  } catch (error) {
    return failureOf(error);
  }
}

/** Whether a value is a promise, also one of another library. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}

/**
 * The answer for something that was thrown.
 *
 * @param error Anything, also what throws when it is looked at.
 */
export function failureOf(error: unknown): Answer & { readonly ok: false } {
  const failure = { ok: false, code: CODES.PROVIDER_ERROR, error: messageOf(error) } as const;
  try {
    if (!(error instanceof ProviderError) || !isCode(error.code)) return failure;
    const { code } = error;
    if (!(error instanceof DeniedError)) return { ...failure, code };
    return { ...failure, code, denied: true, rule: error.rule };
  } catch {
    return failure; // It cannot be read: a failure without a code of its own denies no less.
  }
}
