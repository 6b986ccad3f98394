/**
 * A kernel that is killed in the middle of reads and of writes. What was answered has its record, a
 * write that had begun has its record, a read that was never answered has none.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Kernel } from "../../mod.ts";
import { chainOf } from "../core/record/log_file.ts";
import { Workspace } from "../workspace.ts";
import { kill, randomFrom } from "./kill.ts";
import type { Answered } from "./kill_reads_victim.ts";

const ROUNDS = 8;
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const VICTIM = fromFileUrl(new URL("./kill_reads_victim.ts", import.meta.url));

Deno.test("after a kill, begun writes are INTERRUPTED, and unanswered reads have no record", async () => {
  using ws = new Workspace();
  const world = ws.folder("world");
  const path = ws.path("kernel.log");
  const random = randomFrom(SEED);
  const answers: Answered[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const some = 20 + Math.floor(random() * 60);
    const moment = { due: (answers: readonly Answered[]) => answers.length >= some };
    const args = [world, `r${round}`, path];
    answers.push(...await kill<Answered>(VICTIM, args, { write: ws.root, moment }));
  }
  const options = { policy: { capabilities: [] }, logPath: path, onWarning: () => {} };
  await (await Kernel.open(options)).close();

  const records = chainOf(path).filter(({ action }) => action.startsWith("work."));
  const byTarget = Map.groupBy(records, ({ target }) => target);
  const seed = `seed ${SEED}`;
  for (const [target, found] of byTarget) assertEquals(found.length, 1, `${target}, ${seed}`);
  for (const { target, status } of answers) {
    assertEquals([status, byTarget.get(target)?.[0]?.status], ["OK", "OK"], `${target}, ${seed}`);
  }
  const begun = Array.from(Deno.readDirSync(world), ({ name }) => name);
  const unanswered = begun.filter((name) => answers.every(({ target }) => target !== name));
  // Two at least of each round were under way when it was killed.
  assert(unanswered.length >= ROUNDS, `${unanswered.length} unanswered, ${seed}`);
  for (const name of unanswered.filter((name) => name.includes("work.write"))) {
    // Its answer may have got lost behind its record.
    const { status } = byTarget.get(name)?.[0] ?? {};
    assert(status === "INTERRUPTED" || status === "OK", `${name} is ${status}, ${seed}`);
  }
  const interrupted = records.filter(({ status }) => status === "INTERRUPTED");
  assert(interrupted.length > 0, seed);
  assertEquals(interrupted.filter(({ action }) => action === "work.read"), [], seed);
});
