/**
 * Finding what was read from a secret source in what goes out.
 *
 * Compared are letters and digits alone, in lower case, of the text as it is and of what its base64, hexadecimal
 * and percent-encoded parts stand for. Found are whole values of at least 8 of them, and each piece of a longer text that has
 * at least 31. A secret that is shorter, split, translated, paraphrased, encrypted or compressed is not.
 *
 * @module
 */

const PIECE = 16;
/** The shortest whole value that is looked for, in letters and digits. */
export const MIN_SECRET = 8;
/** Most letters and digits of the secrets of one source in one session. */
export const MAX_SECRET_CHARACTERS = 1024 * 1024;
const MAX_DECODING = 2;

/** The secrets of one source. */
export class SecretPieces {
  readonly #pieces = new Map<string, string>();
  /** Short values by their length. */
  readonly #values = new Map<number, Map<string, string>>();
  #characters = 0;
  #isComplete = true;

  /** Whether everything was kept; if not, nobody knows what is secret. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** How many pieces and values are kept. */
  get size(): number {
    return this.#pieces.size + this.#values.values().reduce((sum, { size }) => sum + size, 0);
  }

  /** Adds a value or text of a result. */
  add(text: string, record: string): void {
    const bare = bareOf(text);
    if (bare.length < MIN_SECRET) return;
    this.#characters += bare.length;
    if (this.#characters > MAX_SECRET_CHARACTERS) {
      this.#isComplete = false;
      return;
    }
    if (bare.length < PIECE) {
      const values = this.#values.get(bare.length) ?? new Map<string, string>();
      values.set(bare, values.get(bare) ?? record);
      this.#values.set(bare.length, values);
      return;
    }
    // Any 31 characters of it hold one of these pieces whole.
    const ends = bare.length % PIECE === 0 ? [] : [bare.length - PIECE];
    for (let at = 0; at + PIECE <= bare.length; at += PIECE) this.#add(bare, at, record);
    for (const at of ends) this.#add(bare, at, record);
  }

  /**
   * Looks for a secret in what goes out.
   *
   * @returns The record of the result that it was in; `undefined` if none is found.
   */
  foundIn(text: string): string | undefined {
    for (const form of formsOf(text)) {
      const bare = bareOf(form);
      for (const [length, values] of this.#values) {
        for (let at = 0; at + length <= bare.length; at++) {
          const record = values.get(bare.slice(at, at + length));
          if (record !== undefined) return record;
        }
      }
      for (let at = 0; at + PIECE <= bare.length; at++) {
        const record = this.#pieces.get(bare.slice(at, at + PIECE));
        if (record !== undefined) return record;
      }
    }
    return undefined;
  }

  #add(bare: string, at: number, record: string): void {
    const piece = bare.slice(at, at + PIECE);
    if (!this.#pieces.has(piece)) this.#pieces.set(piece, record);
  }
}

function bareOf(text: string): string {
  return text.normalize("NFKC").toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "");
}

/** A text, and what its encoded parts stand for. */
function formsOf(text: string): Set<string> {
  const forms = new Set([text]);
  let last: readonly string[] = [text];
  for (let i = 0; i < MAX_DECODING; i++) {
    last = last.flatMap((form) => [
      ...form.includes("%") ? [percentDecoded(form)] : [],
      ...Array.from(
        form.matchAll(/[A-Za-z0-9+/_-]{11,}={0,2}/g),
        ([run]) => base64Decoded(run),
      ),
      ...Array.from(form.matchAll(/(?:[0-9A-Fa-f]{2}[\s:,-]?){8,}/g), ([run]) => hexDecoded(run)),
    ]).filter((form) => form !== "" && !forms.has(form));
    for (const form of last) forms.add(form);
  }
  return forms;
}

const LENIENT = new TextDecoder();

function percentDecoded(text: string): string {
  return text.replaceAll(
    /(?:%[0-9A-Fa-f]{2})+/g,
    (run) => LENIENT.decode(hexBytes(run.replaceAll("%", ""))),
  );
}

function hexDecoded(run: string): string {
  return LENIENT.decode(hexBytes(run.replaceAll(/[^0-9A-Fa-f]/g, "")));
}

function hexBytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function base64Decoded(run: string): string {
  const standard = run.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
  try {
    const bytes = atob(standard.slice(0, standard.length - (standard.length % 4 === 1 ? 1 : 0)));
    return LENIENT.decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
  } catch {
    return ""; // It is no base64.
  }
}
