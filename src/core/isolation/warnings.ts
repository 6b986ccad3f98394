/**
 * Warnings of a provider to the operator.
 *
 * @module
 */

/** A provider in the hands of an attacker must not flood the operator. */
const MAX_WARNINGS = 20;
const MAX_LENGTH = 500;

/** Passes on a provider's warnings: each once, bounded in number and length, on one line. */
export class Warnings {
  readonly #provider: string;
  readonly #onWarning: (line: string) => void;
  readonly #passed = new Set<string>();

  constructor(provider: string, onWarning: (line: string) => void) {
    this.#provider = provider;
    this.#onWarning = onWarning;
  }

  /** @param warning Untrusted. */
  pass(warning: unknown): void {
    if (typeof warning !== "string" || this.#passed.size >= MAX_WARNINGS) return;
    const line = warning.slice(0, MAX_LENGTH).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");
    if (this.#passed.has(line)) return;
    this.#passed.add(line);
    this.#onWarning(`agent-kernel: provider "${this.#provider}": ${line}`);
  }
}
