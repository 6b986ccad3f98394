/**
 * The files of a patch in the form of Codex: `*** Begin Patch`, then `Add`, `Update` and `Delete File`.
 *
 * @module
 */
import { HookError } from "./event.ts";

/** What a patch does to one file. */
export interface PatchedFile {
  readonly action: "fs.write" | "fs.delete" | "fs.move";
  readonly path: string;
  /** Of a move. */
  readonly to?: string;
}

const HEADER = /^\*\*\* (Add File|Update File|Delete File|Move to): (.+)$/u;
/** Readers differ in whether these end a line, or belong to the white space at its ends. */
const ODD_CHARACTER = /(?![\t\n\r])\p{Cc}|[\u2028\u2029]|\r(?!\n)/u;
/** Content, or what stands between pieces of it. An empty line is one of context. */
const CONTENT = /^([ +-]|@@|\*\*\* End of File$|$)/;
/** To a reader that removes white space first, such a line of context could be a header. */
const INDENTED_HEADER = /^ [\p{White_Space}\uFEFF]*\*\*\*/u;

/** Whether a text has white space at an end, to any of the languages in which agents are written. */
export function hasOuterSpace(text: string): boolean {
  return /^[\p{White_Space}\uFEFF]|[\p{White_Space}\uFEFF]$/u.test(text);
}

/**
 * Reads which files a patch changes. Each line that is not certain to be content is a header in its exact form.
 *
 * @throws {HookError} It is not of that form, or changes nothing.
 */
export function patchedFiles(patch: string): readonly PatchedFile[] {
  const odd = ODD_CHARACTER.exec(patch);
  if (odd !== null) {
    throw new HookError(`the patch has the control character ${JSON.stringify(odd[0])}`);
  }
  const lines = patch.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "").split(/\r?\n/);
  if (lines[0] !== "*** Begin Patch" || lines.at(-1) !== "*** End Patch" || lines.length < 2) {
    throw new HookError('the patch does not stand between "*** Begin Patch" and "*** End Patch"');
  }
  const files: PatchedFile[] = [];
  /** The file of the line before, if that is `Update File`. */
  let updated: string | undefined;
  for (const line of lines.slice(1, -1)) {
    const previous = updated;
    updated = undefined;
    if (CONTENT.test(line) && !INDENTED_HEADER.test(line)) continue;
    const [, header, path] = HEADER.exec(line) ?? [];
    if (header === undefined || path === undefined || hasOuterSpace(path)) {
      throw new HookError(`the patch has the line ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (header === "Move to") {
      if (previous === undefined) {
        throw new HookError('the patch has "*** Move to:" elsewhere than after "*** Update File:"');
      }
      files.push({ action: "fs.move", path: previous, to: path });
    } else {
      files.push({ action: header === "Delete File" ? "fs.delete" : "fs.write", path });
      if (header === "Update File") updated = path;
    }
  }
  if (files.length === 0) throw new HookError("the patch names no file");
  return files;
}
