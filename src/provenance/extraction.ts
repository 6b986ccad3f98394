/**
 * What of a result may be trusted, as the source says: all of it, certain fields, or only the links.
 *
 * @module
 */
import { linksIn } from "./links.ts";
import { MAX_VALUE } from "./normalise.ts";

/** A whole value of a result. */
export interface ExtractedValue {
  readonly value: string;
  /** The item of a list that it is in, or the result itself; values of one entry belong together. */
  readonly entry: string;
}

/** What is taken from a result. */
export interface Extraction {
  /** Whole values. */
  readonly values: readonly ExtractedValue[];
  /** Texts in which values may be found. */
  readonly texts: readonly string[];
}

/** A way into a result: `items.*.email`; `*` stands for each key or item of one step, `**` for any steps. */
export type FieldPath = readonly string[];

/** What a source trusts; neither: all of the result. */
export interface Trusted {
  readonly fields?: readonly FieldPath[] | undefined;
  readonly links?: boolean | undefined;
}

/** Most values, and most characters of texts, that are taken from one result. */
const MAX_VALUES = 20_000;
const MAX_CHARACTERS = 1024 * 1024;
const MAX_DEPTH = 64;

/** Values of one word are no text in which something could be found. */
const IS_WORD = /^\S*$/;

/**
 * Takes from a result what may be trusted.
 *
 * @param data Of the result, plain JSON. A text that is JSON is read as that; of an answer of an MCP tool, its
 * structured content, or else its texts.
 * @returns `undefined` if there is more than can be kept: then nothing of it is.
 */
export function extract(data: unknown, { fields, links }: Trusted): Extraction | undefined {
  const values: ExtractedValue[] = [];
  const texts: string[] = [];
  let characters = 0;
  for (const { value, path, entry } of leavesOf(payloadOf(data))) {
    const isField = fields?.some((field) => matches(field, path));
    if (isField === false && links !== true) continue;
    characters += value.length;
    if (characters > MAX_CHARACTERS) return undefined;
    if (isField === true || fields === undefined && links !== true) {
      if (value.length <= MAX_VALUE && value !== "") values.push({ value, entry });
      // A trusted field is trusted as a whole value alone.
      if (isField !== true && !IS_WORD.test(value)) texts.push(value);
    } else {
      for (const { value: link, within } of linksIn(value) ?? []) {
        if (link !== undefined && within === undefined) values.push({ value: link, entry });
      }
    }
    if (values.length > MAX_VALUES) return undefined;
  }
  return { values, texts };
}

/** A text or a number in a value. */
export interface Leaf {
  readonly value: string;
  readonly path: readonly string[];
  readonly entry: string;
  /** The mapping that it is in. */
  readonly parent: Readonly<Record<string, unknown>> | undefined;
}

/** All texts and numbers of a value, with the ways to them. */
export function leavesOf(value: unknown): Leaf[] {
  const leaves: Leaf[] = [];
  collect(value, { path: [], entry: "", parent: undefined }, leaves);
  return leaves;
}

function collect(value: unknown, at: Omit<Leaf, "value">, leaves: Leaf[]): void {
  const { path, entry, parent } = at;
  if (typeof value === "string") leaves.push({ value, path, entry, parent });
  else if (typeof value === "number") leaves.push({ value: String(value), path, entry, parent });
  else if (value === null || typeof value !== "object" || path.length > MAX_DEPTH) return;
  else if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item = value[i];
      const way = [...path, String(i)];
      // A list of texts belongs to what it is in.
      const isEntry = item !== null && typeof item === "object";
      collect(item, { path: way, entry: isEntry ? way.join(".") : entry, parent }, leaves);
    }
  } else {
    const mapping = value as Readonly<Record<string, unknown>>;
    for (const key of Object.keys(mapping)) {
      collect(mapping[key], { path: [...path, key], entry, parent: mapping }, leaves);
    }
  }
}

/** What a result says, without how it was transported. */
export function payloadOf(data: unknown): unknown {
  if (typeof data === "string") return parsed(data);
  if (data === null || typeof data !== "object" || Array.isArray(data)) return data;
  const { structuredContent, content, body } = data as Readonly<Record<string, unknown>>;
  if (structuredContent !== undefined) return structuredContent;
  if (Array.isArray(content) && content.every((block) => Object(block)["type"] !== undefined)) {
    const texts = content.flatMap((block): unknown => {
      const { type, text } = Object(block);
      return type === "text" && typeof text === "string" ? [parsed(text)] : [];
    });
    return texts.length === 1 ? texts[0] : texts;
  }
  // The body of an answer over HTTP.
  return typeof body === "string" && "status" in data ? parsed(body) : data;
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // It is no JSON, and stands for itself.
  }
}

/** Whether a way into a result is that of a field, from an index of both on. */
export function matches(field: FieldPath, path: readonly string[], f = 0, p = 0): boolean {
  for (; f < field.length; f++, p++) {
    const step = field[f];
    if (step === "**") {
      for (let rest = p; rest <= path.length; rest++) {
        if (matches(field, path, f + 1, rest)) return true;
      }
      return false;
    }
    if (p >= path.length || step !== "*" && step !== path[p]) return false;
  }
  return p === path.length;
}
