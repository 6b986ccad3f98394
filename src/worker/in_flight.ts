/**
 * What is under way.
 *
 * @module
 */

/** After so many removals the table is made anew. */
const RENEW_AFTER = 256;

/**
 * A map of what comes and goes all the time, in the order in which it came.
 *
 * Not a `Map` itself: in V8 each table that a map has outgrown refers to the next one. Once one of them
 * is in the old generation, all that follow are taken for alive, with whatever they refer to, until
 * the next full collection: with 64 calls under way, a quarter of all that was allocated. A map that is
 * made anew now and then has no such ancestors.
 */
export class InFlight<K, V> {
  #map = new Map<K, V>();
  #removed = 0;

  /** How many there are. */
  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    this.#map.set(key, value);
  }

  delete(key: K): void {
    if (!this.#map.delete(key) || ++this.#removed < RENEW_AFTER) return;
    this.#removed = 0;
    this.#map = new Map(this.#map);
  }

  clear(): void {
    this.#map = new Map();
  }

  /** All, as they are now. */
  entries(): [K, V][] {
    return [...this.#map];
  }

  /** All, without their keys. */
  values(): V[] {
    return [...this.#map.values()];
  }
}
