/**
 * The text of a policy as a plain value.
 *
 * @module
 */
import { parse } from "@std/yaml";
import type { Path } from "./problem.ts";
import { isMapping } from "./shape.ts";

/** Largest policy document in bytes. */
const MAX_BYTES = 1024 * 1024;
/** Most values in a document after aliases are followed, against "billion laughs". */
const MAX_VALUES = 500_000;
const MAX_DEPTH = 64;

/** A text that is not a YAML document of the accepted kind. */
export class DocumentError extends SyntaxError {
  /** The name of this class. */
  override name = "DocumentError";
  /** The value that is wrong; empty for the document as a whole. */
  readonly path: Path;
  /** Line in the text, from 1, where the parser says it. */
  readonly line: number | undefined;

  /**
   * @param message What is wrong.
   * @param at Where.
   */
  constructor(message: string, { path = [], line }: { path?: Path; line?: number } = {}) {
    super(message);
    this.path = path;
    this.line = line;
  }
}

/**
 * Reads one YAML document of the core schema. Anchors, aliases and merge keys are resolved; repeated
 * keys and several documents are refused.
 *
 * @param text At most 1 MiB of UTF-8.
 * @returns A plain value of bounded size and depth that shares nothing.
 * @throws {DocumentError} It is not such a document.
 */
export function parseDocument(text: string): unknown {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_BYTES) {
    throw new DocumentError(`Has ${bytes} bytes, expected at most ${MAX_BYTES}`);
  }
  try {
    return new Copier().copy(parse(text, { schema: "core" }), []);
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    if (error instanceof RangeError) throw new DocumentError("Is nested too deeply");
    if (error instanceof SyntaxError) throw invalidYaml(error.message);
    throw error;
  }
}

/** The parser's message ends in "(line:column)" or "at line n, column m". */
function invalidYaml(message: string): DocumentError {
  const found = /\s*(?:at line (\d+), column \d+|\((\d+):\d+\))[\s\S]*$/.exec(message);
  if (found === null) return new DocumentError(`Is not valid YAML: ${message}`);
  return new DocumentError(`Is not valid YAML: ${message.slice(0, found.index)}`, {
    line: Number(found[1] ?? found[2]),
  });
}

class Copier {
  #values = 0;

  copy(value: unknown, path: Path): unknown {
    if (++this.#values > MAX_VALUES) throw new DocumentError("Has too many values", { path });
    if (path.length > MAX_DEPTH) throw new DocumentError("Is nested too deeply", { path });
    if (Array.isArray(value)) return value.map((item, i) => this.copy(item, [...path, i]));
    return isMapping(value) ? this.#copyMapping(value, path) : value;
  }

  #copyMapping(value: Readonly<Record<string, unknown>>, path: Path): Record<string, unknown> {
    const { "<<": merged, ...own } = value;
    // INVARIANT: no copy ever gets a prototype from the document.
    const copy: Record<string, unknown> = Object.create(null);
    for (const key of Object.keys(own)) copy[key] = this.copy(own[key], [...path, key]);
    // The merge key of YAML 1.1: what the mapping says itself wins, then the earlier of a list.
    for (const part of merged === undefined ? [] : [merged].flat()) {
      if (!isMapping(part)) {
        throw new DocumentError("Merges something that is not a mapping", {
          path: [...path, "<<"],
        });
      }
      const inner = this.copy(part, [...path, "<<"]) as Record<string, unknown>;
      for (const key of Object.keys(inner)) if (!(key in copy)) copy[key] = inner[key];
    }
    return copy;
  }
}
