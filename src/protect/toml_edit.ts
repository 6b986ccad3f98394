/**
 * Changing one key of a TOML file, with the rest of it as it was.
 *
 * @module
 */
import { type AST, getStaticTOMLValue, parseTOML } from "npm:toml-eslint-parser@^0.10.1";
import { messageOf } from "../core/errors.ts";
import { SettingsError } from "./json_edit.ts";

/** Names of tables and the key, from the root on. */
export type TomlPath = readonly string[];

/** What a file says. @throws {SettingsError} It is no TOML. */
export function tomlValue(text: string): Readonly<Record<string, unknown>> {
  return getStaticTOMLValue(parsed(text)) as Readonly<Record<string, unknown>>;
}

/** What stands at a path; `undefined` if nothing does. */
export function tomlAt(text: string, path: TomlPath): unknown {
  return path.reduce<unknown>(
    (above, name) =>
      above !== null && typeof above === "object" && Object.hasOwn(above, name)
        ? (above as Record<string, unknown>)[name]
        : undefined,
    tomlValue(text),
  );
}

/**
 * Sets a key.
 *
 * @param source The value as TOML.
 * @throws {SettingsError} The table is written in a way that has no room for it.
 */
export function withKey(text: string, path: TomlPath, source: string): string {
  const pair = pairAt(text, path);
  if (pair !== undefined) {
    const [start, end] = pair.value.range;
    return text.slice(0, start) + source + text.slice(end);
  }
  const [table, key] = [path.slice(0, -1), path.at(-1) ?? ""];
  const line = `${bare(key)} = ${source}`;
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  if (table.length === 0) return checked(`${line}${eol}${text}`, path);
  const node = tableAt(text, table);
  if (node !== undefined) {
    const end = lineEnd(text, node.key.range[1]);
    return checked(`${text.slice(0, end)}${eol}${line}${text.slice(end)}`, path);
  }
  const gap = text === "" ? "" : text.endsWith("\n") ? eol : `${eol}${eol}`;
  return checked(`${text}${gap}[${table.map(bare).join(".")}]${eol}${line}${eol}`, path);
}

/** Takes a key out, and its line if nothing else is on it. */
export function withoutKey(text: string, path: TomlPath): string {
  const pair = pairAt(text, path);
  if (pair === undefined) return text;
  const [start, end] = wholeLines(text, pair.range);
  return text.slice(0, start) + text.slice(end);
}

/** Takes a table out, from its header to its last key, and the blank line before it. */
export function withoutTable(text: string, path: TomlPath): string {
  const node = tableAt(text, path);
  if (node === undefined) return text;
  const [start, end] = wholeLines(text, node.range);
  return text.slice(0, start).replace(/(\r?\n)\r?\n$/, "$1") + text.slice(end);
}

/** A text as TOML. */
export function quotedToml(text: string): string {
  // JSON escapes what TOML does, but for U+007F.
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

function parsed(text: string): AST.TOMLProgram {
  if (text.startsWith("\ufeff")) throw new SettingsError("it begins with a byte order mark");
  try {
    return parseTOML(text);
  } catch (error) {
    throw new SettingsError(`it is no TOML: ${messageOf(error)}`);
  }
}

function checked(text: string, path: TomlPath): string {
  try {
    parseTOML(text);
  } catch {
    const table = path.slice(0, -1).join(".");
    throw new SettingsError(`"${table}" is not written as a table of its own: write [${table}]`);
  }
  return text;
}

function pairAt(text: string, path: TomlPath): AST.TOMLKeyValue | undefined {
  const isAt = (above: readonly (string | number)[], { key }: AST.TOMLKeyValue) =>
    JSON.stringify([...above, ...namesOf(key)]) === JSON.stringify(path);
  for (const node of parsed(text).body[0].body) {
    const [above, pairs] = node.type === "TOMLTable" ? [node.resolvedKey, node.body] : [[], [node]];
    const found = pairs.find((pair) => isAt(above, pair));
    if (found !== undefined) return found;
  }
  return undefined;
}

function tableAt(text: string, path: TomlPath): AST.TOMLTable | undefined {
  return parsed(text).body[0].body.find((node): node is AST.TOMLTable =>
    node.type === "TOMLTable" && node.kind === "standard" &&
    JSON.stringify(node.resolvedKey) === JSON.stringify(path)
  );
}

function namesOf({ keys }: AST.TOMLKey): string[] {
  return keys.map((key) => key.type === "TOMLBare" ? key.name : key.value);
}

function bare(name: string): string {
  return /^[\w-]+$/.test(name) ? name : quotedToml(name);
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  if (end === -1) return text.length;
  return text[end - 1] === "\r" ? end - 1 : end;
}

function wholeLines(text: string, [from, to]: readonly [number, number]): [number, number] {
  const start = text.lastIndexOf("\n", from - 1) + 1;
  const rest = text.indexOf("\n", to);
  const end = rest === -1 ? text.length : rest + 1;
  const isAlone = text.slice(start, from).trim() === "" &&
    /^\s*(#.*)?$/.test(text.slice(to, end));
  return isAlone ? [start, end] : [from, to];
}
