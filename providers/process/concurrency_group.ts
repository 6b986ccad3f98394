/**
 * Which programs may run at the same time, and which are kept apart.
 *
 * @module
 */

/**
 * Programs that run at the same time, each in its own sandbox.
 *
 * bubblewrap mounts by path, some milliseconds after the path was checked, and follows links. A
 * program cannot move what is mounted in its own sandbox. But a folder that is mounted only in the
 * sandbox that comes next is a plain folder for it: it could replace that folder by a link while the
 * sandbox is being made, and the mount would show what the link leads to. So programs run at the same
 * time only if the same paths are mounted inside of what they may change.
 */
export class ConcurrencyGroup {
  #paths = "";
  #size = 0;
  #waiting: (() => void)[] = [];

  /**
   * Waits until the planned program may run at the same time as those that run.
   *
   * @param plan Reads the disk; called again after each wait.
   * @param signal Ends the wait.
   * @returns The last plan. Call {@linkcode ConcurrencyGroup.leave} when its program has ended.
   * @throws {unknown} The reason of the signal.
   */
  async join<T extends { readonly inChangeable: readonly string[] }>(
    plan: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    for (;;) {
      const planned = await plan();
      const paths = planned.inChangeable.join("\0");
      // INVARIANT: nothing is awaited between the comparison and the entry.
      if (this.#size === 0 || this.#paths === paths) {
        this.#paths = paths;
        this.#size++;
        return planned;
      }
      await this.#nextLeave(signal);
    }
  }

  /** A program has ended. */
  leave(): void {
    this.#size--;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #nextLeave(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#waiting.push(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    return promise;
  }
}
