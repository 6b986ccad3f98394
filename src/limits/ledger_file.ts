/**
 * The ledger as a file: its tables, and how it is read without being changed.
 *
 * @module
 */
import { dirname } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, systemFailure } from "../core/errors.ts";
import type { Decimal } from "./decimal.ts";
import { ownerOf, usageOf } from "./ledger.ts";
import { type Charge, LimitStoreError, type Usage } from "./store.ts";

/**
 * The tables. Amounts are texts: integers of SQLite have 64 bits. A reservation without an owner was
 * abandoned: it says what of the counters no record tells. Indexes would be one page more to write for each
 * request; earlier versions made two. Resets are those that somebody asks the kernels for; the
 * owner is the one that takes it up. The origin says
 * which ledger this is, how often it was restored, and whether it has gone on in another file.
 */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS counters (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, meter TEXT NOT NULL, ends_at REAL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, owner TEXT, charges TEXT NOT NULL, ends_at REAL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS clock (
    one INTEGER PRIMARY KEY CHECK (one = 1), latest REAL NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO clock VALUES (1, 0);
  CREATE TABLE IF NOT EXISTS resets (limit_id TEXT PRIMARY KEY, owner TEXT) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS origin (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, recovered INTEGER NOT NULL,
    is_left INTEGER NOT NULL
  ) STRICT;
  INSERT OR IGNORE INTO origin VALUES (1, lower(hex(randomblob(16))), 0, 0);
  DROP INDEX IF EXISTS counters_by_end;
  DROP INDEX IF EXISTS reservations_by_owner;
`;

/** The database in the folder of a ledger. */
export function databasePath(folder: string): string {
  return `${folder}/ledger.db`;
}

/** A reservation that has no end yet. */
export interface OpenReservation {
  readonly id: string;
  readonly charges: readonly Charge[];
  /** Whether its process has ended: it stays charged, and may have no record. */
  readonly abandoned: boolean;
}

/** All that a ledger says at one moment. */
export interface LedgerContent {
  /** The latest time that it has seen, in milliseconds since the epoch. */
  readonly latest: number;
  readonly usage: readonly Usage[];
  readonly reservations: readonly OpenReservation[];
}

/**
 * Reads a ledger without changing it.
 *
 * @param folder Its folder.
 * @param at Now, in milliseconds since the epoch.
 * @returns `undefined` if there is none.
 * @throws {LimitStoreError} It cannot be read.
 */
export function readLedger(folder: string, at: number): LedgerContent | undefined {
  const path = databasePath(folder);
  try {
    Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ledgerError(path, error);
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    database.exec("PRAGMA busy_timeout = 5000; BEGIN"); // One moment for all that is read.
    const latest = Number(database.prepare("SELECT latest FROM clock").get()?.["latest"] ?? 0);
    const now = Math.max(at, latest);
    const counters = database.prepare(
      "SELECT key, value, meter FROM counters WHERE ends_at IS NULL OR ends_at > ? ORDER BY key",
    ).all(now);
    const usage = counters.map(({ key, value, meter }) =>
      usageOf(BigInt(String(value)), {
        ...ownerOf(String(key)),
        meter: fromJson(String(meter)),
        at: now,
      })
    );
    const reservations = database.prepare("SELECT id, owner, charges FROM reservations").all()
      .map(({ id, owner, charges }) => ({
        id: String(id),
        charges: fromJson<readonly Charge[]>(String(charges)),
        abandoned: owner === null,
      }));
    return { latest, usage, reservations };
  } catch (error) {
    throw ledgerError(path, error);
  } finally {
    database?.close();
  }
}

/**
 * Asks the kernels that share a ledger to reset a limit: the first one that decides anything puts it on
 * record and resets it before.
 *
 * @param folder Of a ledger that is there.
 * @throws {LimitStoreError} It cannot be written.
 */
export function askReset(folder: string, limit: string): void {
  const path = databasePath(folder);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec(`PRAGMA busy_timeout = 5000; ${SCHEMA}`);
    database.prepare("INSERT OR IGNORE INTO resets VALUES (?, NULL)").run(limit);
  } catch (error) {
    throw ledgerError(path, error);
  } finally {
    database?.close();
  }
}

/** Charges and meters as JSON, with their amounts exact. */
export function toJson(value: Charge["meter"] | readonly Charge[]): string {
  return JSON.stringify(
    "kind" in value ? plain(value) : value.map(({ amount, meter, ...rest }) => ({
      ...rest,
      amount: { decimal: String(amount) },
      meter: plain(meter),
    })),
  );
}

function plain(meter: Charge["meter"]): object {
  return meter.kind === "window" ? { ...meter, max: { decimal: String(meter.max) } } : meter;
}

/** The opposite of {@linkcode toJson}. */
export function fromJson<T extends Charge["meter"] | readonly Charge[]>(text: string): T {
  return JSON.parse(
    text,
    (_, value): Decimal | unknown =>
      typeof value?.decimal === "string" ? BigInt(value.decimal) : value,
  );
}

/** What failed, with the file. */
export function ledgerError(path: string, error: unknown): LimitStoreError {
  if (error instanceof LimitStoreError) return error;
  const isMissing = error instanceof Deno.errors.NotFound;
  const hint = isMissing ? `; the folder "${dirname(dirname(path))}" has to exist` : "";
  return new LimitStoreError(
    `Cannot use the ledger of limits "${path}": ${reasonOf(error)}${hint}`,
    { cause: error },
  );
}

/** What the primary result codes of SQLite mean, as codes of errno. */
const OF_SQLITE: Readonly<Record<number, string>> = {
  3: "EACCES",
  5: "EBUSY",
  8: "EROFS",
  10: "EIO",
  13: "ENOSPC",
};

/** What is wrong, in words; of SQLite too, whose own are few. */
function reasonOf(error: unknown): string {
  const errcode = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  if (typeof errcode !== "number") return messageOf(error);
  const code = OF_SQLITE[errcode & 0xff];
  const failure = code === undefined
    ? undefined
    : systemFailure(Object.assign(new Error(), { code }));
  if (failure !== undefined) return `${failure.reason} (${failure.code})`;
  const said = messageOf(error);
  return said.startsWith("no such table")
    ? "it was not made to its end; the next kernel that opens it finishes it (NOT_MADE)"
    : said;
}
