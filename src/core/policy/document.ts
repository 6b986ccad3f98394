/**
 * The text of a policy as a plain value.
 *
 * @module
 */
import { parse } from "@std/yaml";
import { outline, OutlineError, type OutlineNode } from "../../policy_tools/locate.ts";
import { type Place, PolicyError, Problems } from "./problem.ts";

/** Largest policy document in bytes. */
export const MAX_DOCUMENT_BYTES = 1024 * 1024;
/** Most values in a document after aliases are followed, against "billion laughs". */
const MAX_VALUES = 500_000;
const MAX_DEPTH = 64;

/** A number that all parsers read alike. */
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
/** What YAML 1.1 and 1.2, and so parsers and readers, understand differently. */
const AMBIGUOUS =
  /^([-+]?(0[box]?[0-9a-f_]+|[0-9][0-9_]*)(:[0-5]?[0-9])*(\.[0-9_]*)?([eE][-+]?[0-9_]*)?|y|n|yes|no|on|off)$/i;

/** A YAML document whose values can be traced to their lines. */
export interface PolicyDocument {
  readonly value: unknown;
  readonly problems: Problems;
}

/**
 * Reads a policy text with the YAML core schema. Anchors, aliases and merge keys are resolved;
 * tags, duplicate keys, several documents and scalars of doubtful reading are refused.
 *
 * @throws {PolicyError} It is not such a document.
 */
export function readDocument(text: string, source: string): PolicyDocument {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_DOCUMENT_BYTES) {
    throw refused(source, `Has ${bytes} bytes, expected at most ${MAX_DOCUMENT_BYTES}`);
  }
  let value: unknown;
  let tree: OutlineNode;
  try {
    value = parse(text, { schema: "core" });
    tree = outline(text);
  } catch (error) {
    if (error instanceof OutlineError) throw refused(source, error.message, error.line);
    if (error instanceof SyntaxError) throw refused(source, ...withoutLine(error.message));
    if (error instanceof RangeError) throw refused(source, "Is nested too deeply");
    throw error;
  }
  const problems = new Problems(tree);
  return { value: new Copier(problems).copy(value, [], MAX_DEPTH), problems };
}

function refused(source: string, message: string, line?: number): PolicyError {
  return new PolicyError(source, [{ place: "", ...(line === undefined ? {} : { line }), message }]);
}

/** Takes the position out of the parser's message, which ends in "(line:column)" or "at line n, column m". */
function withoutLine(message: string): [string, number?] {
  const found = /\s*(?:at line (\d+), column \d+|\((\d+):\d+\))[\s\S]*$/.exec(message);
  if (found === null) return [`Is not valid YAML: ${message}`];
  return [`Is not valid YAML: ${message.slice(0, found.index)}`, Number(found[1] ?? found[2])];
}

class Copier {
  #values = 0;

  constructor(readonly problems: Problems) {}

  copy(value: unknown, place: Place, depth: number): unknown {
    if (++this.#values > MAX_VALUES || depth === 0) {
      if (this.problems.found.length === 0) {
        this.problems.add(place, depth === 0 ? "Is nested too deeply" : "Has too many values");
      }
      return null;
    }
    if (Array.isArray(value)) {
      return value.map((item, i) => this.copy(item, [...place, i], depth - 1));
    }
    if (value !== null && typeof value === "object") return this.#mapping(value, place, depth);
    this.#checkScalar(value, place);
    return value;
  }

  #mapping(value: object, place: Place, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = Object.create(null);
    for (const [key, inner] of Object.entries(value)) {
      if (key !== "<<") copy[key] = this.copy(inner, [...place, key], depth - 1);
    }
    const merged = (value as Record<string, unknown>)["<<"];
    if (merged === undefined) return copy;
    // The merge key of YAML 1.1: what the mapping says itself wins, then the earlier of a list.
    for (const part of Array.isArray(merged) ? merged : [merged]) {
      if (part === null || typeof part !== "object" || Array.isArray(part)) {
        this.problems.add([...place, "<<"], "Merges something that is not a mapping");
        continue;
      }
      const inner = this.copy(part, place, depth - 1) as Record<string, unknown> | null;
      for (const key of Object.keys(inner ?? {})) if (!(key in copy)) copy[key] = inner?.[key];
    }
    return copy;
  }

  #checkScalar(value: unknown, place: Place): void {
    const text = this.problems.plainText(place);
    if (typeof value === "number" && !(text !== undefined && DECIMAL.test(text))) {
      this.problems.add(place, `Has the number ${text ?? value}, expected a plain decimal number`);
    } else if (typeof value === "string" && text !== undefined && AMBIGUOUS.test(text)) {
      this.problems.add(
        place,
        `Has ${text} without quotes, which YAML versions read differently, expected "${text}"`,
      );
    }
  }
}
