/**
 * The steps that restore a path.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { expectation, type FileState, isSame, lstat, stateOf } from "./file_state.ts";
import { type Content, describeAppearance, describeChange, NOTHING, visible } from "./preview.ts";
import type { SnapshotReader, Undo, UndoStep } from "./strategy.ts";

/** The state in which an action left a path, as far as it is known. */
export interface ResultingState {
  readonly kind: FileState["kind"];
  readonly sha256?: string;
  readonly mode?: number;
  readonly goal?: string;
}

/** A path before and after an action. */
export interface PathChange {
  readonly path: string;
  readonly before: FileState;
  /** @default unknown: then everything but `before` is a conflict */
  readonly after?: ResultingState;
  /** Folders above it that did not exist before, the innermost first. @default none */
  readonly parents?: readonly string[];
}

/**
 * Works out how to restore a path, from what is there now.
 *
 * @param change The path before and after the action.
 * @param reader The store.
 */
export async function undoPath(
  { path, before, after, parents = [] }: PathChange,
  reader: SnapshotReader,
): Promise<Undo> {
  const now = await stateOf(path);
  const cleaning = before.kind === "absent" ? removeEmptyFolders(parents, path, reader.folder) : [];
  if (isSame(now, before)) return { steps: cleaning };
  const steps = [...stepsToRestore(path, { now, before }, reader), ...cleaning];
  if (after !== undefined && matches(now, after)) return { steps };
  return {
    steps,
    conflict: `"${path}" is no longer what the action left there: it ${nameOf(now)}`,
  };
}

/** Whether a path is still in the state in which an action left it. */
export function matches(now: FileState, after: ResultingState): boolean {
  if (now.kind !== after.kind || now.kind === "other") return false;
  if (now.kind === "link") return now.goal === after.goal;
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
    case "link":
      return "is a symbolic link";
    case "other":
      return "is neither a file nor a folder";
  }
}

/** The steps from what is at a path now to what was there before. */
export function stepsToRestore(
  path: string,
  { now, before }: { readonly now: FileState; readonly before: FileState },
  reader: SnapshotReader,
): UndoStep[] {
  const preparation = { snapshots: reader.folder, expect: { target: expectation(now) } };
  // The gate would follow a link: it goes first.
  if (now.kind === "link" && before.kind !== "absent") {
    const absent: FileState = { kind: "absent" };
    return [
      ...stepsToRestore(path, { now, before: absent }, reader),
      ...stepsToRestore(path, { now: absent, before }, reader),
    ];
  }
  const describe = async () =>
    (now.kind === "link" ? describeLink("-", path, now.goal) : "") +
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
    case "link":
      return [{
        action: "fs.write",
        target: path,
        params: { restore: { link: before.saved } },
        preparation: { ...preparation, restore: true },
        describe: () => Promise.resolve(describeLink("+", path, before.goal)),
      }];
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

function describeLink(sign: "-" | "+", path: string, goal: string): string {
  return `${sign}${visible(path)} -> ${visible(goal)}\n`;
}

function present(path: string, now: FileState): Content {
  return now.kind === "file" ? { size: now.size, bytes: () => Deno.readFile(path) } : NOTHING;
}

function saved(before: FileState, reader: SnapshotReader): Content {
  if (before.kind !== "file") return NOTHING;
  return { size: before.size, bytes: () => reader.read(before.sha256) };
}

/**
 * The steps that delete the folders that an action made, the innermost first, as far as they contain
 * nothing but what is deleted before them. What others have put there stays.
 *
 * @param folders What was made, the innermost first.
 * @param path What is deleted before them.
 * @param snapshots The folder of the store.
 */
export function removeEmptyFolders(
  folders: readonly string[],
  path: string,
  snapshots: string,
): UndoStep[] {
  const steps: UndoStep[] = [];
  let gone = path;
  for (const folder of folders) {
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
