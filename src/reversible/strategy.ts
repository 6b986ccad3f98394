/**
 * How a kind of action is saved before it happens, and undone later.
 *
 * @module
 */
import type { ActionResult, CanonicalRequest } from "../core/action.ts";
import type { Preparation } from "../core/stage.ts";

/** What a strategy saved before an action. */
export interface Capture {
  /** What it needs to undo the action: JSON. Contents belong into the store, see {@linkcode SnapshotSaver}. */
  readonly snapshot: unknown;
  /** What the provider has to know, for example what it may replace. */
  readonly preparation?: Preparation;
}

/** Where a strategy leaves contents while it captures. */
export interface SnapshotSaver {
  /** The real path of the folder of the store. */
  readonly folder: string;
  /**
   * Saves a content. It is on the disk before the action runs, once however often it is saved.
   *
   * @returns Its SHA-256, by which {@linkcode SnapshotReader.read} finds it.
   */
  save(content: Uint8Array | Deno.FsFile): Promise<string>;
  /**
   * Saves a symbolic link. It has to be on the file system of the store.
   *
   * @param path Where the link is.
   * @returns The name by which the filesystem provider restores it.
   */
  saveLink(path: string): Promise<string>;
}

/** Where a strategy finds them again. */
export interface SnapshotReader {
  /** The real path of the folder of the store. */
  readonly folder: string;
  /** Gives a content, of which it was made sure that it is the one that was saved. */
  read(sha256: string): Promise<Uint8Array>;
}

/** An action as the store knows it. */
export interface SavedAction {
  /** The id of its record. */
  readonly recordId: string;
  /** When its snapshot was taken, RFC 3339. */
  readonly at: string;
  /** Until when it can be undone, RFC 3339. */
  readonly expires: string;
  /** As in the request. */
  readonly action: string;
  /** As in the canonical request. */
  readonly target: string;
  /** Who asked. */
  readonly agent?: string;
  /**
   * `pending`: it is under way, or it is not known how it ended because a process died. `done`: it
   * ended. `rolled back`: it was undone. `lost`: its snapshot had to make room.
   */
  readonly state: "pending" | "done" | "rolled back" | "lost";
  /** What it changed, in the words of its strategy. */
  readonly touches: readonly string[];
  /** What the strategy wants to know of it. */
  readonly snapshot: unknown;
  /** The contents that belong to it. */
  readonly blobs: readonly string[];
}

/** One action by which something is undone. It goes through the gate like any other. */
export interface UndoStep {
  /** The action. */
  readonly action: string;
  /** Its target. */
  readonly target: string;
  /** Its params. @default {} */
  readonly params?: Readonly<Record<string, unknown>>;
  /**
   * What its provider has to know, for example what it may replace. With one, target and `to` have
   * to be canonical: if they lead elsewhere now, the step is denied.
   */
  readonly preparation?: Preparation;
  /** Whether the action counts as undone also if this fails, like a folder that cannot be removed. @default false */
  readonly optional?: boolean;
  /** What it would change, for people: made only if somebody asks. @default action, target and params */
  readonly describe?: () => Promise<string>;
}

/** How an action can be undone as things are now. */
export interface Undo {
  /** In this order; none if everything is as it was before. With a conflict: what `force` does. */
  readonly steps: readonly UndoStep[];
  /** What is no longer as the action left it. */
  readonly conflict?: string;
  /** Why not even `force` helps. */
  readonly impossible?: string;
}

/** How the actions of one name, or of a pattern of names, are saved and undone. */
export interface SnapshotStrategy {
  /** The action, for example `"fs.write"`; `*` stands for one segment, as in a policy. */
  readonly action: string;
  /**
   * What the request changes. Actions and rollbacks that have something in common follow each other.
   *
   * @default its target
   */
  touches?(request: Pick<CanonicalRequest, "target" | "params">): readonly string[];
  /**
   * Saves what is needed to undo the request, which is about to be carried out.
   *
   * @throws It cannot be saved; the layer's `onCaptureFailure` tells what follows.
   */
  capture(request: CanonicalRequest, saver: SnapshotSaver): Promise<Capture>;
  /**
   * Adds to the snapshot what only shows when the action has ended.
   *
   * @returns The snapshot from now on.
   */
  settle?(saved: SavedAction, result: ActionResult): unknown | Promise<unknown>;
  /**
   * Works out how to undo the action, from how things are now: it may have happened, or not, or have
   * been undone in part, if a process died. Changes nothing itself.
   */
  undo(saved: SavedAction, reader: SnapshotReader): Promise<Undo>;
}
