/**
 * Waiting that ends when it is no longer wanted.
 *
 * @module
 */
import type { Timer } from "../core/timer.ts";

/**
 * Waits for work unless the signal is aborted: then the work goes on, but nobody waits.
 *
 * @returns What came of it; `undefined` after an abort.
 */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const promise = Promise.resolve(work);
  const aborted = Promise.withResolvers<undefined>();
  const stop = () => aborted.resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    // Nobody is left to hear of it.
    promise.catch(() => {});
  }
}

/**
 * Reads to the end, also from what ignores the signal.
 *
 * @throws {unknown} The reason of the signal.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    while (true) {
      const next = await unlessAborted(iterator.next(), signal);
      signal.throwIfAborted();
      if (next === undefined || next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Without waiting for it: it may be stuck.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

/** Waits; an abort ends it by throwing the reason. */
export function wait(timer: Timer, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    function stop(): void {
      cancel();
      reject(signal.reason);
    }
    const cancel = timer.schedule(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
