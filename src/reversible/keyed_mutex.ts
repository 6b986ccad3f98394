/**
 * Mutual exclusion by keys.
 *
 * @module
 */

/** A mutex for each key; what has no key in common runs at the same time. */
export class KeyedMutex {
  /** The last holder of each key, as a promise of its release. */
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Waits until all earlier holders of the keys have released them. All keys are claimed at once, so
   * that no two wait for each other.
   *
   * @param keys What is locked.
   * @returns Releases the keys.
   */
  async acquire(keys: readonly string[]): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const earlier = keys.map((key) => this.#last.get(key));
    for (const key of keys) this.#last.set(key, promise);
    await Promise.all(earlier);
    return () => {
      for (const key of keys) {
        if (this.#last.get(key) === promise) this.#last.delete(key);
      }
      resolve();
    };
  }
}

/**
 * The keys of an action, and of its rollback.
 *
 * INVARIANT: an action is undone once, also if it touches nothing that has a name. So its record id is
 * one of the keys, after a NUL, which no path contains.
 */
export function keysOf(recordId: string, touches: readonly string[]): readonly string[] {
  return [`\0${recordId}`, ...touches];
}
