/**
 * Diffs of what a rollback would change, for people.
 *
 * @module
 */
import { createTwoFilesPatch } from "npm:diff@^8.0.4";
import type { FileState } from "./file_state.ts";

/** Longer contents are not compared line by line. */
const MAX_TEXT_BYTES = 1024 * 1024;
/** How long a comparison may take. */
const TIMEOUT_MS = 2_000;

/** A content: its size in bytes, and a function that reads it. */
export interface Content {
  readonly size: number;
  readonly bytes: () => Promise<Uint8Array>;
}

/** No content: there is no file. */
export const NOTHING: Content = { size: 0, bytes: () => Promise.resolve(new Uint8Array()) };

/**
 * The change of a file as a unified diff; of a binary or long one, its sizes. Characters that a terminal
 * would not show as themselves are escaped.
 *
 * @param path Of the file.
 * @param contents Before and after.
 */
export async function describeChange(
  path: string,
  { from, to }: { readonly from: Content; readonly to: Content },
): Promise<string> {
  if (from === NOTHING && to === NOTHING) return ""; // A link or a folder.
  const names = [from === NOTHING ? "/dev/null" : path, to === NOTHING ? "/dev/null" : path];
  const [old = "", now = ""] = names.map(visible);
  if (from.size > MAX_TEXT_BYTES || to.size > MAX_TEXT_BYTES) return summary(old, now, from, to);
  const [before, after] = [text(await from.bytes()), text(await to.bytes())];
  if (before === undefined || after === undefined) return summary(old, now, from, to);
  const patch = createTwoFilesPatch(
    old,
    now,
    visibleLines(before),
    visibleLines(after),
    undefined,
    undefined,
    {
      context: 3,
      timeout: TIMEOUT_MS,
      headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
    },
  );
  return patch ?? summary(old, now, from, to);
}

/** The change of the mode in one line; empty if it stays. */
export function describeAppearance(path: string, from: FileState, to: FileState): string {
  if (!("mode" in from) || !("mode" in to) || from.mode === to.mode) return "";
  const [old, now] = [from.mode, to.mode].map((mode) => mode.toString(8).padStart(4, "0"));
  return `mode of ${visible(path)}: ${old} → ${now}\n`;
}

function summary(old: string, now: string, from: Content, to: Content): string {
  return `--- ${old}\n+++ ${now}\nBinary or long: ${from.size} bytes → ${to.size} bytes\n`;
}

function text(bytes: Uint8Array): string | undefined {
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return decoded.includes("\0") ? undefined : decoded;
  } catch {
    return undefined; // Safe: of a binary file the sizes are shown.
  }
}

function visibleLines(content: string): string {
  return content.split("\n").map(visible).join("\n");
}

/** Escapes control, bidirectional, zero-width and similar characters as `\u....`; tabs stay. */
export function visible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{DI}]/gu, (char) => {
    if (char === "\t") return char;
    const units = Array.from({ length: char.length }, (_, i) => char.charCodeAt(i));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  });
}
