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
    return copier()(parse(text, { schema: "core" }), []);
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

/** Copies values with their aliases and merge keys resolved, up to a number of values. */
function copier(): (value: unknown, path: Path) => unknown {
  let values = 0;
  return function copy(value, path): unknown {
    if (++values > MAX_VALUES) throw new DocumentError("Has too many values", { path });
    if (path.length > MAX_DEPTH) throw new DocumentError("Is nested too deeply", { path });
    if (Array.isArray(value)) return value.map((item, i) => copy(item, [...path, i]));
    if (!isMapping(value)) return value;
    const { "<<": merged = [], ...own } = value;
    // The merge key of YAML 1.1: what the mapping says itself wins, then the earlier of a list.
    const parts = [merged].flat().toReversed().map((part) => {
      if (isMapping(part)) return copy(part, [...path, "<<"]);
      const at = { path: [...path, "<<"] };
      throw new DocumentError("Merges something that is not a mapping", at);
    });
    const copies = Object.keys(own).map((key) => [key, copy(own[key], [...path, key])] as const);
    // INVARIANT: no copy ever gets a prototype from the document.
    const mapping: Record<string, unknown> = Object.create(null);
    for (const part of parts) Object.assign(mapping, part);
    for (const [key, inner] of copies) mapping[key] = inner;
    return mapping;
  };
}
