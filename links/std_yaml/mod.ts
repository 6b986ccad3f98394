/** Stand-in for `jsr:@std/yaml` where JSR cannot be reached: `parse` over `npm:js-yaml`. */
import {
  boolCoreTag,
  FAILSAFE_SCHEMA,
  floatYaml11Tag,
  intYaml11Tag,
  load,
  nullCoreTag,
} from "npm:js-yaml@^5.5.0";

/** The schemas this stand-in knows; the real package knows more. */
export type SchemaType = "core" | "json";

/** Options of {@linkcode parse}. */
export interface ParseOptions {
  /** Name of the schema. */
  schema?: SchemaType;
}

// The core schema of @std/yaml reads numbers as YAML 1.1 does (`017` is octal, `1_000` a number).
const CORE = FAILSAFE_SCHEMA.withTags(nullCoreTag, boolCoreTag, intYaml11Tag, floatYaml11Tag);

/**
 * Parses one YAML document. An empty one is `null`.
 *
 * @throws {SyntaxError} The text is not one well-formed document, or repeats a key.
 */
export function parse(content: string, _options: ParseOptions = {}): unknown {
  if (/^(\s|#[^\n]*(\n|$))*$/.test(content)) return null;
  try {
    return load(content, { schema: CORE });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "YAMLException") throw error;
    const { reason, mark } = error as Error & {
      reason: string;
      mark?: { line: number; column: number };
    };
    const place = mark === undefined ? "" : ` at line ${mark.line + 1}, column ${mark.column + 1}`;
    throw new SyntaxError(`${reason}${place}`, { cause: error });
  }
}
