/**
 * JSON values taken from untrusted objects, and their one canonical text.
 *
 * @module
 */

/** Bounds of {@linkcode copyJson}. */
export interface JsonLimits {
  /** Nesting depth. @default 64 */
  readonly depth?: number;
  /** Objects, arrays and scalars together. @default 100000 */
  readonly nodes?: number;
  /** UTF-16 code units of all keys and strings together. @default 67108864 */
  readonly characters?: number;
  /**
   * Whether whole numbers beyond ±(2^53 − 1) are refused: a JavaScript number cannot be told from
   * its neighbours there, so that the one that was meant may have been another (RFC 8259, section 6).
   * @default false
   */
  readonly exactIntegers?: boolean;
}

/** A value that is not plain, bounded JSON. */
export class JsonError extends TypeError {
  /** The name of this class. */
  override name = "JsonError";
}

/**
 * Deep-copies a plain JSON value, reading each property once, so that later changes, getters and
 * proxies of the caller cannot make two readers see two things.
 *
 * Refused: functions (so also a `toJSON` method), symbols, bigints, non-finite numbers, class
 * instances, cycles, strings with lone surrogates, a key `__proto__`. `undefined` properties are
 * left out, as `JSON.stringify` does.
 *
 * @throws {JsonError} Names the place and what is wrong with it.
 */
export function copyJson(value: unknown, what: string, limits: JsonLimits = {}): unknown {
  const budget = {
    nodes: limits.nodes ?? 100_000,
    characters: limits.characters ?? 64 * 1024 * 1024,
    exactIntegers: limits.exactIntegers ?? false,
  };
  return copy(value, what, limits.depth ?? 64, budget);
}

/** What is left of the limits. */
interface Budget {
  nodes: number;
  characters: number;
  readonly exactIntegers: boolean;
}

/** Most characters of a key that an error message repeats. */
const MAX_SHOWN_KEY = 40;

function copy(value: unknown, place: string, depth: number, budget: Budget): unknown {
  if (--budget.nodes < 0) throw new JsonError(`${place}: has too many values`);
  switch (typeof value) {
    case "string":
      return text(value, place, budget);
    case "number":
      if (!Number.isFinite(value)) throw new JsonError(`${place}: ${value} is not a JSON number`);
      if (budget.exactIntegers && Number.isInteger(value) && !Number.isSafeInteger(value)) {
        throw new JsonError(
          `${place}: whole numbers beyond 2^53 - 1 cannot be kept exactly, give it as a string of its digits`,
        );
      }
      return value === 0 ? 0 : value;
    case "boolean":
      return value;
    case "object":
      break;
    default:
      throw new JsonError(`${place}: a ${typeof value} is not a JSON value`);
  }
  if (value === null) return null;
  if (depth === 0) throw new JsonError(`${place}: is nested too deeply, or contains itself`);
  if (Array.isArray(value)) {
    const length = value.length;
    if (length > budget.nodes) throw new JsonError(`${place}: has too many values`);
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) {
      items.push(copy(value[i], `${place}[${i}]`, depth - 1, budget));
    }
    return items;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new JsonError(`${place}: only plain objects are JSON values`);
  }
  const object: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const inside = `${place}.${
      key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key
    }`;
    text(key, inside, budget);
    // INVARIANT: no copy ever gets a prototype from the outside.
    if (key === "__proto__") throw new JsonError(`${place}: the key "__proto__" is not allowed`);
    const inner = (value as Record<string, unknown>)[key];
    if (inner !== undefined) object[key] = copy(inner, inside, depth - 1, budget);
  }
  return object;
}

function text(value: string, place: string, budget: { characters: number }): string {
  budget.characters -= value.length;
  if (budget.characters < 0) throw new JsonError(`${place}: is too large`);
  if (!value.isWellFormed()) throw new JsonError(`${place}: is not well-formed Unicode`);
  return value;
}

/**
 * The canonical text of a JSON value: no white space, members sorted by UTF-16 code units, numbers
 * and strings as ECMAScript writes them. It follows RFC 8785 (JSON Canonicalization Scheme).
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) =>
    `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`
  );
  return `{${members.join(",")}}`;
}
