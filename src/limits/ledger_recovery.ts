/**
 * A ledger whose file was deleted, restored from what is still open of it.
 *
 * @module
 */
import type { LedgerDatabase } from "./ledger_database.ts";
import { LimitStoreError } from "./store.ts";

/**
 * Puts a ledger back in its place.
 *
 * The file that was deleted is still open in this process, with all that every process has charged. It is
 * copied to a new file in one step, while nobody can charge the old one. If another process was first, its
 * copy is used.
 *
 * INVARIANT: a ledger that says less than was charged is never used: it would give budget back.
 *
 * @param lost Open, and no longer in its place. Nothing is charged to it from then on.
 * @param open Opens the ledger that is in its place now, or makes an empty one.
 * @throws {LimitStoreError} Another ledger is in its place, or what was charged cannot be read or written.
 */
export function restoreLedger(lost: LedgerDatabase, open: () => LedgerDatabase): LedgerDatabase {
  let next: LedgerDatabase | undefined;
  try {
    return lost.transaction(() => {
      const found = next = open();
      found.transaction(() => {
        const before = originOf(lost);
        const now = originOf(found);
        if (now.id === before.id && now.recovered > before.recovered) return;
        assertEmpty(found);
        if (before.isLeft) {
          throw new LimitStoreError(
            `Cannot recover the ledger of limits "${lost.path}": another kernel had recovered it, and it was deleted again; recover that kernel first, it knows what was charged since`,
          );
        }
        copy(lost, found);
        found.statements.setOrigin.run(before.id, before.recovered + 1);
      });
      lost.statements.leave.run();
      return found;
    });
  } catch (error) {
    next?.close();
    throw error;
  }
}

/** Which ledger a file is, how often it was restored, and whether it has gone on in another file. */
function originOf({ statements }: LedgerDatabase) {
  const row = statements.readOrigin.get();
  return {
    id: String(row?.["id"]),
    recovered: Number(row?.["recovered"]),
    isLeft: row?.["is_left"] === 1,
  };
}

function assertEmpty({ path, statements }: LedgerDatabase): void {
  const rows = [
    ...statements.allCounters.all(-Infinity),
    ...statements.allReservations.all(),
  ];
  if (rows.length === 0) return;
  throw new LimitStoreError(
    `Cannot recover the ledger of limits "${path}": another ledger is in its place, which does not say what was charged; move it away and recover again`,
  );
}

function copy({ statements: from }: LedgerDatabase, { statements: to }: LedgerDatabase): void {
  for (const { key, value, meter, ends_at } of from.allCounters.all(-Infinity)) {
    to.setCounter.run(key as string, value as string, meter as string, ends_at as number | null);
  }
  for (const { id, owner, charges, ends_at } of from.allReservations.all()) {
    to.addReservation.run(
      id as string,
      owner as string | null,
      charges as string,
      ends_at as number | null,
    );
  }
  for (const { limit_id, owner } of from.allResets.all()) {
    to.addReset.run(limit_id as string, owner as string | null);
  }
  const latest = Math.max(...[from, to].map((one) => Number(one.readClock.get()?.["latest"])));
  to.setClock.run(latest);
}
