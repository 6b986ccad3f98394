/**
 * The values that a server gets in its environment and headers, and that nobody else may see.
 *
 * @module
 */

/** What credentials are taken from. */
export interface CredentialSources {
  /** The environment of a program. */
  readonly env?: Readonly<Record<string, string>>;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Shorter values could be ordinary words. */
const MIN_LENGTH = 8;
/** `Bearer TOKEN` and the like: an error message may show the token without the scheme. */
const SCHEME_AND_TOKEN = /^\S+ +(\S+)$/;

/**
 * Replaces the credentials of a server in what it says of a failure.
 *
 * INVARIANT: only whole values are replaced, and text is cut afterwards. The rest of a value that was
 * cut before would not be found. If parts were replaced, an agent could have a server repeat a guess,
 * and learn whether a value begins with it.
 */
export class Credentials {
  /** The length of the longest value in bytes; 0 if there is none. */
  readonly maxBytes: number;
  readonly #names: ReadonlyMap<string, string>;
  readonly #pattern: RegExp | undefined;

  constructor({ env = {}, headers = {} }: CredentialSources) {
    const tokens = Object.entries(headers).map(([name, value]) =>
      [name, SCHEME_AND_TOKEN.exec(value.trim())?.[1] ?? ""] as const
    );
    this.#names = new Map(
      [...Object.entries(env), ...Object.entries(headers), ...tokens]
        .map(([name, value]) => [value.trim(), name] as const)
        .filter(([value]) => value.length >= MIN_LENGTH),
    );
    // One may be a part of another.
    const values = Array.from(this.#names.keys()).sort((a, b) => b.length - a.length);
    this.#pattern = values.length === 0
      ? undefined
      : new RegExp(values.map(literal).join("|"), "g");
    this.maxBytes = Math.max(0, ...values.map((value) => new TextEncoder().encode(value).length));
  }

  /**
   * The text with each value replaced by its name.
   *
   * @param start Where the shown part of the text begins; a value that lies across it is replaced too.
   */
  conceal(text: string, start = 0): string {
    let shown = "";
    let at = start;
    for (const { 0: value, index } of this.#pattern ? text.matchAll(this.#pattern) : []) {
      if (index + value.length <= start) continue;
      shown += `${text.slice(at, index)}[${this.#names.get(value)}]`;
      at = index + value.length;
    }
    return shown + text.slice(at);
  }
}

/** A pattern for a text as it is. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
