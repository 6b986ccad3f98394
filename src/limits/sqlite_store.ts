/**
 * A ledger in a folder, which survives restarts and is shared by the processes of a machine.
 *
 * @module
 */
import { release } from "../core/record/lock.ts";
import { type Decimal, ZERO } from "./decimal.ts";
import { charge, counterKey, forgottenAt, ownerOf, settle, usageOf } from "./ledger.ts";
import { LedgerDatabase, removeIfThere } from "./ledger_database.ts";
import { fromJson, ledgerError, toJson } from "./ledger_file.ts";
import { restoreLedger } from "./ledger_recovery.ts";
import type { Charge, Corrections, Exceeded, LimitStore, Usage } from "./store.ts";

/** Counters of windows that have passed are deleted once for so many reservations. */
const SWEEP_EVERY = 1000;

/** How a {@linkcode SqliteLimitStore} is opened. */
export interface SqliteLimitStoreOptions {
  /**
   * How far a charge has to get before its action begins: to the operating system, or to the disk.
   * @default "os"
   */
  readonly durability?: "os" | "disk";
  /** Names this use of the ledger: what is counted per session ends with it. @default a new one */
  readonly session?: string;
}

/**
 * A {@linkcode LimitStore} in an SQLite database (WAL mode).
 *
 * Each process holds a lock on a file of its own next to the database for as long as it lives. So
 * others know which reservations belong to a process that has ended: their amounts stay charged, their
 * slots come free.
 *
 * It survives the death of processes. A loss of power can take back the last charges, unless
 * `durability` is `"disk"`.
 */
export class SqliteLimitStore implements LimitStore {
  readonly #folder: string;
  readonly #durability: "os" | "disk";
  readonly #owner: string;
  #ledger: LedgerDatabase;
  #ownerFile: Deno.FsFile | undefined;
  /** The reservations of this process, as they were written. */
  readonly #own = new Map<string, { readonly text: string; readonly charges: readonly Charge[] }>();
  /** Reservations that have ended as they were made: only they themselves are still to be deleted. */
  readonly #ended: string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #texts = new WeakMap<object, string>();
  #isResetAsked = false;
  /** Resets that this process has to carry out. */
  readonly #taken = new Set<string>();
  #abandoned = 0;
  #reservations = 0;

  /**
   * Opens the ledger, or makes one that only its owner may read.
   *
   * @param folder Absolute path of its folder; the folder above it has to exist.
   * @throws {LimitStoreError} It cannot be opened.
   */
  constructor(folder: string, options: SqliteLimitStoreOptions = {}) {
    const { durability = "os", session = crypto.randomUUID() } = options;
    this.#folder = folder;
    this.#durability = durability;
    this.#owner = session;
    const ledger = this.#ledger = new LedgerDatabase(folder, { durability });
    try {
      this.#transaction(() => {
        this.#holdOwnerFile();
        this.#endAbandoned();
      });
    } catch (error) {
      ledger.close();
      if (this.#ownerFile !== undefined) release(this.#ownerFile);
      throw ledgerError(ledger.path, error);
    }
  }

  /** Reservations of processes that ended without a word, found since it was opened. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** The latest time that was told. */
  now(at: number): number {
    return this.#ledger.within(() => Math.max(at, this.#latest()));
  }

  /** The limits that somebody asks to be reset, as far as {@linkcode now} knows. One process gets each. */
  askedResets(): readonly string[] {
    if (this.#isResetAsked) {
      const taken = this.#transaction(() => this.#statements.takeResets.all(this.#owner));
      for (const { limit_id } of taken) this.#taken.add(String(limit_id));
    }
    return this.#taken.size === 0 ? NONE : Array.from(this.#taken);
  }

  /** Reserves all charges of one request, or none. */
  reserve(id: string, charges: readonly Charge[], at: number): Exceeded | undefined {
    return this.#transaction(() => {
      this.#ledger.assertInPlace();
      const latest = this.#latest();
      const now = Math.max(at, latest);
      if (now > latest) this.#statements.setClock.run(now);
      const exceeded = this.#tryReserve(id, charges, now);
      const isSlot = charges.some(({ limit, meter }) =>
        limit === exceeded?.limit && meter.kind === "slots"
      );
      // A process that died holds its slots until somebody needs them.
      return isSlot && this.#endAbandoned() > 0 ? this.#tryReserve(id, charges, now) : exceeded;
    });
  }

  /** Ends a reservation: what was used stays charged. */
  commit(id: string, corrections: Corrections): void {
    this.#finish(id, (one) => corrections.get(one.limit) ?? one.amount);
  }

  /** Ends a reservation of what provably did not happen. */
  release(id: string): void {
    this.#finish(id, () => ZERO);
  }

  /** What is used. */
  usage(at: number): Usage[] {
    return this.#ledger.within(() => {
      const now = Math.max(at, this.#latest());
      return this.#statements.allCounters.all(now).map(({ key, value, meter }) =>
        usageOf(BigInt(String(value)), {
          ...ownerOf(String(key)),
          meter: fromJson(String(meter)),
          at: now,
        })
      );
    });
  }

  /** Sets all counters of a limit to nothing. */
  reset(limit: string): void {
    this.#transaction(() => {
      for (const { key } of this.#statements.allCounters.all(-Infinity)) {
        if (ownerOf(String(key)).limit === limit) this.#statements.deleteCounter.run(key as string);
      }
      // INVARIANT: what was charged before the reset is not given back after it.
      for (const { id, charges } of this.#statements.allReservations.all()) {
        const others = fromJson<readonly Charge[]>(String(charges))
          .filter((one) => one.limit !== limit);
        this.#statements.setCharges.run(toJson(others), id as string);
      }
      this.#statements.endReset.run(limit);
    });
    this.#taken.delete(limit);
  }

  /**
   * Uses the ledger again after it was deleted, or could not be written. What was charged is restored.
   *
   * @throws {LimitStoreError} The cause is still there, or what was charged is not known any more.
   */
  recover(): void {
    if (!this.#ledger.within(() => this.#ledger.isInPlace)) {
      const lost = this.#ledger;
      this.#ledger = restoreLedger(
        lost,
        () => new LedgerDatabase(this.#folder, { durability: this.#durability }),
      );
      lost.close();
    }
    this.#transaction(() => {
      this.#holdOwnerFile();
      this.#endForgotten();
      this.#statements.setClock.run(this.#latest()); // Shows whether it can be written.
    });
  }

  /** Ends the session, and closes the ledger. */
  close(): void {
    if (!this.#ledger.isOpen) return;
    clearTimeout(this.#timer);
    try {
      this.#transaction(() => {
        this.#endSession(this.#owner);
        this.#statements.leaveResets.run(this.#owner);
      });
    } catch {
      // A ledger that cannot be written any more: the next one to open it ends the session.
    }
    this.#ledger.close();
    if (this.#ownerFile !== undefined) release(this.#ownerFile);
    removeIfThere(this.#ownerPath(this.#owner));
  }

  get #statements(): LedgerDatabase["statements"] {
    return this.#ledger.statements;
  }

  #transaction<T>(work: () => T): T {
    const result = this.#ledger.transaction(() => {
      for (const id of this.#ended) this.#statements.deleteReservation.run(id);
      return work();
    });
    this.#ended.length = 0;
    return result;
  }

  /** @param usedOf What was really used. */
  #finish(id: string, usedOf: (one: Charge) => Decimal): void {
    const own = this.#own.get(id);
    if (own?.charges.every((one) => isKept(one, usedOf(one)))) {
      this.#own.delete(id);
      this.#endSoon(id);
    } else {
      this.#transaction(() => {
        for (const one of this.#end(id)) this.#settle(one, usedOf(one));
      });
      this.#own.delete(id);
    }
  }

  /**
   * Most charges end as they were reserved: the counters are right already. That the reservation has
   * ended can wait for the next transaction, or the next turn of the event loop: so most requests take one
   * transaction and not two. If the process is killed before, it stays charged, as is right.
   */
  #endSoon(id: string): void {
    this.#ended.push(id);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      try {
        if (this.#ended.length > 0) this.#transaction(() => {});
      } catch {
        // They are ended with the next transaction. If that fails too, its request does not pass.
      }
    });
  }

  #latest(): number {
    const row = this.#statements.readClock.get();
    this.#isResetAsked = row?.["asked"] === 1;
    return Number(row?.["latest"] ?? 0);
  }

  #tryReserve(id: string, charges: readonly Charge[], now: number): Exceeded | undefined {
    const charged = new Map<string, { value: Decimal; meter: Charge["meter"] }>();
    for (const one of charges) {
      const key = counterKey(one);
      const after = charge(charged.get(key)?.value ?? this.#read(key) ?? ZERO, one, now);
      // INVARIANT: nothing is charged unless all is.
      if ("exceeded" in after) return after.exceeded;
      charged.set(key, { value: after.value, meter: one.meter });
    }
    for (const [key, { value, meter }] of charged) this.#write(key, value, meter);
    const text = this.#textOf(charges);
    this.#statements.addReservation.run(id, this.#owner, text, null);
    this.#own.set(id, { text, charges });
    if (++this.#reservations % SWEEP_EVERY === 1) {
      this.#statements.sweepCounters.run(now);
      this.#statements.sweepReservations.run(now);
    }
    return undefined;
  }

  #read(key: string): Decimal | undefined {
    const row = this.#statements.readCounter.get(key);
    return row === undefined ? undefined : BigInt(String(row["value"]));
  }

  #write(key: string, value: Decimal, meter: Charge["meter"]): void {
    const endsAt = forgottenAt(value, meter) ?? null;
    this.#statements.setCounter.run(key, String(value), this.#textOf(meter), endsAt);
  }

  /** Many requests have the same charges, as one object. */
  #textOf(value: Charge["meter"] | readonly Charge[]): string {
    let text = this.#texts.get(value);
    if (text === undefined) this.#texts.set(value, text = toJson(value));
    return text;
  }

  #end(id: string): readonly Charge[] {
    const own = this.#own.get(id);
    const row = this.#statements.endReservation.get(id);
    if (row === undefined) return [];
    // Another text: a limit was reset meanwhile.
    const text = String(row["charges"]);
    return text === own?.text ? own.charges : fromJson(text);
  }

  #settle(one: Charge, used: Decimal): void {
    if (isKept(one, used)) return;
    const key = counterKey(one);
    const before = this.#read(key);
    if (before === undefined) return;
    const value = settle(before, one, used);
    if (value === ZERO && one.meter.kind === "slots") this.#statements.deleteCounter.run(key);
    else if (value !== before) this.#statements.setValue.run(String(value), key);
  }

  /** INVARIANT: in a transaction like every look at such files, so that none is seen unlocked. */
  #holdOwnerFile(): void {
    const path = this.#ownerPath(this.#owner);
    if (this.#ownerFile !== undefined) {
      if (isThere(path)) return;
      release(this.#ownerFile);
    }
    this.#ownerFile = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    this.#ownerFile.lockSync(true);
  }

  /**
   * Ends reservations that another process has restored and that ended here meanwhile: their slots come
   * free, their amounts stay charged.
   */
  #endForgotten(): void {
    for (const { id, owner } of this.#statements.ownedReservations.all()) {
      if (owner !== this.#owner || this.#own.has(String(id))) continue;
      for (const one of this.#end(String(id))) this.#settle(one, one.amount);
    }
  }

  /** Ends the reservations of processes that are no more. @returns How many. */
  #endAbandoned(): number {
    const names = Array.from(Deno.readDirSync(this.#folder), ({ name }) => name)
      .filter((name) => name.startsWith(OWNER)).map((name) => name.slice(OWNER.length));
    const rows = this.#statements.ownedReservations.all();
    const owners = new Set([...names, ...rows.map(({ owner }) => String(owner))]);
    owners.delete(this.#owner);
    const dead = new Set(Array.from(owners).filter((owner) => !this.#isAlive(owner)));
    let ended = 0;
    for (const { id, owner, charges } of rows) {
      if (!dead.has(String(owner))) continue;
      ended++;
      const all = fromJson<readonly Charge[]>(String(charges));
      // What was under way is under way no more; what is in doubt stays charged.
      for (const one of all) if (one.meter.kind === "slots") this.#settle(one, ZERO);
      const kept = all.filter(({ meter }) =>
        meter.kind === "window" && meter.window !== sessionWindow(String(owner))
      );
      const ends = kept.map(({ meter }) => meter.kind === "window" ? meter.endsAt : undefined);
      const endsAt = ends.some((end) => end === undefined)
        ? null
        : Math.max(0, ...ends as number[]);
      this.#statements.abandon.run(toJson(kept), endsAt, id as string);
    }
    for (const owner of dead) {
      this.#endSession(owner);
      this.#statements.leaveResets.run(owner);
      removeIfThere(this.#ownerPath(owner));
    }
    this.#abandoned += ended;
    return ended;
  }

  /** Nobody counts on in the window of a session that has ended. */
  #endSession(session: string): void {
    for (const { key } of this.#statements.unendingCounters.all()) {
      const [, , window] = JSON.parse(String(key)) as string[];
      if (window === sessionWindow(session)) this.#statements.deleteCounter.run(key as string);
    }
  }

  #isAlive(owner: string): boolean {
    try {
      using opened = new DisposableStack();
      const file = opened.adopt(Deno.openSync(this.#ownerPath(owner), { write: true }), release);
      return !file.tryLockSync(true);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #ownerPath(owner: string): string {
    return `${this.#folder}/${OWNER}${owner}`;
  }
}

const OWNER = "owner-";
const NONE: readonly string[] = [];

/** Whether the end of a charge changes nothing: tokens are never given back. */
function isKept({ meter, amount }: Charge, used: Decimal): boolean {
  return meter.kind === "bucket" || meter.kind === "window" && used === amount;
}

function sessionWindow(session: string): string {
  return `session ${session}`;
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
