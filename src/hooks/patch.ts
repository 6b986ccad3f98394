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

const HEADER = /^\*\*\* (Add File|Update File|Delete File|Move to): (.*)$/;

/**
 * Reads which files a patch changes.
 *
 * @throws {HookError} It is not of that form, or changes nothing.
 */
export function patchedFiles(patch: string): readonly PatchedFile[] {
  const lines = patch.trim().split(/\r?\n/);
  if (lines[0]?.trim() !== "*** Begin Patch" || lines.at(-1)?.trim() !== "*** End Patch") {
    throw new HookError('the patch does not stand between "*** Begin Patch" and "*** End Patch"');
  }
  const files: PatchedFile[] = [];
  let updated: string | undefined;
  for (const line of lines.slice(1, -1)) {
    // Lines of content begin with a space, "+" or "-"; a header that is not quite one could be taken for one.
    if (!line.trimStart().startsWith("***")) continue;
    if (line.trim() === "*** End of File") continue;
    const [, header, given = ""] = HEADER.exec(line.trim()) ?? [];
    const path = given.trim();
    if (header === undefined || path === "") {
      throw new HookError(`the patch has the line ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (header === "Move to") {
      if (updated === undefined) {
        throw new HookError("the patch moves a file that it does not name");
      }
      files.push({ action: "fs.move", path: updated, to: path });
    } else {
      files.push({ action: header === "Delete File" ? "fs.delete" : "fs.write", path });
    }
    updated = header === "Update File" ? path : undefined;
  }
  if (files.length === 0) throw new HookError("the patch names no file");
  return files;
}
