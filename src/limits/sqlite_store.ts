/**
 * A ledger in one file, which survives restarts and is shared by the processes of a machine.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { messageOf } from "../core/errors.ts";
import { type Decimal, ZERO } from "./decimal.ts";
import { charge, counterKey, giveBack } from "./ledger.ts";
import type { Charge, Corrections, Exceeded, LimitStore, Usage } from "./store.ts";

/** How long a process waits for another one that writes, in milliseconds. */
const BUSY_TIMEOUT_MS = 5000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counters (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, ends_at REAL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, charges TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), latest REAL NOT NULL) STRICT;
  INSERT OR IGNORE INTO clock VALUES (1, 0);
`;

/** The ledger cannot be opened, read or written. */
export class LimitStoreError extends Error {
  /** The name of this class. */
  override name = "LimitStoreError";
  /** Stable code of this class of errors. */
  readonly code = "LIMIT_UNAVAILABLE";
}

/**
 * A {@linkcode LimitStore} in an SQLite database (WAL mode).
 *
 * Each process holds a lock on a file of its own beside the database for as long as it lives. So
 * others know which reservations belong to a process that has ended: their amounts stay charged, their
 * slots come free.
 *
 * It survives the death of processes. A loss of power can take back the last charges, unless
 * `durability` is `"disk"`.
 */
export class SqliteLimitStore implements LimitStore {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #owner = crypto.randomUUID();
  readonly #ownerFile: Deno.FsFile;
  readonly #statements: Readonly<Record<StatementName, StatementSync>>;
  #abandoned = 0;

  /**
   * Opens the database, or makes one that only its owner may read.
   *
   * @param path Its path; files that begin with the same name and `-` are beside it.
   * @throws {LimitStoreError} It cannot be opened.
   */
  constructor(path: string, { durability = "os" }: { readonly durability?: "os" | "disk" } = {}) {
    this.#path = path;
    try {
      Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 }).close();
      this.#database = new DatabaseSync(path);
      this.#database.exec(
        `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = ${durability === "disk" ? "FULL" : "NORMAL"};`,
      );
      this.#database.exec(SCHEMA);
      this.#ownerFile = Deno.openSync(this.#ownerPath(this.#owner), {
        write: true,
        createNew: true,
        mode: 0o600,
      });
      this.#ownerFile.lockSync(true);
      this.#statements = prepareAll(this.#database);
      this.#transaction(() => this.#endAbandoned());
    } catch (error) {
      throw failure(path, error);
    }
  }

  get abandoned(): number {
    return this.#abandoned;
  }

  now(at: number): number {
    return this.#transaction(() => this.#tick(at));
  }

  reserve(id: string, charges: readonly Charge[], at: number): Exceeded | undefined {
    return this.#transaction(() => {
      const now = this.#tick(at);
      const exceeded = this.#tryReserve(id, charges, now);
      const isSlot = charges.some(({ limit, meter }) =>
        limit === exceeded?.limit && meter.kind === "slots"
      );
      // A process that died holds its slots until somebody needs them.
      return isSlot && this.#endAbandoned() > 0 ? this.#tryReserve(id, charges, now) : exceeded;
    });
  }

  commit(id: string, corrections: Corrections): void {
    this.#transaction(() => {
      for (const one of this.#end(id)) {
        const used = one.meter.kind === "slots" ? ZERO : corrections.get(one.limit) ?? one.amount;
        this.#giveBack(one, one.amount - used);
      }
    });
  }

  release(id: string): void {
    this.#transaction(() => {
      for (const one of this.#end(id)) this.#giveBack(one, one.amount);
    });
  }

  usage(): Usage[] {
    return this.#statements.allCounters.all().map((row) => {
      const [limit, who, window] = JSON.parse(String(row["key"])) as [string, string, string];
      return { limit, who, window, used: BigInt(String(row["value"])) };
    });
  }

  reset(limit: string): void {
    this.#transaction(() => {
      for (const { limit: name, who, window } of this.usage()) {
        if (name === limit) {
          this.#statements.deleteCounter.run(JSON.stringify([name, who, window]));
        }
      }
    });
  }

  close(): void {
    this.#database.close();
    this.#ownerFile.close();
    removeIfThere(this.#ownerPath(this.#owner));
  }

  /** INVARIANT: what one process reads and writes here, no other one writes meanwhile. */
  #transaction<T>(work: () => T): T {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        this.#database.exec("ROLLBACK");
        throw error;
      }
    } catch (error) {
      throw failure(this.#path, error);
    }
  }

  #tick(at: number): number {
    const latest = Number(this.#statements.readClock.get()?.["latest"] ?? 0);
    if (at <= latest) return latest;
    this.#statements.setClock.run(at);
    return at;
  }

  #tryReserve(id: string, charges: readonly Charge[], now: number): Exceeded | undefined {
    const values = new Map<string, Decimal>();
    for (const one of charges) {
      const key = counterKey(one);
      const after = charge(values.get(key) ?? this.#read(key), one, now);
      // INVARIANT: nothing is charged unless all is.
      if ("exceeded" in after) return after.exceeded;
      values.set(key, after.value);
    }
    for (const one of charges) {
      const key = counterKey(one);
      const endsAt = one.meter.kind === "window" ? one.meter.endsAt ?? null : null;
      this.#statements.setCounter.run(key, String(values.get(key) ?? ZERO), endsAt);
    }
    this.#statements.addReservation.run(id, this.#owner, toJson(charges));
    this.#statements.sweep.run(now);
    return undefined;
  }

  #read(key: string): Decimal {
    const row = this.#statements.readCounter.get(key);
    return row === undefined ? ZERO : BigInt(String(row["value"]));
  }

  #end(id: string): readonly Charge[] {
    const row = this.#statements.readReservation.get(id);
    this.#statements.deleteReservation.run(id);
    return row === undefined ? [] : fromJson(String(row["charges"]));
  }

  #giveBack(one: Charge, part: Decimal): void {
    const key = counterKey(one);
    const row = this.#statements.readCounter.get(key);
    if (row === undefined) return;
    const value = giveBack(BigInt(String(row["value"])), one, part);
    const endsAt = one.meter.kind === "window" ? one.meter.endsAt ?? null : null;
    this.#statements.setCounter.run(key, String(value), endsAt);
  }

  /** Ends the reservations of processes that are no more. @returns How many. */
  #endAbandoned(): number {
    let ended = 0;
    const alive = new Map<string, boolean>([[this.#owner, true]]);
    for (const row of this.#statements.allReservations.all()) {
      const owner = String(row["owner"]);
      const isAlive = alive.get(owner) ?? this.#isAlive(owner);
      alive.set(owner, isAlive);
      if (isAlive) continue;
      ended++;
      // What is in doubt stays charged; what was under way is under way no more.
      for (const one of this.#end(String(row["id"]))) {
        if (one.meter.kind === "slots") this.#giveBack(one, one.amount);
      }
    }
    for (const [owner, isAlive] of alive) if (!isAlive) removeIfThere(this.#ownerPath(owner));
    this.#abandoned += ended;
    return ended;
  }

  #isAlive(owner: string): boolean {
    try {
      using file = Deno.openSync(this.#ownerPath(owner), { write: true });
      return !file.tryLockSync(true);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #ownerPath(owner: string): string {
    return `${this.#path}-owner-${owner}`;
  }
}

type StatementName = keyof typeof STATEMENTS;

const STATEMENTS = {
  readClock: "SELECT latest FROM clock",
  setClock: "UPDATE clock SET latest = ?",
  readCounter: "SELECT value FROM counters WHERE key = ?",
  setCounter:
    "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, ends_at = excluded.ends_at",
  deleteCounter: "DELETE FROM counters WHERE key = ?",
  allCounters: "SELECT key, value FROM counters ORDER BY key",
  sweep: "DELETE FROM counters WHERE ends_at < ?",
  addReservation: "INSERT INTO reservations VALUES (?, ?, ?)",
  readReservation: "SELECT charges FROM reservations WHERE id = ?",
  deleteReservation: "DELETE FROM reservations WHERE id = ?",
  allReservations: "SELECT id, owner FROM reservations",
} as const;

function prepareAll(database: DatabaseSync): Readonly<Record<StatementName, StatementSync>> {
  return Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, sql]) => [name, database.prepare(sql)]),
  ) as Record<StatementName, StatementSync>;
}

function toJson(charges: readonly Charge[]): string {
  return JSON.stringify(
    charges,
    (_, value) => typeof value === "bigint" ? { decimal: String(value) } : value,
  );
}

function fromJson(text: string): readonly Charge[] {
  return JSON.parse(
    text,
    (_, value) => typeof value?.decimal === "string" ? BigInt(value.decimal) : value,
  );
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function failure(path: string, error: unknown): LimitStoreError {
  if (error instanceof LimitStoreError) return error;
  return new LimitStoreError(`Cannot use the ledger of limits "${path}": ${messageOf(error)}`, {
    cause: error,
  });
}
