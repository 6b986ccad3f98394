/**
 * How the actions of the filesystem provider are saved and undone.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import type { ActionResult, CanonicalRequest } from "../core/action.ts";
import {
  expectation,
  type FileState,
  isSame,
  lstat,
  missingParents,
  stateOf,
} from "./file_state.ts";
import {
  matches,
  removeEmptyFolders,
  type ResultingState,
  stepsToRestore,
  undoPath,
} from "./path_undo.ts";
import type {
  Capture,
  SavedAction,
  SnapshotReader,
  SnapshotSaver,
  SnapshotStrategy,
  Undo,
  UndoStep,
} from "./strategy.ts";

/** What is saved of a path that an action changes. */
interface PathSnapshot {
  readonly before: FileState;
  readonly after?: ResultingState;
  readonly parents: readonly string[];
}

/** `fs.write`: saves the file that is replaced, with its mode and time, or that there was none. */
export class FsWriteSnapshotStrategy implements SnapshotStrategy {
  /** What it saves and undoes. */
  readonly action = "fs.write";

  /** Saves the file that will be replaced. */
  async capture({ target, params }: CanonicalRequest, saver: SnapshotSaver): Promise<Capture> {
    const before = await restorableState(target, saver);
    const sha256 = digestOfContent(params);
    // A file that is replaced keeps its mode except for the highest bits; the system chooses that of a new one.
    const mode = before.kind === "file" ? { mode: before.mode & 0o777 } : {};
    const snapshot: PathSnapshot = {
      before,
      ...(sha256 === undefined ? {} : { after: { kind: "file", sha256, ...mode } }),
      parents: before.kind === "absent" ? missingParents(target) : [],
    };
    return { snapshot, preparation: prepared(saver, { target: before }) };
  }

  /** Adds the mode that a new file got. */
  settle({ snapshot, target }: SavedAction, { status }: ActionResult): unknown {
    const saved = snapshot as PathSnapshot;
    const info = status === "OK" ? lstat(target) : undefined;
    if (info?.mode === undefined || info.mode === null || saved.after === undefined) return saved;
    return { ...saved, after: { mode: info.mode & 0o7777, ...saved.after } };
  }

  /** Notes what is there now. */
  async seal({ snapshot, target }: SavedAction): Promise<unknown> {
    const now = await stateOf(target);
    const after: ResultingState = {
      kind: now.kind,
      ...now.kind === "file" && { sha256: now.sha256, mode: now.mode },
      ...now.kind === "link" && { goal: now.goal },
    };
    return { ...snapshot as PathSnapshot, after };
  }

  /** Restores the file, or deletes it and the folders that were made for it. */
  undo(saved: SavedAction, reader: SnapshotReader): Promise<Undo> {
    return undoPath({ path: saved.target, ...saved.snapshot as PathSnapshot }, reader);
  }
}

/** `fs.delete`: saves the file or the empty folder with mode and time, or the symbolic link. */
export class FsDeleteSnapshotStrategy implements SnapshotStrategy {
  /** What it saves and undoes. */
  readonly action = "fs.delete";

  /** Saves what will be deleted. */
  async capture({ target }: CanonicalRequest, saver: SnapshotSaver): Promise<Capture> {
    const before = await restorableState(target, saver);
    const snapshot: PathSnapshot = { before, after: { kind: "absent" }, parents: [] };
    return { snapshot, preparation: prepared(saver, { target: before }) };
  }

  /** Restores it. */
  undo(saved: SavedAction, reader: SnapshotReader): Promise<Undo> {
    return undoPath({ path: saved.target, ...saved.snapshot as PathSnapshot }, reader);
  }
}

/** `fs.mkdir`: saves which folders did not exist. */
export class FsMkdirSnapshotStrategy implements SnapshotStrategy {
  /** What it saves and undoes. */
  readonly action = "fs.mkdir";

  /** Saves which folders do not exist. */
  async capture({ target }: CanonicalRequest): Promise<Capture> {
    const before = await restorableState(target);
    const parents = before.kind === "absent" ? missingParents(target) : [];
    return { snapshot: { before, after: { kind: "folder" }, parents } satisfies PathSnapshot };
  }

  /** Notes whether the folder was made by this action or existed already. */
  settle({ snapshot }: SavedAction, { data }: ActionResult): unknown {
    const saved = snapshot as PathSnapshot;
    const made = (data as { created?: unknown } | null | undefined)?.created;
    return made === false ? { before: { kind: "other" }, parents: [] } : saved;
  }

  /** Deletes the folders that were made, if they are empty. */
  async undo({ target, snapshot }: SavedAction, reader: SnapshotReader): Promise<Undo> {
    const { before, parents } = snapshot as PathSnapshot;
    if (before.kind !== "absent") return { steps: [] };
    const now = await stateOf(target);
    if (now.kind === "absent") return { steps: removeEmptyFolders(parents, target, reader.folder) };
    if (now.kind !== "folder") {
      return { steps: [], impossible: `"${target}" is no folder any more` };
    }
    const inside = Array.from(Deno.readDirSync(target), ({ name }) => name);
    if (inside.length > 0) {
      return {
        steps: [],
        impossible: `the folder "${target}" is not empty: it holds "${inside[0]}"`,
      };
    }
    const steps = [
      ...stepsToRestore(target, { now, before }, reader),
      ...removeEmptyFolders(parents, target, reader.folder),
    ];
    return { steps };
  }
}

/** What a move changes. */
interface MoveSnapshot {
  readonly to: string;
  /** The moved file or link. */
  readonly source: FileState;
  /** What was at the path to which it was moved. */
  readonly replaced: FileState;
  readonly parents: readonly string[];
}

/**
 * `fs.move`: saves the moved file or link, and the one that is overwritten. The moved one is saved too:
 * a process that is killed during the move leaves it at neither end.
 */
export class FsMoveSnapshotStrategy implements SnapshotStrategy {
  /** What it saves and undoes. */
  readonly action = "fs.move";

  /** Both ends of the move. */
  touches({ target, params }: Pick<CanonicalRequest, "target" | "params">): readonly string[] {
    return [target, String(params["to"])];
  }

  /** Saves the file or link that is moved, and the one that will be overwritten. */
  async capture({ target, params }: CanonicalRequest, saver: SnapshotSaver): Promise<Capture> {
    const to = String(params["to"]);
    const source = await restorableState(target, saver);
    const replaced = await restorableState(to, params["overwrite"] === true ? saver : undefined);
    const parents = replaced.kind === "absent" ? missingParents(to) : [];
    const snapshot: MoveSnapshot = { to, source, replaced, parents };
    return { snapshot, preparation: prepared(saver, { target: source, to: replaced }) };
  }

  /** Moves it back, then restores what it had overwritten. */
  async undo({ target, snapshot, state }: SavedAction, reader: SnapshotReader): Promise<Undo> {
    const { to, source, replaced, parents } = snapshot as MoveSnapshot;
    const [here, there] = [await stateOf(target), await stateOf(to)];
    // Nothing else can be moved.
    if (source.kind !== "file" && source.kind !== "link") return { steps: [] };
    if (isSame(here, source)) {
      // It did not happen, or the file is back already.
      const after: ResultingState = there.kind === "absent" ? there : source;
      return await undoPath({ path: to, before: replaced, after, parents }, reader);
    }
    if (matches(there, source)) {
      const back = moveBack({ target, here, to, there }, reader.folder);
      const steps = [back, ...restTo(to, { now: { kind: "absent" }, replaced, parents }, reader)];
      if (here.kind === "absent") return { steps };
      return { steps, conflict: `there is something at "${target}" again, which was moved away` };
    }
    const steps = [
      ...stepsToRestore(target, { now: here, before: source }, reader),
      ...restTo(to, { now: there, replaced, parents }, reader),
    ];
    // Only a process that was killed during the move leaves it at neither end.
    const torn = here.kind === "absent" && (there.kind === "absent" || isSame(there, replaced));
    if (torn && state === "pending") return { steps };
    return { steps, conflict: `"${to}" is no longer the file that was moved there` };
  }
}

function moveBack(
  { target, here, to, there }: {
    readonly target: string;
    readonly here: FileState;
    readonly to: string;
    readonly there: FileState;
  },
  snapshots: string,
): UndoStep {
  return {
    action: "fs.move",
    target: to,
    params: { to: target, ...(here.kind === "absent" ? {} : { overwrite: true }) },
    preparation: { snapshots, expect: { target: expectation(there), to: expectation(here) } },
  };
}

/** The steps at the path to which the file was moved. */
function restTo(
  to: string,
  { now, replaced, parents }: {
    readonly now: FileState;
    readonly replaced: FileState;
    readonly parents: readonly string[];
  },
  reader: SnapshotReader,
): UndoStep[] {
  const steps = isSame(now, replaced) ? [] : stepsToRestore(to, { now, before: replaced }, reader);
  return replaced.kind === "absent"
    ? [...steps, ...removeEmptyFolders(parents, to, reader.folder)]
    : steps;
}

/** The strategies for all actions by which the filesystem provider changes files. */
export function filesystemStrategies(): readonly SnapshotStrategy[] {
  return [
    new FsWriteSnapshotStrategy(),
    new FsDeleteSnapshotStrategy(),
    new FsMkdirSnapshotStrategy(),
    new FsMoveSnapshotStrategy(),
  ];
}

/**
 * The state of a path before an action.
 *
 * @throws {Error} It could not be restored, for example a named pipe.
 */
async function restorableState(path: string, saver?: SnapshotSaver): Promise<FileState> {
  const state = await stateOf(path, saver);
  if (state.kind !== "other") return state;
  throw new Error(
    `"${path}" is a device, pipe or socket: only files, folders and symbolic links can be restored`,
  );
}

function prepared(
  { folder }: SnapshotSaver,
  states: Readonly<Record<string, FileState>>,
): Record<string, unknown> {
  const expect = Object.entries(states).map(([name, state]) => [name, expectation(state)]);
  return { snapshots: folder, expect: Object.fromEntries(expect) };
}

/** SHA-256 of the content that `fs.write` will leave; `undefined` if its params are malformed. */
function digestOfContent({ content, encoding }: CanonicalRequest["params"]): string | undefined {
  if (typeof content !== "string") return undefined;
  const bytes = Buffer.from(content, encoding === "base64" ? "base64" : "utf-8");
  return createHash("sha256").update(bytes).digest("hex");
}
