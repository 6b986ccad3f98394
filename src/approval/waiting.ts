/**
 * Waiting for an answer, and how that can end without one.
 *
 * @module
 */
import type { StageRefusal } from "../core/admission.ts";
import type { Timer } from "../core/timer.ts";
import { refused } from "./refusal.ts";

/** How long an answer is waited for, and what ends that sooner. */
export interface WaitOptions {
  readonly timer: Timer;
  readonly timeoutMs: number;
  /** What is said when that time is over. */
  readonly late: string;
  /** Resolves when the question is left to be answered later. @default never */
  readonly left?: Promise<StageRefusal>;
  /** Aborted when the kernel closes. */
  readonly closing: AbortSignal;
  /** Aborted when the call ends during which was asked. */
  readonly call?: AbortSignal | undefined;
  /** For the record of a refusal. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/**
 * Waits for an answer.
 *
 * @returns The answer, or why nobody waits for it any more.
 * @throws What asking threw.
 */
export async function waitFor<T>(
  answer: Promise<T>,
  { timer, timeoutMs, late, left, closing, call, fields }: WaitOptions,
): Promise<{ readonly answer: T } | StageRefusal> {
  const { promise: ended, resolve } = Promise.withResolvers<StageRefusal>();
  const cancel = timer.schedule(() => resolve(refused("TIMEOUT", late, fields)), timeoutMs);
  const unless = (signal: AbortSignal | undefined, why: string) => {
    const listener = () => resolve(refused("UNAVAILABLE", why, fields));
    if (signal?.aborted) listener();
    signal?.addEventListener("abort", listener);
    return () => signal?.removeEventListener("abort", listener);
  };
  const removals = [
    unless(closing, "the kernel is closing"),
    unless(call, "the call has ended"),
  ];
  try {
    return await Promise.race([
      ended,
      ...left === undefined ? [] : [left],
      answer.then((answer) => ({ answer })),
    ]);
  } finally {
    cancel();
    for (const remove of removals) remove();
  }
}
