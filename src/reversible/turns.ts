/**
 * Who has something in common follows each other.
 *
 * @module
 */

/** Turns at names. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /**
   * Waits until everybody has ended who took one of the names before. All names are taken at once, so
   * that no two wait for each other.
   *
   * @returns To be called at the end.
   */
  async take(names: readonly string[]): Promise<() => void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = names.map((name) => this.#last.get(name));
    for (const name of names) this.#last.set(name, promise);
    await Promise.all(before);
    return () => {
      for (const name of names) {
        if (this.#last.get(name) === promise) this.#last.delete(name);
      }
      resolve();
    };
  }
}
