/**
 * Waits that an abort signal ends.
 *
 * @module
 */
import type { Timer } from "../core/timer.ts";

/**
 * Waits for a promise until the signal is aborted. An abort does not stop the work.
 *
 * @param work The promise.
 * @param signal Ends the wait.
 * @returns The result; `undefined` after an abort.
 * @throws {unknown} The reason of the promise.
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
    // After an abort nobody handles its rejection.
    promise.catch(() => {});
  }
}

/**
 * Reads an iterable to its end or to an abort, even if the iterable ignores the signal.
 *
 * @param source The iterable.
 * @param signal Ends the reading.
 * @throws {unknown} The reason of the signal, or what the iterable throws.
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
    // Not awaited: the iterable may hang.
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}

/**
 * Waits for a time.
 *
 * @param timer The clock.
 * @param ms The time, in milliseconds.
 * @param signal Ends the wait.
 * @throws {unknown} The reason of the signal.
 */
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
