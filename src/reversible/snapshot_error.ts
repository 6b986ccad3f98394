/**
 * The errors of the snapshot store.
 *
 * @module
 */

/** A snapshot could not be kept, or found. */
export class SnapshotError extends Error {
  /** The name of this class. */
  override name = "SnapshotError";
}

/** Another layer has the store open. */
export class SnapshotStoreBusyError extends Error {
  /** The name of this class. */
  override name = "SnapshotStoreBusyError";
  /** Stable code of this class of errors. */
  readonly code = "SNAPSHOT_STORE_BUSY";

  /**
   * Made by the store.
   *
   * @param folder Of the store.
   */
  constructor(folder: string) {
    super(
      `Cannot open the snapshot store "${folder}": another process, or another store of this one, has it open`,
    );
  }
}
