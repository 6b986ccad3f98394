/**
 * The interface of snapshot strategies: how an action is saved before it happens, and undone later.
 *
 * @module
 */
import type { ActionResult, CanonicalRequest } from "../core/action.ts";
import type { Preparation } from "../core/admission.ts";

/** What a strategy saved before an action. */
export interface Capture {
  /** What is needed to undo the action: JSON. Contents go into the store, see {@linkcode SnapshotSaver}. */
  readonly snapshot: unknown;
  /** What the provider has to know, for example which file it may replace. @default nothing */
  readonly preparation?: Preparation;
}

/** Where a strategy saves contents while it captures. */
export interface SnapshotSaver {
  /** The real path of the folder of the store. */
  readonly folder: string;
  /**
   * Saves a content. It is on the disk before the action runs; the same content is kept once.
   *
   * @param content Bytes, or a file that is read from its position to its end.
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

/** Where a strategy reads them later. */
export interface SnapshotReader {
  /** The real path of the folder of the store. */
  readonly folder: string;
  /**
   * Reads a content and verifies its digest.
   *
   * @throws {Error} It is missing, or is not what was saved.
   */
  read(sha256: string): Promise<Uint8Array>;
}

/** An action as the store knows it. */
export interface SavedAction {
  /** The id of its record. */
  readonly recordId: string;
  /** When its snapshot was taken (RFC 3339). */
  readonly at: string;
  /** Until when it can be undone (RFC 3339). */
  readonly expires: string;
  /** As in the request. */
  readonly action: string;
  /** As in the canonical request. */
  readonly target: string;
  /** Who asked (the principal). */
  readonly agent?: string;
  /**
   * `pending`: it is being carried out, or its end is unknown because a process was killed. `done`: it
   * ended. `rolled back`: it was undone. `lost`: its snapshot was removed to make room.
   */
  readonly state: "pending" | "done" | "rolled back" | "lost";
  /** What it changed, as its strategy names it, for example paths. */
  readonly touches: readonly string[];
  /** What its strategy saved: JSON. */
  readonly snapshot: unknown;
  /** The names of its contents and links in the store. */
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
   * What the provider has to know, for example which file it may replace. Then target and `to` have to be
   * canonical: if they lead elsewhere now, the step is denied. @default nothing
   */
  readonly preparation?: Preparation;
  /** Whether the action counts as undone also if this fails, like a folder that cannot be removed. @default false */
  readonly optional?: boolean;
  /** Describes the change for people; called for a preview only. @default action, target and params */
  readonly describe?: () => Promise<string>;
}

/** How an action can be undone as things are now. */
export interface Undo {
  /** In this order; empty if everything is as before the action. With a conflict: what `force` does. */
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
   * What the request changes. Actions and rollbacks that have a name in common run one after the other.
   *
   * @default its target
   */
  touches?(request: Pick<CanonicalRequest, "target" | "params">): readonly string[];
  /**
   * Saves what is needed to undo the request, before it is carried out.
   *
   * @throws {DeniedError} The action is to be denied, with the code of the error.
   * @throws Anything else: it cannot be saved; `onCaptureFailure` of the layer decides what follows.
   */
  capture(request: CanonicalRequest, saver: SnapshotSaver): Promise<Capture>;
  /**
   * Adds to the snapshot what is known only when the action has ended.
   *
   * @param saved The action.
   * @param result Its status, code and data; without `error` and `rule`.
   * @returns The snapshot from now on.
   */
  settle?(saved: SavedAction, result: ActionResult): unknown | Promise<unknown>;
  /**
   * Adds to the snapshot what an agent that has done the action itself has left: the state now, since the kernel
   * knows no more of it.
   *
   * @returns The snapshot from now on. @default it stays
   */
  seal?(saved: SavedAction): unknown | Promise<unknown>;
  /**
   * Works out how to undo the action, from the state now. If a process was killed, the action may have
   * happened, or not, or have been undone in part. Changes nothing itself.
   */
  undo(saved: SavedAction, reader: SnapshotReader): Promise<Undo>;
}
