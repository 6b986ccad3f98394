/**
 * Changing one member of a JSON file, with the rest of it as it was: comments and formatting too.
 *
 * @module
 */
import {
  findNodeAtLocation,
  type Node,
  type ParseError,
  parseTree,
  stripComments,
} from "npm:jsonc-parser@^3.3.1";

/** The file is not of the form that the agent documents. */
export class SettingsError extends Error {
  /** The name of this class. */
  override name = "SettingsError";
}

/** Names of members and numbers of elements, from the root on. */
export type JsonPath = readonly (string | number)[];

const PARSING = { allowTrailingComma: true };

/** The object that a file is. @throws {SettingsError} It is none. */
export function rootOf(text: string): Node {
  if (text.startsWith("\ufeff")) {
    throw new SettingsError(
      "it begins with a byte order mark, which JSON does not have: save it without",
    );
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, PARSING);
  if (errors.length > 0 || root?.type !== "object") {
    throw new SettingsError("it is not a JSON object");
  }
  return root;
}

/** What is at a path; `undefined` if nothing is. */
export function treeOf(text: string, path: JsonPath): Node | undefined {
  return findNodeAtLocation(rootOf(text), [...path]);
}

/** The values of a list; `undefined` if nothing is there. @throws {SettingsError} Something else is there. */
export function listAt(text: string, path: readonly string[]): unknown[] | undefined {
  const above = treeOf(text, path.slice(0, -1));
  if (above !== undefined && above.type !== "object") {
    throw new SettingsError(`"${path.slice(0, -1).join(".")}" is not an object`);
  }
  const node = treeOf(text, path);
  if (node === undefined) return undefined;
  if (node.type !== "array") throw new SettingsError(`"${path.join(".")}" is not a list`);
  return (node.children ?? []).map(valueOf);
}

/** The value of a part of a file. */
export function valueOf(node: Node | undefined): unknown {
  if (node?.type === "array") return (node.children ?? []).map(valueOf);
  if (node?.type !== "object") return node?.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children }) => [children?.[0]?.value, valueOf(children?.[1])]),
  );
}

/** Takes a member or an element out; everything else stays as it is. */
export function removed(text: string, path: JsonPath): string {
  const node = treeOf(text, path);
  const item = node?.parent?.type === "property" ? node.parent : node;
  const siblings = item?.parent?.children ?? [];
  if (item === undefined) return text;
  const at = siblings.indexOf(item);
  const [before, after] = [siblings[at - 1], siblings[at + 1]];
  if (before !== undefined) {
    const end = before.offset + before.length;
    const between = text.slice(end, item.offset);
    const comma = stripComments(between, " ").indexOf(",");
    // A comment behind the one before it is not ours.
    const kept = (between.slice(0, comma) + between.slice(comma + 1)).trimEnd();
    return text.slice(0, end) + kept + text.slice(item.offset + item.length);
  }
  if (after !== undefined) return text.slice(0, item.offset) + text.slice(after.offset);
  const { offset = 0, length = 0 } = item.parent ?? {};
  return text.slice(0, offset + 1) + text.slice(offset + length - 1);
}

/**
 * Puts a member or an element at the end of an object or list; everything else stays as it is, comments and
 * formatting too.
 *
 * @param item The text of a member, or the value of an element.
 */
export function inserted(text: string, path: readonly string[], item: unknown): string {
  const node = path.length === 0 ? rootOf(text) : treeOf(text, path);
  if (node === undefined) throw new SettingsError(`"${path.join(".")}" is not there`);
  const [eol, tab] = [eolOf(text), tabOf(text)];
  const margin = tab.repeat(path.length + 1);
  const json = typeof item === "string" ? item : JSON.stringify(item, undefined, tab);
  const shown = margin + json.replaceAll("\n", eol + margin);
  const last = node.children?.at(-1);
  const end = node.offset + node.length - 1;
  if (last === undefined) {
    const open = text.slice(0, node.offset + 1);
    return `${open}${eol}${shown}${eol}${tab.repeat(path.length)}${text.slice(end)}`;
  }
  const lastEnd = last.offset + last.length;
  const between = text.slice(lastEnd, end);
  const space = /\s*$/.exec(between)?.[0] ?? "";
  const rest = between.slice(0, between.length - space.length);
  // A comma at the end stays the only one.
  const comma = /^\s*,/.test(stripComments(rest)) ? "" : ",";
  return `${text.slice(0, lastEnd)}${comma}${rest}${eol}${shown}${space}${text.slice(end)}`;
}

/** Puts another value where one is. */
export function replaced(text: string, path: readonly string[], value: unknown): string {
  const node = treeOf(text, path);
  if (node === undefined) return text;
  const tab = tabOf(text);
  const json = JSON.stringify(value, undefined, tab)
    .replaceAll("\n", eolOf(text) + tab.repeat(path.length));
  return text.slice(0, node.offset) + json + text.slice(node.offset + node.length);
}

/** Sets a member, and makes the objects above it that are not there. */
export function withMember(text: string, path: readonly string[], value: unknown): string {
  if (treeOf(text, path) !== undefined) return replaced(text, path, value);
  let result = text;
  for (const [i, name] of path.entries()) {
    const above = path.slice(0, i);
    const node = i === 0 ? rootOf(result) : treeOf(result, above);
    if (node?.type !== "object") throw new SettingsError(`"${above.join(".")}" is not an object`);
    if (treeOf(result, [...above, name]) !== undefined) continue;
    if (i < path.length - 1) result = inserted(result, above, `${JSON.stringify(name)}: {}`);
    else {
      const tab = tabOf(result);
      result = inserted(
        result,
        above,
        `${JSON.stringify(name)}: ${JSON.stringify(value, undefined, tab)}`,
      );
    }
  }
  return result;
}

/** JSON in one form, whatever the order of the members. */
export function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner === null || typeof inner !== "object" || Array.isArray(inner)
        ? inner
        : Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1)),
  );
}

/** Whether there is nothing in a file, which then is an empty object. */
export function isEmpty(text: string): boolean {
  return text.trim() === "" && !text.includes("\ufeff");
}

function eolOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function tabOf(text: string): string {
  return /^(\t| +)"/m.exec(text)?.[1] ?? "  ";
}

/**
 * Makes sure that the agent reads in a file what we do.
 *
 * @param isStrict Whether the agent ignores a file with comments or trailing commas.
 * @param names The members of the root that are looked at.
 * @throws {SettingsError} The agent would ignore the file, or read something else in it.
 */
export function checkReadable(
  text: string,
  isStrict: boolean,
  names: readonly string[],
): void {
  const root = rootOf(text);
  if (isStrict) {
    try {
      JSON.parse(text);
    } catch {
      throw new SettingsError(
        "it has comments or trailing commas, and the agent ignores such a file: take them out first",
      );
    }
  }
  const twice = repeated(root, (name) => names.includes(name));
  if (twice !== undefined) {
    throw new SettingsError(`it has ${JSON.stringify(twice)} more than once: which one counts?`);
  }
}

/** A name that an object has twice, of those that are looked at and everywhere below them. */
function repeated(node: Node, isLookedAt: (name: string) => boolean): string | undefined {
  const children = node.children ?? [];
  if (node.type !== "object") {
    return children.map((child) => repeated(child, isLookedAt)).find((name) => name !== undefined);
  }
  const seen = new Set<string>();
  for (const { children: [key, value] = [] } of children) {
    const name = String(key?.value);
    if (!isLookedAt(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
    const below = value && repeated(value, () => true);
    if (below !== undefined) return below;
  }
  return undefined;
}
