/**
 * What one session knows: its prompt, whole values of trusted fields, texts of trusted sources. Nothing of what is
 * not trusted is kept but fingerprints of values, to say later where one was seen.
 *
 * Everything is bounded. What does not fit is not known, and so decides nothing in favour of a request.
 *
 * @module
 */
import type { Extraction } from "./extraction.ts";
import type { ValueKind } from "./normalise.ts";
import { SecretPieces } from "./secrets.ts";
import { type Found, SourceKnowledge } from "./source_knowledge.ts";

/** Where a value was seen that is not trusted. */
export interface Seen {
  readonly action: string;
  readonly record: string;
  /** What stood beside it as who sent or wrote it; from outside, not to be believed. */
  readonly by?: string | undefined;
}

/** One thing that a session has learned, in the form in which it is kept. */
export type Lesson =
  | { readonly prompt: string }
  | {
    /** Key of the source: its id and what it was defined as. */
    readonly source: string;
    readonly record: string;
    readonly values: readonly (readonly [value: string, entry: string])[];
    readonly texts: readonly string[];
  }
  | { readonly secret: string; readonly record: string; readonly texts: readonly string[] }
  | { readonly changed: string };

/** Most whole values, characters of texts, and fingerprints of a session. */
export const MAX_SESSION_VALUES = 20_000;
/** Most characters of trusted texts of a session, the prompt among them. */
export const MAX_SESSION_CHARACTERS = 1024 * 1024;
const MAX_SEEN = 10_000;

/** The knowledge of one session. */
export class SessionState {
  readonly #sources = new Map<string, SourceKnowledge>();
  readonly #seen = new Map<number, Seen>();
  readonly #secrets = new Map<string, SecretPieces>();
  /** Sources that are not trusted any more, because the session changed what they read. */
  readonly #changed = new Set<string>();
  #values = 0;
  #characters = 0;
  #isComplete = true;

  /** Whether everything that may be trusted was kept. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** How much is kept: whole values, characters of texts, fingerprints, pieces of secrets. */
  get size(): Readonly<Record<"values" | "characters" | "seen" | "secrets", number>> {
    let secrets = 0;
    for (const { size } of this.#secrets.values()) secrets += size;
    return { values: this.#values, characters: this.#characters, seen: this.#seen.size, secrets };
  }

  /** The secret sources of which something was read. */
  get secrets(): ReadonlyMap<string, SecretPieces> {
    return this.#secrets;
  }

  /** Whether a source was changed by the session itself. */
  isChanged(source: string): boolean {
    return this.#changed.has(source);
  }

  /** Takes in something. The order of lessons of different sources does not matter. */
  learn(lesson: Lesson): void {
    if ("changed" in lesson) this.#changed.add(lesson.changed);
    else if ("secret" in lesson) {
      let pieces = this.#secrets.get(lesson.secret);
      if (pieces === undefined) this.#secrets.set(lesson.secret, pieces = new SecretPieces());
      for (const text of lesson.texts) pieces.add(text, lesson.record);
    } else if ("prompt" in lesson) this.#keep("prompt", { texts: [lesson.prompt], values: [] });
    else this.#keep(lesson.source, lesson);
  }

  /**
   * Looks for a value.
   *
   * @param source Key of a source, or `prompt`.
   * @param normal The value in the normal form of its kind.
   */
  find(source: string, kind: ValueKind, normal: string): Found | undefined {
    return this.#sources.get(source)?.find(kind, normal);
  }

  /** Notes where a value was seen that is not trusted; the first time counts. */
  see(kind: ValueKind, normal: string, seen: Seen): void {
    const key = fingerprint(`${kind}:${normal}`);
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= MAX_SEEN) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    this.#seen.set(key, seen);
  }

  /** Where a value was seen that is not trusted. Two values may have one fingerprint, about once in 2^52. */
  whereSeen(kind: ValueKind, normal: string): Seen | undefined {
    return this.#seen.get(fingerprint(`${kind}:${normal}`));
  }

  #keep(source: string, { values, texts, record }: {
    readonly values: readonly (readonly [string, string])[];
    readonly texts: readonly string[];
    readonly record?: string;
  }): void {
    let known = this.#sources.get(source);
    if (known === undefined) {
      this.#sources.set(source, known = new SourceKnowledge(nameOf(source)));
    }
    for (const [value, entry] of values) {
      if (this.#values >= MAX_SESSION_VALUES) this.#isComplete = false;
      else if (known.add(value, entry, record ?? "")) this.#values++;
    }
    for (const text of texts) {
      const normal = text.normalize("NFC").replaceAll(/\s+/gu, " ");
      if (this.#characters + normal.length > MAX_SESSION_CHARACTERS) this.#isComplete = false;
      else if (known.addText(normal, record)) this.#characters += normal.length;
    }
  }
}

/** The lesson that a result is for a source. */
export function lessonOf(source: string, record: string, extraction: Extraction): Lesson {
  const { values, texts } = extraction;
  return {
    source,
    record,
    texts,
    values: values.map(({ value, entry }) => [value, entry] as const),
  };
}

/** The id in the key of a source. */
export function nameOf(source: string): string {
  const end = source.indexOf("#");
  return end === -1 ? source : source.slice(0, end);
}

/** 53 bits of a text (cyrb53): not against somebody who looks for two texts with one; it only serves to say more. */
function fingerprint(text: string): number {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}
