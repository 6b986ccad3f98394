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
 * @throws {SettingsError} It is no JSON, or something else stands where a list belongs.
 */
export function withHooks(text: string, entries: readonly HookEntry[]): string {
  const installed = installedHooks(text);
  const isThere = ({ path, entry }: HookEntry) =>
    installed.get(path.at(-1) ?? "") === commandOf(entry);
  if (installed.size === entries.length && entries.every(isThere)) return text;
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

/** Takes our entries out of all lists of hooks; lists and objects that are empty then go too. */
export function withoutHooks(text: string): string {
  let result = text;
  const hooks = treeOf(result, ["hooks"]);
  for (const name of hooks?.children?.map(({ children }) => children?.[0]?.value) ?? []) {
    const path = ["hooks", String(name)];
    const list = listAt(result, path) ?? [];
    const ours = list.flatMap((entry, i) => isOurs(entry) ? [i] : []);
    if (ours.length === 0) continue;
    if (ours.length === list.length) result = removed(result, path);
    else for (const i of ours.toReversed()) result = removed(result, [...path, i]);
  }
  const left = treeOf(result, ["hooks"]);
  return hooks !== undefined && left?.children?.length === 0 && result !== text
    ? removed(result, ["hooks"])
    : result;
}

/** The commands of our entries, by the name of the list in which they stand. */
export function installedHooks(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const property of treeOf(text, ["hooks"])?.children ?? []) {
    const name = String(property.children?.[0]?.value);
    for (const entry of listAt(text, ["hooks", name]) ?? []) {
      const command = commandOf(entry);
      if (command !== undefined) found.set(name, command);
    }
  }
  return found;
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
  return (node.children ?? []).map(({ offset, length }) =>
    JSON.parse(JSON.stringify(parseValue(text.slice(offset, offset + length))))
  );
}

function parseValue(text: string): unknown {
  const root = parseTree(text, [], PARSING);
  const value = (node: typeof root): unknown => {
    if (node?.type === "array") return (node.children ?? []).map(value);
    if (node?.type !== "object") return node?.value;
    return Object.fromEntries(
      (node.children ?? []).map(({ children }) => [children?.[0]?.value, value(children?.[1])]),
    );
  };
  return value(root);
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
