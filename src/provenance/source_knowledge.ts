/**
 * What is known of one list or source: whole values, and texts in which values are found.
 *
 * @module
 */
import { standsIn, valuesIn } from "./candidates.ts";
import { normaliseValue, type ValueKind } from "./normalise.ts";

/** Where a value was found. */
export interface Where {
  /** `prompt`, the name of a list, or the id of a source. */
  readonly source: string;
  /** Of the result that it was in. */
  readonly record?: string | undefined;
}

/** A value may be in very many entries. */
const MAX_ENTRIES = 16;

/** A value that is known. */
export interface Found extends Where {
  /** The entries of lists or results that it is in. */
  readonly entries: string[];
}

/** What is known of one source. */
export class SourceKnowledge {
  /** Whole values, each with the entry that it is in. */
  readonly values: (readonly [value: string, entry: string, record: string | undefined])[] = [];
  /** In their normal form. */
  readonly texts: (readonly [text: string, record: string | undefined])[] = [];
  readonly #entries = new Set<string>();
  readonly #byKind = new Map<ValueKind, {
    readonly found: Map<string, Found>;
    values: number;
    texts: number;
  }>();

  /** @param name For records and messages. */
  constructor(readonly name: string) {}

  /**
   * Adds a whole value; the same in the same place of another result is not added again.
   *
   * @returns Whether it is new.
   */
  add(value: string, entry: string, record: string): boolean {
    const key = `${entry} ${value}`;
    if (this.#entries.has(key)) return false;
    this.#entries.add(key);
    this.values.push([value, `${record}:${entry}`, record]);
    return true;
  }

  /** Adds a text in its normal form; the same is not added again. @returns Whether it is new. */
  addText(text: string, record: string | undefined): boolean {
    if (this.texts.some(([known]) => known === text)) return false;
    this.texts.push([text, record]);
    return true;
  }

  /** Looks for a value in the normal form of its kind. */
  find(kind: ValueKind, normal: string): Found | undefined {
    const found = this.#index(kind).get(normal);
    if (found !== undefined || kind !== "text") return found;
    for (const [text, record] of this.texts) {
      if (standsIn(text, normal)) return { source: this.name, record, entries: [] };
    }
    return undefined;
  }

  /** Made when a kind is first asked for, and brought up to date after that. */
  #index(kind: ValueKind): ReadonlyMap<string, Found> {
    let index = this.#byKind.get(kind);
    if (index === undefined) {
      this.#byKind.set(kind, index = { found: new Map(), values: 0, texts: 0 });
    }
    const { found } = index;
    const add = (normal: string, record: string | undefined, entry?: string) => {
      const before = found.get(normal);
      if (before === undefined) {
        const entries = entry === undefined ? [] : [entry];
        found.set(normal, { source: this.name, record, entries });
      } else if (entry !== undefined && before.entries.length < MAX_ENTRIES) {
        before.entries.push(entry);
      }
    };
    for (; index.values < this.values.length; index.values++) {
      const [value, entry, record] = this.values[index.values] as typeof this.values[number];
      const normal = normaliseValue(kind, value);
      if (normal !== undefined) add(normal, record, entry);
    }
    for (; index.texts < this.texts.length; index.texts++) {
      const [text, record] = this.texts[index.texts] as typeof this.texts[number];
      for (const normal of valuesIn(text, kind)) add(normal, record);
    }
    return found;
  }
}
