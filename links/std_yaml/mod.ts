/** Stand-in for `jsr:@std/yaml` where JSR cannot be reached: `parse` over `npm:js-yaml`. */
import {
  boolCoreTag,
  defineScalarTag,
  FAILSAFE_SCHEMA,
  load,
  NOT_RESOLVED,
  nullCoreTag,
} from "npm:js-yaml@^5.5.0";

/** The schemas this stand-in knows; the real package knows more. */
export type SchemaType = "core" | "json";

/** Options of {@linkcode parse}. */
export interface ParseOptions {
  /** Name of the schema. */
  schema?: SchemaType;
}

// The core schema of @std/yaml reads numbers neither as YAML 1.1 nor as 1.2 does: `017` is octal,
// `1_000` and `1e3` are numbers, `0o17`, `-.5` and `1:30` are texts.
const INTEGER =
  /^([-+]?)(?:0b_*([01][01_]*)|0x_*([\da-f][\da-f_]*)|0(?!$)_*([0-7][0-7_]*)|0)(?<!_)$/i;
const FLOAT =
  /^(?:[-+]?(?:0|[1-9][\d_]*)(?:\.[\d_]*)?(?:e[-+]?\d+)?|\.[\d_]+(?:e[-+]?\d+)?)(?<!_)$/i;
const SPECIAL: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity };

function integer(source: string): number | typeof NOT_RESOLVED {
  const found = /[BX]/.test(source) ? null : INTEGER.exec(source);
  if (found === null) return NOT_RESOLVED;
  const [, sign, binary, hexadecimal, octal] = found;
  const digits = (binary ?? hexadecimal ?? octal ?? "0").replaceAll("_", "");
  const value = parseInt(digits, binary !== undefined ? 2 : hexadecimal !== undefined ? 16 : 8);
  return sign === "-" && source !== "-0" ? -value : value;
}

function float(source: string): number | typeof NOT_RESOLVED {
  const [, sign, name = ""] = /^([-+]?)\.(inf|Inf|INF|nan|NaN|NAN)$/.exec(source) ?? [];
  const special = SPECIAL[name.toLowerCase()];
  if (special !== undefined) {
    if (Number.isNaN(special) && sign !== "") return NOT_RESOLVED;
    return sign === "-" ? -special : special;
  }
  return FLOAT.test(source) ? Number(source.replaceAll("_", "")) : NOT_RESOLVED;
}

// Nothing is written by this stand-in, so no value belongs to these tags.
const read = { implicit: true, identify: () => false };
const CORE = FAILSAFE_SCHEMA.withTags(
  nullCoreTag,
  boolCoreTag,
  defineScalarTag<number>("tag:yaml.org,2002:int", { ...read, resolve: integer }),
  defineScalarTag<number>("tag:yaml.org,2002:float", { ...read, resolve: float }),
);

/**
 * Parses one YAML document. An empty one is `null`.
 *
 * @throws {SyntaxError} The text is not one well-formed document, or repeats a key.
 */
export function parse(content: string, _options: ParseOptions = {}): unknown {
  if (/^\ufeff?(?:[ \t\r\n]|#[^\r\n]*(?:[\r\n]|$))*$/.test(content)) return null;
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
