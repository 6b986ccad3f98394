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

/**
 * The names that an action, and what undoes it, takes its turn at.
 *
 * INVARIANT: an action is undone once, also if it touches nothing that has a name. So its record is
 * one of the names: behind a NUL, which is in no path.
 */
export function turnsOf(recordId: string, touches: readonly string[]): readonly string[] {
  return [`\0${recordId}`, ...touches];
}
