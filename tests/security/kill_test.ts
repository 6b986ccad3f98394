/**
 * A kernel that is killed (SIGKILL) at random moments, again and again, on the same log: what was
 * answered is on record, what was done is on record, nothing is twice.
 *
 * `KILL_ROUNDS` sets the number of rounds, `KILL_SEED` repeats the moments of an earlier run as far
 * as the machine lets it.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Kernel } from "../../mod.ts";
import { segmentsOf } from "../../src/core/record/segments.ts";
import { chainOf } from "../core/record/log_file.ts";
import { Workspace } from "../workspace.ts";
import { kill, type Moment, randomFrom } from "./kill.ts";
import type { Answered } from "./kill_victim.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 25);
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const VICTIM = fromFileUrl(new URL("./kill_victim.ts", import.meta.url));

const EXPECTED: Readonly<
  Record<string, readonly [Answered["status"], string | undefined, string]>
> = {
  "work.quick": ["OK", undefined, "OK"],
  "work.slow": ["OK", undefined, "OK"],
  "work.hang": ["ERROR", "DEADLINE_EXCEEDED", "FAILED"],
  "fs.write": ["OK", undefined, "OK"],
  "other.thing": ["DENIED", "NO_RULE", "DENIED"],
};

const ACTIONS = Object.keys(EXPECTED);

Deno.test(`a kernel killed ${ROUNDS} times has one record for each answer and each effect`, async () => {
  using ws = new Workspace();
  const world = ws.folder("world");
  const outside = ws.folder("outside");
  const path = ws.path("kernel.log");
  const random = randomFrom(SEED);
  const answers: Answered[] = [];
  const begin = performance.now();
  let dead = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const some = Math.floor(random() * 120);
    const moment: Moment<Answered> = round === 0
      ? { due: (answers) => ACTIONS.every((name) => answers.some(({ action }) => action === name)) }
      // One in five dies while it starts: before it takes the log over, meanwhile, or soon after.
      : random() < 0.2
      ? { ms: random() * 100 }
      : { due: (answers) => answers.length >= some };
    const durability = random() < 0.5 ? "os" : "disk";
    const answered = await kill<Answered>(VICTIM, [world, `r${round}`, path, durability], {
      write: ws.root,
      moment,
    });
    if (answered.length === 0) dead++;
    answers.push(...answered);
  }
  const perRound = (performance.now() - begin) / ROUNDS;
  const policy = { capabilities: [] };
  await (await Kernel.open({ policy, logPath: path, onWarning: () => {} })).close();

  const records = chainOf(path);
  const byTarget = Map.groupBy(records, ({ target }) => target);
  const effects = Array.from(Deno.readDirSync(world), ({ name }) => name)
    // The provider's own, before it has renamed it.
    .filter((name) => /^r\d+-[a-z]+\.[a-z]+-\d+$/.test(name));
  const told = `seed ${SEED}`;

  for (const { action, target, status, code, recordId } of answers) {
    const name = target.replace("world/../", "");
    const [record, ...more] = byTarget.get(name) ?? [];
    assert(record !== undefined, `no record of ${target}, ${told}`);
    assertEquals(more, [], told);
    const [wantedStatus, wantedCode, recorded] = name === target
      ? EXPECTED[action] ?? []
      : EXPECTED["other.thing"] ?? [];
    assertEquals(
      [status, code, record.status, record.record_id],
      [wantedStatus, wantedCode, recorded, recordId],
      `${target}, ${told}`,
    );
  }
  for (const name of effects) {
    const target = name.includes("fs.write") ? `${world}/${name}` : name;
    const found = byTarget.get(target) ?? [];
    assertEquals(found.length, 1, `effect ${name}, ${told}`);
    assert(found[0]?.status !== "DENIED", `effect ${name}, ${told}`);
  }
  assertEquals(Array.from(Deno.readDirSync(outside)), [], told);

  // Also what was not answered is there once at most.
  for (const [target, found] of byTarget) {
    if (target !== path) assertEquals(found.length, 1, `${target}, ${told}`);
  }
  const ids = records.flatMap(({ record_id }) => record_id === undefined ? [] : [record_id]);
  assertEquals(new Set(ids).size, ids.length, told);
  // All that happened was to test something: work of each kind, interruptions, segments.
  assert(answers.length > 10 * ROUNDS, `${answers.length} answers, ${told}`);
  const interrupted = records.filter(({ record_id, status }) =>
    status === "INTERRUPTED" && record_id !== undefined
  );
  assert(interrupted.length > ROUNDS / 2, `${interrupted.length} interrupted, ${told}`);
  const torn = records.filter(({ action }) => action === "audit.recover").length;
  assertEquals(Deno.statSync(`${path}.journal`).size, 0);

  if (Deno.env.has("KILL_ROUNDS")) {
    console.log(
      `${ROUNDS} rounds of ${perRound.toFixed(0)} ms (${dead} without an answer): ` +
        `${answers.length} answers, ${effects.length} effects, ${records.length} records, ` +
        `${interrupted.length} interrupted, ${torn} torn lines, ` +
        `${segmentsOf(path).length} segments, ${told}`,
    );
  }
});
