/**
 * The steps that bring a path back to what was there.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { expectation, type FileState, isSame, look, lstat } from "./file_state.ts";
import { type Content, describeAppearance, describeChange, NOTHING } from "./preview.ts";
import type { SnapshotReader, Undo, UndoStep } from "./strategy.ts";

/** What an action left at a path, as far as it is known. */
export interface Left {
  readonly kind: FileState["kind"];
  readonly sha256?: string;
  readonly mode?: number;
}

/** A path before and after an action. */
export interface PathChange {
  readonly path: string;
  readonly before: FileState;
  /** @default unknown: then everything but `before` is a conflict */
  readonly after?: Left;
  /** Folders above it that were not there, the innermost first. @default none */
  readonly parents?: readonly string[];
}

/** Works out how to bring a path back, from what is there now. */
export async function undoPath(
  { path, before, after, parents = [] }: PathChange,
  reader: SnapshotReader,
): Promise<Undo> {
  const now = await look(path);
  const cleaning = before.kind === "absent" ? emptied(parents, path, reader.folder) : [];
  if (isSame(now, before)) return { steps: cleaning };
  const steps = [...change(path, { now, before }, reader), ...cleaning];
  if (after !== undefined && isLeft(now, after)) return { steps };
  return {
    steps,
    conflict: `"${path}" is no longer what the action left there: it ${nameOf(now)}`,
  };
}

/** Whether it is still what an action left. */
export function isLeft(now: FileState, after: Left): boolean {
  if (now.kind !== after.kind || now.kind === "other") return false;
  if (now.kind !== "file") return true;
  return now.sha256 === after.sha256 && (after.mode === undefined || now.mode === after.mode);
}

function nameOf(now: FileState): string {
  switch (now.kind) {
    case "absent":
      return "is gone";
    case "file":
      return `is a file of ${now.size} bytes, changed ${new Date(now.mtime).toISOString()}`;
    case "folder":
      return "is a folder";
    case "other":
      return "is neither a file nor a folder";
  }
}

/** From what is there now to what was there before. */
export function change(
  path: string,
  { now, before }: { readonly now: FileState; readonly before: FileState },
  reader: SnapshotReader,
): UndoStep[] {
  const preparation = { snapshots: reader.folder, expect: { target: expectation(now) } };
  const describe = async () =>
    describeAppearance(path, now, before) +
    await describeChange(path, { from: present(path, now), to: saved(before, reader) });
  switch (before.kind) {
    case "absent":
      return [{ action: "fs.delete", target: path, preparation, describe }];
    case "file": {
      const { sha256, mode, mtime } = before;
      return [{
        action: "fs.write",
        target: path,
        params: { restore: { sha256, mode, mtime } },
        preparation: { ...preparation, restore: true },
        describe,
      }];
    }
    case "folder": {
      const { mode, mtime } = before;
      return [{
        action: "fs.mkdir",
        target: path,
        params: { restore: { mode, mtime } },
        preparation: { ...preparation, restore: true },
      }];
    }
    case "other":
      return [];
  }
}

function present(path: string, now: FileState): Content {
  return now.kind === "file" ? { size: now.size, bytes: () => Deno.readFile(path) } : NOTHING;
}

function saved(before: FileState, reader: SnapshotReader): Content {
  if (before.kind !== "file") return NOTHING;
  return { size: before.size, bytes: () => reader.read(before.sha256) };
}

/**
 * Deletes folders that an action made, the innermost first, as far as nothing is in them but what is
 * deleted before. What others have put there stays.
 *
 * @param path What goes first.
 */
export function emptied(parents: readonly string[], path: string, snapshots: string): UndoStep[] {
  const steps: UndoStep[] = [];
  let gone = path;
  for (const folder of parents) {
    const info = lstat(folder);
    if (info !== undefined) {
      const inside = info.isDirectory
        ? Array.from(Deno.readDirSync(folder), ({ name }) => name)
        : [""];
      if (inside.some((name) => name !== basename(gone) || dirname(gone) !== folder)) break;
      const mode = (info.mode ?? 0) & 0o7777;
      const expect = { target: { kind: "folder", dev: info.dev, ino: info.ino, mode } };
      steps.push({
        action: "fs.delete",
        target: folder,
        preparation: { snapshots, expect },
        optional: true,
      });
    }
    gone = folder;
  }
  return steps;
}
