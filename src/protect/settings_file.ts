/**
 * Putting hooks into a settings file and taking them out again, with the rest of the file as it was.
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
import { HOOK_MARK } from "./hook_command.ts";
import type { HookEntry } from "./installation.ts";

/** The file is not of the form that the agent documents. */
export class SettingsError extends Error {
  /** The name of this class. */
  override name = "SettingsError";
}

const PARSING = { allowTrailingComma: true };

/**
 * Puts entries into lists of a JSON file, at their end; comments and formatting stay. An earlier entry of ours
 * gives way to the new one.
 *
 * @param text The file.
 * @param isStrict Whether the agent ignores a file with comments or trailing commas.
 * @throws {SettingsError} It is no JSON, the agent would ignore it, or something else stands where a list belongs.
 */
export function withHooks(
  text: string,
  entries: readonly HookEntry[],
  isStrict: boolean,
): string {
  if (differences(text, entries, isStrict).length === 0) return text;
  checkReadable(text, isStrict);
  let result = withoutHooks(text);
  for (const { path, entry } of entries) {
    listAt(result, path); // Refuses what is no list.
    for (const [i, name] of path.entries()) {
      const above = path.slice(0, i);
      if (treeOf(result, [...above, name]) !== undefined) continue;
      result = inserted(
        result,
        above,
        `${JSON.stringify(name)}: ${i === path.length - 1 ? "[]" : "{}"}`,
      );
    }
    result = inserted(result, path, entry);
  }
  return result;
}

/**
 * Takes our hooks out of all lists; groups, lists and objects that are empty then go too. Hooks of others that were
 * added to a group of ours stay.
 */
export function withoutHooks(text: string): string {
  if (isEmpty(text)) return text;
  let result = text;
  const hooks = treeOf(result, ["hooks"]);
  for (const name of hooks?.children?.map(({ children }) => children?.[0]?.value) ?? []) {
    const path = ["hooks", String(name)];
    const list = listAt(result, path) ?? [];
    const emptied = new Set<number>();
    for (const [i, entry] of Array.from(list.entries()).toReversed()) {
      if (!isOurs(entry)) continue;
      const inner = innerHooks(entry);
      const ours = inner.flatMap((hook, j) => isOurs(hook) ? [j] : []);
      if (ours.length === inner.length) emptied.add(i);
      else {
        for (const j of ours.toReversed()) result = removed(result, [...path, i, "hooks", j]);
      }
    }
    if (emptied.size === 0) continue;
    if (emptied.size === list.length) result = removed(result, path);
    else for (const i of emptied) result = removed(result, [...path, i]);
  }
  const left = treeOf(result, ["hooks"]);
  return hooks !== undefined && left?.children?.length === 0 && result !== text
    ? removed(result, ["hooks"])
    : result;
}

/** The hooks of a group; none if it is a hook by itself. */
function innerHooks(entry: unknown): readonly unknown[] {
  const { hooks } = Object(entry) as { hooks?: unknown };
  return Array.isArray(hooks) ? hooks : [];
}

/** The commands of our entries, by the name of the list in which they stand. */
export function installedHooks(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, entry } of ourEntries(text)) found.set(name, commandOf(entry) ?? "");
  return found;
}

/**
 * How what is installed differs from what should be: an agent may skip a hook with one member more or less.
 *
 * @throws {SettingsError} It is no JSON, or the agent would not read it as we do.
 */
export function differences(
  text: string,
  entries: readonly HookEntry[],
  isStrict: boolean,
): string[] {
  const installed = ourEntries(text);
  if (installed.length > 0) checkReadable(text, isStrict);
  const names = new Set([
    ...entries.map(({ path }) => path.at(-1) ?? ""),
    ...installed.map(({ name }) => name),
  ]);
  return Array.from(names).flatMap((name) => {
    const there = installed.filter((one) => one.name === name).map(({ entry }) => canonical(entry));
    const expected = entries.filter(({ path }) => path.at(-1) === name)
      .map(({ entry }) => canonical(entry));
    if (there.length === 0) return [`no hook for ${name}`];
    return there.join("\n") === expected.join("\n") ? [] : [`the hook for ${name} was changed`];
  });
}

/** @throws {SettingsError} The agent would ignore the file, or read something else in it. */
function checkReadable(text: string, isStrict: boolean): void {
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
  const twice = repeated(root, (name) => name === "hooks");
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

function ourEntries(text: string): { name: string; entry: unknown }[] {
  if (isEmpty(text)) return [];
  // A name that is there twice counts twice: each of its lists is looked at.
  const hooks = (rootOf(text).children ?? [])
    .filter(({ children }) => children?.[0]?.value === "hooks")
    .flatMap(({ children }) => children?.[1]?.children ?? []);
  return hooks.flatMap(({ children: [key, list] = [] }) =>
    (list?.type === "array" ? list.children ?? [] : []).map(valueOf).filter(isOurs)
      .map((entry) => ({ name: String(key?.value), entry }))
  );
}

function isEmpty(text: string): boolean {
  return text.trim() === "" && !text.includes("\ufeff");
}

/** JSON in one form, whatever the order of the members. */
function canonical(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner === null || typeof inner !== "object" || Array.isArray(inner)
        ? inner
        : Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1)),
  );
}

function isOurs(entry: unknown): boolean {
  return commandOf(entry) !== undefined;
}

/** The command of an entry of ours, wherever in the entry it stands. */
function commandOf(entry: unknown): string | undefined {
  if (typeof entry === "string") return entry.endsWith(`# ${HOOK_MARK}`) ? entry : undefined;
  if (entry === null || typeof entry !== "object") return undefined;
  for (const inner of Object.values(entry)) {
    const command = commandOf(inner);
    if (command !== undefined) return command;
  }
  return undefined;
}

function rootOf(text: string): Node {
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

function treeOf(text: string, path: readonly (string | number)[]): Node | undefined {
  return findNodeAtLocation(rootOf(text), [...path]);
}

function listAt(text: string, path: readonly string[]): unknown[] | undefined {
  const above = treeOf(text, path.slice(0, -1));
  if (above !== undefined && above.type !== "object") {
    throw new SettingsError(`"${path.slice(0, -1).join(".")}" is not an object`);
  }
  const node = treeOf(text, path);
  if (node === undefined) return undefined;
  if (node.type !== "array") throw new SettingsError(`"${path.join(".")}" is not a list`);
  return (node.children ?? []).map(valueOf);
}

function valueOf(node: Node | undefined): unknown {
  if (node?.type === "array") return (node.children ?? []).map(valueOf);
  if (node?.type !== "object") return node?.value;
  return Object.fromEntries(
    (node.children ?? []).map(({ children }) => [children?.[0]?.value, valueOf(children?.[1])]),
  );
}

/** Takes a member or an element out; everything else stays as it is. */
function removed(text: string, path: readonly (string | number)[]): string {
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
function inserted(text: string, path: readonly string[], item: unknown): string {
  const node = path.length === 0 ? rootOf(text) : treeOf(text, path);
  if (node === undefined) throw new SettingsError(`"${path.join(".")}" is not there`);
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const tab = /^(\t| +)"/m.exec(text)?.[1] ?? "  ";
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
