/**
 * What a write would change, for whoever is asked about it.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { CanonicalRequest } from "../core/action.ts";

/** A change that was shown. */
export interface ShownChange {
  /** Lines that go (`-`), come (`+`) and stay around them; or why they are not shown. */
  readonly text: string;
  /** What tells the file from another one, where its lines are not shown: a yes that comes later is for it. */
  readonly state?: string;
  /** Whether the file is not as it was when that was made, or cannot be looked at any more. */
  readonly hasChanged: () => boolean;
}

/** Longer files are not read: their size and time stand for them. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Of longer contents the sizes are shown. */
const MAX_TEXT = 1024 * 1024;
/** Lines shown before and after the change. */
const CONTEXT = 3;

/**
 * The change that `fs.write` would make.
 *
 * @returns `undefined` for other actions.
 */
export function shownChange({ action, target, params }: CanonicalRequest): ShownChange | undefined {
  const { content, encoding, restore } = params;
  if (action !== "fs.write") return undefined;
  const { state, text: before } = lookAt(target);
  if (state === undefined) {
    // Nothing was shown that could change; what is written stands in the params.
    return { text: "what is there now cannot be read by the kernel", hasChanged: () => false };
  }
  const hasChanged = () => lookAt(target).state !== state;
  const now = state === "none" ? "no file" : "a file";
  if (typeof content !== "string" || restore !== undefined) {
    return { text: `${now} now; what is written is not in the params`, state, hasChanged };
  }
  const isShown = before !== undefined && encoding !== "base64" && before.length <= MAX_TEXT &&
    content.length <= MAX_TEXT;
  const text = isShown
    ? changedLines(before, content)
    : `binary or long: ${now} now, ${content.length} characters then`;
  return isShown ? { text, hasChanged } : { text, state, hasChanged };
}

/**
 * The lines from the first that differs to the last, all as removed and as added: no diff of least size,
 * and one that is right whatever the contents are. A text that ends with a line break has an empty line
 * at its end.
 */
function changedLines(before: string, after: string): string {
  if (before === after) return "nothing changes";
  const [old, now] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let same = 0;
  const most = Math.min(old.length, now.length) - start;
  while (same < most && old.at(-1 - same) === now.at(-1 - same)) same++;
  const end = old.length - same;
  return [
    `line ${start + 1} of ${old.length}: ${end - start} removed, ${
      now.length - same - start
    } added`,
    ...old.slice(Math.max(0, start - CONTEXT), start).map((line) => `  ${line}`),
    ...old.slice(start, end).map((line) => `- ${line}`),
    ...now.slice(start, now.length - same).map((line) => `+ ${line}`),
    ...old.slice(end, end + CONTEXT).map((line) => `  ${line}`),
  ].join("\n");
}

/** What tells one content from another, `undefined` if it cannot be looked at; and the text, if it is one. */
function lookAt(path: string): { readonly state?: string; readonly text?: string } {
  try {
    const { size, mtime, ino, isFile } = Deno.statSync(path);
    if (!isFile || size > MAX_BYTES) {
      return { state: `${isFile ? "file" : "other"} ${size} ${mtime?.getTime()} ${ino}` };
    }
    const bytes = Deno.readFileSync(path);
    const state = hash("sha256", bytes);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    // What was no UTF-8 is not shown as something that it is not.
    return text.includes("\ufffd") || text.includes("\0") ? { state } : { state, text };
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? { state: "none", text: "" } : {};
  }
}
