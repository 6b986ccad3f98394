/**
 * When a model is asked again.
 *
 * @module
 */
import { ModelError } from "./model_client.ts";

/** How a model is asked again after a failure that may pass. */
export interface RetryOptions {
  /** How often, at most. @default 4 */
  readonly retries?: number;
  /** The first wait, in milliseconds; each further one may be twice as long. @default 500 */
  readonly baseMs?: number;
  /** The longest wait, also if the host asks for more: then it is not asked again. @default 60000 */
  readonly maxMs?: number;
  /** Numbers from 0 up to 1, to spread the waits. @default Math.random */
  readonly random?: () => number;
}

/**
 * How long to wait before the next attempt: what the host asks for (`Retry-After`), else a random
 * part of a time that doubles.
 *
 * @param attempt How many have failed, from 1.
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
