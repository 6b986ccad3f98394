/**
 * When a model is asked again.
 *
 * @module
 */
import { ModelError } from "./model_client.ts";

/** How a model is asked again after a transient failure: exponential backoff with jitter. */
export interface RetryOptions {
  /** Most retries. @default 4 */
  readonly retries?: number;
  /** The first wait, in milliseconds; it doubles with each retry. @default 500 */
  readonly baseMs?: number;
  /** The longest wait, in milliseconds. If the host asks for more, there is no retry. @default 60000 */
  readonly maxMs?: number;
  /** Source of the jitter: numbers from 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * The wait before the next attempt: what the host asks for (`Retry-After`), else 50 to 100 % of a
 * time that doubles.
 *
 * @param error Why the attempt failed.
 * @param attempt Number of attempts that have failed, from 1.
 * @param options Number and length of the waits.
 * @returns Milliseconds; `undefined`: do not ask again.
 */
export function retryDelay(
  error: unknown,
  attempt: number,
  { retries = 4, baseMs = 500, maxMs = 60_000, random = Math.random }: RetryOptions = {},
): number | undefined {
  if (!(error instanceof ModelError) || !error.retryable || attempt > retries) return undefined;
  if (error.retryAfterMs !== undefined) {
    return error.retryAfterMs <= maxMs ? error.retryAfterMs : undefined;
  }
  return Math.min(maxMs, baseMs * 2 ** (attempt - 1)) * (0.5 + random() / 2);
}
