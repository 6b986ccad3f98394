/**
 * Variables of a policy: `${NAME}` in the patterns of resources.
 *
 * @module
 */
import type { KindName } from "../core/resource/kind.ts";
import { escapePattern } from "../core/resource/pattern.ts";
import { PatternError } from "../core/resource/world.ts";
import type { Problems } from "../core/policy/problem.ts";
import { isMapping } from "../core/policy/shape.ts";

/** Values by name. */
export type Variables = Readonly<Record<string, string>>;

/** Reads a mapping from names to texts; nothing counts as an empty one. */
export function readVariables(source: unknown, problems: Problems): Variables {
  const variables: Record<string, string> = Object.create(null);
  if (!isMapping(source ?? {})) problems.add("Expected a mapping from names to texts");
  for (const [name, value] of isMapping(source) ? Object.entries(source) : []) {
    if (/^\w+$/.test(name) && typeof value === "string") variables[name] = value;
    else problems.at(name).add("Expected a name of letters, digits and _, and a text");
  }
  return variables;
}

/**
 * Replaces `${NAME}` in all texts of an example, where the name is declared: a request has no patterns, so the
 * value stands there as it is.
 */
export function withValues<T>(value: T, variables: Variables): T {
  const replaced = (text: string) =>
    text.replace(/\$\{(\w+)\}/g, (found, name) => variables[name] ?? found);
  const inside = (value: unknown): unknown => {
    if (typeof value === "string") return replaced(value);
    if (Array.isArray(value)) return value.map(inside);
    if (!isMapping(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inside(one)]));
  };
  return inside(value) as T;
}

/**
 * An escaped character, a class, a `[` that may open one, or a variable. A class is skipped only if
 * braces cannot cut it apart, and if it does not begin with `]`.
 */
const TOKEN = /\\.|\[(?![!^]?\])(?:\\.|[^\\\]{},])*\]|\[|\$\{([^}]*)\}/gs;
/** The beginning of a URL up to a position in its host or port; `{http,https}://` too. */
const AUTHORITY = /^[a-z{},]+:\/\/[^/?#]*$/i;
/** A host, a port, or parts of them; hosts have no escapes. */
const PLAIN_HOST = /^(\[[\da-f:.]+\])?[\p{L}\p{M}\p{N}._:-]*$/iu;

/**
 * Replaces `${NAME}`, and a leading `~` of a path by `HOME`. The characters of a value mean
 * themselves, wildcards included.
 *
 * @param text A pattern.
 * @param options Its kind, and the variables that there are.
 * @throws {PatternError} A variable is not set or empty, or cannot stand where it stands.
 */
export function expandVariables(
  text: string,
  { kind, variables }: { readonly kind: KindName; readonly variables: Variables },
): string {
  const refuse = (name: string, why: string) =>
    new PatternError(`"${text}" uses the variable ${name}${why}`);
  const valueOf = (name: string) => {
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    // An empty value would turn "${DIR}/**" into the whole file system.
    if (value === "") throw refuse(name, ", which is empty");
    if (value !== undefined) return value;
    throw refuse(
      name,
      ', which is not set: declare it under "variables" (the environment is never read)',
    );
  };
  const home = kind === "path" && /^~(?=\/|$)/.test(text)
    ? escapePattern(valueOf("HOME")) + text.slice(1)
    : text;
  let isInClass = false;
  return home.replace(TOKEN, (found, name: string | undefined, offset: number) => {
    if (found === "[") isInClass = true;
    if (name === undefined) return found;
    const value = valueOf(name);
    if (isInClass) {
      throw refuse(
        name,
        ' inside of "[…]", where its value would be a set of characters: use it outside',
      );
    }
    if (kind !== "url" || !AUTHORITY.test(home.slice(0, offset))) return escapePattern(value);
    if (PLAIN_HOST.test(value)) return value;
    throw refuse(
      name,
      ` in its host, and "${value}" is no plain one, expected a name or an address like api.example.com or [::1]`,
    );
  });
}
