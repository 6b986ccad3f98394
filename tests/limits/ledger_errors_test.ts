import { assertEquals, assertThrows } from "@std/assert";
import { ledgerError, readLedger } from "../../src/limits/ledger_file.ts";
import { SqliteLimitStore } from "../../src/limits/sqlite_store.ts";
import { LimitStoreError } from "../../src/limits/store.ts";
import { Workspace } from "../workspace.ts";

Deno.test("errors of SQLite are said in words, with path and code", () => {
  for (
    const [errcode, raw, words] of [
      [13, "database or disk is full", "the disk is full (NO_SPACE)"],
      [778, "disk I/O error", "the disk reports an error (IO_ERROR)"],
    ] as const
  ) {
    const { message } = ledgerError("/l/ledger.db", Object.assign(new Error(raw), { errcode }));
    assertEquals(message, `Cannot use the ledger of limits "/l/ledger.db": ${words}`);
  }
});

Deno.test("a ledger that was not made to its end says so, and is finished by the next start", () => {
  using ws = new Workspace();
  ws.folder("limits");
  Deno.writeTextFileSync(ws.path("limits/ledger.db"), "");
  const error = assertThrows(() => readLedger(ws.path("limits"), 0), LimitStoreError);
  assertEquals(
    error.message,
    `Cannot use the ledger of limits "${
      ws.path("limits/ledger.db")
    }": it was not made to its end; the next kernel that opens it finishes it (NOT_MADE)`,
  );
  new SqliteLimitStore(ws.path("limits")).close();
  assertEquals(readLedger(ws.path("limits"), 0)?.usage, []);
});
