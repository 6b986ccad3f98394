/**
 * Run by `store_test.ts`, and killed by it: holds a store.
 *
 * @module
 */
import { SnapshotStore } from "../../src/reversible/mod.ts";

SnapshotStore.open({ folder: Deno.args[0] ?? "" });
console.log("open");
await new Promise((resolve) => setTimeout(resolve, 60_000));
