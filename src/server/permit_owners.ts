/**
 * Who has which permit: a report counts only from whoever was permitted.
 *
 * @module
 */

/** As many as a kernel keeps open; the oldest goes. */
const MAX_PERMITS = 10_000;

/** The permits that were given over the API and have no report yet. */
export class PermitOwners {
  readonly #owners = new Map<string, string | undefined>();

  /** Remembers whose permit it is. */
  keep(recordId: string, caller: string | undefined): void {
    const [oldest] = this.#owners.size >= MAX_PERMITS ? this.#owners.keys() : [];
    if (oldest !== undefined) this.#owners.delete(oldest);
    this.#owners.set(recordId, caller);
  }

  /** @returns Whether it was the caller's; it is then taken. */
  take(recordId: string, caller: string | undefined): boolean {
    if (!this.#owners.has(recordId) || this.#owners.get(recordId) !== caller) return false;
    return this.#owners.delete(recordId);
  }
}
