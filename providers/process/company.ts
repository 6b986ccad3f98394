/**
 * Which programs run at the same time.
 *
 * @module
 */

/**
 * Programs that run side by side, each in its own sandbox.
 *
 * bubblewrap mounts by path, some milliseconds after the path was looked at, and follows links. What a
 * program has as a mount it cannot move; but in place of a folder that is none for it, it could put a
 * link while the next sandbox is being made, and have that one show what the link leads to. So only
 * programs keep company for which the same paths are mounted inside of what they may change.
 */
export class Company {
  #paths = "";
  #size = 0;
  #waiting: (() => void)[] = [];

  /**
   * Waits until what is planned may run beside what runs.
   *
   * @param plan Looks at the disk; asked again after each wait.
   * @param signal Ends the wait.
   * @returns The last plan. {@linkcode Company.leave} has to be called when it has run.
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
      await this.#someoneLeaves(signal);
    }
  }

  /** One has run. */
  leave(): void {
    this.#size--;
    for (const go of this.#waiting.splice(0)) go();
  }

  #someoneLeaves(signal: AbortSignal): Promise<void> {
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
