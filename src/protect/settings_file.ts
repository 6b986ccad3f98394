/**
 * Putting hooks into a settings file and taking them out again, with the rest of the file as it was.
 *
 * @module
 */
import { HOOK_MARK } from "./hook_command.ts";
import type { HookEntry } from "./installation.ts";
import {
  canonical,
  checkReadable,
  inserted,
  isEmpty,
  listAt,
  removed,
  rootOf,
  treeOf,
  valueOf,
} from "./json_edit.ts";

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
  checkReadable(text, isStrict, ["hooks"]);
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
  if (installed.length > 0) checkReadable(text, isStrict, ["hooks"]);
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
