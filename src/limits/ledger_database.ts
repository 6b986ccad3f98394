/**
 * The database of a ledger: opened, its statements, its transactions.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { release } from "../core/record/lock.ts";
import { databasePath, ledgerError, SCHEMA } from "./ledger_file.ts";
import { LimitStoreError } from "./store.ts";

/** How long a process waits for another one that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;
/** The log of SQLite gets so long, 16 MiB, before it is moved to the database, which waits for the disk. */
const CHECKPOINT_PAGES = 4096;

const STATEMENTS = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollback: "ROLLBACK",
  readClock: "SELECT latest, EXISTS (SELECT 1 FROM resets WHERE owner IS NULL) AS asked FROM clock",
  setClock: "UPDATE clock SET latest = ?",
  readCounter: "SELECT value FROM counters WHERE key = ?",
  // A window whose name is also that of a longer one is kept as long as the longer one.
  setCounter: `INSERT INTO counters VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
    value = excluded.value, meter = excluded.meter, ends_at = max(ends_at, excluded.ends_at)`,
  setValue: "UPDATE counters SET value = ? WHERE key = ?",
  deleteCounter: "DELETE FROM counters WHERE key = ?",
  allCounters: `SELECT key, value, meter, ends_at FROM counters
    WHERE ends_at IS NULL OR ends_at > ? ORDER BY key`,
  unendingCounters: "SELECT key FROM counters WHERE ends_at IS NULL",
  sweepCounters: "DELETE FROM counters WHERE ends_at <= ?",
  sweepReservations: "DELETE FROM reservations WHERE owner IS NULL AND ends_at <= ?",
  addReservation: "INSERT INTO reservations VALUES (?, ?, ?, ?)",
  deleteReservation: "DELETE FROM reservations WHERE id = ?",
  endReservation: "DELETE FROM reservations WHERE id = ? RETURNING charges",
  setCharges: "UPDATE reservations SET charges = ? WHERE id = ?",
  abandon: "UPDATE reservations SET owner = NULL, charges = ?, ends_at = ? WHERE id = ?",
  allReservations: "SELECT id, owner, charges, ends_at FROM reservations",
  ownedReservations: "SELECT id, owner, charges FROM reservations WHERE owner IS NOT NULL",
  allResets: "SELECT limit_id, owner FROM resets",
  addReset: "INSERT OR IGNORE INTO resets VALUES (?, ?)",
  takeResets: "UPDATE resets SET owner = ? WHERE owner IS NULL RETURNING limit_id",
  leaveResets: "UPDATE resets SET owner = NULL WHERE owner = ?",
  endReset: "DELETE FROM resets WHERE limit_id = ?",
  readOrigin: "SELECT id, recovered, is_left FROM origin",
  setOrigin: "UPDATE origin SET id = ?, recovered = ?",
  leave: "UPDATE origin SET is_left = 1",
} as const;

type StatementName = keyof typeof STATEMENTS;

/** An open database of a ledger. */
export class LedgerDatabase {
  /** Its file. */
  readonly path: string;
  /** All that is asked of it. */
  readonly statements: Readonly<Record<StatementName, StatementSync>>;
  readonly #database: DatabaseSync;
  /** The file that was opened: another one of its name is another ledger. */
  readonly #inode: number | null;

  /**
   * Opens it, or makes one that only its owner may read.
   *
   * @param folder Its folder; the folder above it has to exist.
   * @throws {LimitStoreError} It cannot be opened.
   */
  constructor(folder: string, { durability = "os" }: { readonly durability?: "os" | "disk" } = {}) {
    this.path = databasePath(folder);
    let database: DatabaseSync | undefined;
    try {
      makeFolder(folder);
      using opening = new DisposableStack();
      opening.adopt(locked(folder), release);
      if (makeFile(this.path)) {
        // INVARIANT: a new file has nothing in common with one of its name that was deleted, whose other
        // files may be there and in use. Nobody else opens the new one meanwhile.
        for (const end of ["-wal", "-shm"]) removeIfThere(`${this.path}${end}`);
      }
      this.#inode = Deno.statSync(this.path).ino;
      this.#database = database = new DatabaseSync(this.path);
      database.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL;
         PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
         PRAGMA synchronous = ${durability === "disk" ? "FULL" : "NORMAL"};`,
      );
      database.exec(SCHEMA);
      this.statements = prepareAll(database);
    } catch (error) {
      database?.close();
      throw ledgerError(this.path, error);
    }
  }

  /** Whether it was not closed yet. */
  get isOpen(): boolean {
    return this.#database.isOpen;
  }

  /** Whether the file in its place is the one that was opened. */
  get isInPlace(): boolean {
    try {
      return Deno.statSync(this.path).ino === this.#inode;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** INVARIANT: a ledger that was deleted or replaced is not the one that others charge. */
  assertInPlace(): void {
    if (this.isInPlace) return;
    throw new LimitStoreError(
      `Cannot use the ledger of limits "${this.path}": it was deleted or replaced while it was open; "recover" of the kernel restores what was charged`,
    );
  }

  /** Names the file in what is thrown. */
  within<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw ledgerError(this.path, error);
    }
  }

  /** INVARIANT: what one process reads and writes here, no other one writes meanwhile. */
  transaction<T>(work: () => T): T {
    return this.within(() => {
      this.statements.begin.run();
      try {
        const result = work();
        this.statements.commit.run();
        return result;
      } catch (error) {
        // A full disk has rolled back already.
        if (this.#database.isTransaction) this.statements.rollback.run();
        throw error;
      }
    });
  }

  /** Closes it. */
  close(): void {
    this.#database.close();
  }
}

function prepareAll(database: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  return Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]),
  ) as Record<StatementName, StatementSync>;
}

/** Locks a folder for this process. */
function locked(folder: string): Deno.FsFile {
  using opened = new DisposableStack();
  const file = opened.adopt(Deno.openSync(folder), release);
  file.lockSync(true);
  opened.move();
  return file;
}

/** Makes an empty file for its owner. @returns Whether there was none. */
function makeFile(path: string): boolean {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Removes a file. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}
