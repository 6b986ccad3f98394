import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  Kernel,
  type KernelOptions,
  readAuditLog,
  verifyAuditLog,
  verifyWithCheckpoints,
} from "@agent-kernel/kernel";
import { readCheckpoints, writeKeyPair } from "../../src/checkpoint/checkpoint.ts";
import { parseVerifierKey } from "../../src/checkpoint/signed_note.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { segmentsOf } from "../../src/core/record/segments.ts";
import { pruneAuditLog, type Retention } from "../../src/log/prune.ts";
import { appendOne, body, openLog, recordsOf } from "../core/record/log_file.ts";
import { Workspace } from "../workspace.ts";

/** A kernel that rotates after a few records, and signs every second one. */
function open(ws: Workspace, options: Partial<KernelOptions> = {}): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities: [] },
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    rotate: { bytes: 2000 },
    checkpoints: { key: ws.path("key"), everyRecords: 2 },
    ...options,
  });
}

async function submit(kernel: Kernel, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await kernel.submit({ action: "fs.read", target: `/data/${i}` });
}

/** What both verifiers say of a log. */
async function verify(path: string, verifierKey: string, checkpoints = `${path}.checkpoints`) {
  const chain = await verifyAuditLog(path);
  const checked = await verifyWithCheckpoints(path, checkpoints, verifierKey);
  return { chain, checked };
}

Deno.test("retention deletes old segments; the log verifies with its checkpoints and not without", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const verifierKey = writeKeyPair(ws.path("key"), "test");
  {
    await using kernel = await open(ws, { retain: { segments: 2 } });
    await submit(kernel, 60);
  }
  const [first] = segmentsOf(path);
  const count = first?.firstSeq ?? 0;
  assert(segmentsOf(path).length <= 3 && count > 0, JSON.stringify(first));
  const head = recordsOf(first?.path ?? "")[0]?.prev ?? "";
  const { chain, checked } = await verify(path, verifierKey);
  assertEquals({ ...chain, problem: chain.problem?.line }, {
    ...{ ok: false, records: 0, head: GENESIS, missing: { records: count, head }, problem: 1 },
  });
  assertStringIncludes(chain.problem?.reason ?? "", `the ${count} records before it are missing`);
  assertStringIncludes(chain.problem?.reason ?? "", `the ${60 - count} that are left are in order`);
  assertEquals([checked.ok, checked.records, checked.problem], [true, 60, undefined]);
  assertEquals(checked.missing, { records: count, head });
  assertStringIncludes(
    checked.checkpoints.notes[0] ?? "",
    `the first ${count} records are missing`,
  );
  // Nothing about it is in the log: a record could be forged.
  for await (const line of readAuditLog(path)) {
    assert("record" in line && line.record.action === "fs.read");
  }
});

/** A log of segments, of which the first were taken away. */
async function beheaded(ws: Workspace, more: Partial<KernelOptions> = {}) {
  const path = ws.path("kernel.log");
  const verifierKey = writeKeyPair(ws.path("key"), "test");
  {
    await using kernel = await open(ws, more);
    await submit(kernel, 40);
  }
  const elsewhere = ws.file("elsewhere", Deno.readTextFileSync(`${path}.checkpoints`));
  const removed = segmentsOf(path).slice(0, 4);
  for (const { path } of removed) Deno.removeSync(path);
  return { path, verifierKey, elsewhere, count: segmentsOf(path)[0]?.firstSeq ?? 0 };
}

/** Appends a record of an earlier version that says that the first records were deleted. */
function forgeRetention(path: string, count: number, target?: string): void {
  const last = [...segmentsOf(path).map(({ path }) => path), path].flatMap(recordsOf).at(-1);
  const [first] = recordsOf(segmentsOf(path)[0]?.path ?? "");
  assert(last !== undefined && first !== undefined);
  const forged = body(target ?? `the first ${count} records, up to ${first.prev}`, {
    action: "audit.retain",
  });
  const { line } = seal(forged, last.seq + 1, last.hash);
  Deno.writeTextFileSync(path, line, { append: true });
}

Deno.test("a forged audit.retain record hides no missing beginning", async () => {
  using ws = new Workspace();
  const { path, count } = await beheaded(ws);
  const before = await verifyAuditLog(path);
  forgeRetention(path, count);
  const after = await verifyAuditLog(path);
  for (const { ok, missing, problem } of [before, after]) {
    assertEquals([ok, missing?.records, problem?.line], [false, count, 1]);
  }
});

Deno.test("a forged audit.retain record counts for nothing beside checkpoints elsewhere that do not reach so far", async () => {
  using ws = new Workspace();
  // The kernel was stopped by force, or its checkpoints did not arrive: they end before what is left.
  const { path, verifierKey, elsewhere, count } = await beheaded(ws);
  const notes = Array.from(
    readCheckpoints(Deno.readTextFileSync(elsewhere), parseVerifierKey(verifierKey)),
  );
  const early = notes.filter((one) => one.found === "checkpoint" && one.checkpoint.size < count);
  assert(early.length > 0);
  const text = Deno.readTextFileSync(elsewhere).split("\n").slice(0, notes[early.length]!.line - 1);
  const cut = ws.file("cut", `${text.join("\n")}\n`);
  for (const forged of [false, true]) {
    if (forged) forgeRetention(path, count);
    const { checked } = await verify(path, verifierKey, cut);
    assertEquals([checked.ok, checked.missing?.records, checked.problem?.line], [false, count, 1]);
    assertEquals(checked.checkpoints.problems.map(({ code }) => code), ["NOTHING_TO_COMPARE"]);
  }
});

Deno.test("a checkpoint that fits what is left attests to a missing beginning, and a forged record changes nothing", async () => {
  using ws = new Workspace();
  const { path, verifierKey, elsewhere, count } = await beheaded(ws);
  for (const forged of [false, true]) {
    if (forged) forgeRetention(path, count);
    const { checked } = await verify(path, verifierKey, elsewhere);
    assertEquals([checked.ok, checked.missing?.records], [true, count]);
    assertStringIncludes(checked.checkpoints.notes[0] ?? "", `first ${count} records are missing`);
  }
});

Deno.test("a beginning that was written anew is not attested to by the checkpoints of the log", async () => {
  using ws = new Workspace();
  const { path, verifierKey, elsewhere } = await beheaded(ws);
  // What is left, sealed again after another beginning.
  let prev = "a".repeat(64);
  for (const file of [...segmentsOf(path).map(({ path }) => path), path]) {
    const lines = recordsOf(file).map((record) => {
      const { line, hash } = seal(record, record.seq, prev);
      prev = hash;
      return line;
    });
    Deno.writeTextFileSync(file, lines.join(""));
  }
  const { checked } = await verify(path, verifierKey, elsewhere);
  assertEquals(checked.ok, false);
  assertEquals(checked.checkpoints.problems.map(({ code }) => code), ["REPLACED"]);
});

Deno.test("a kernel that is killed while it deletes segments leaves a log that its checkpoints attest to", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const verifierKey = writeKeyPair(ws.path("key"), "test");
  {
    await using kernel = await open(ws);
    await submit(kernel, 40);
  }
  const doomed = segmentsOf(path).slice(0, -2);
  assert(doomed.length > 3);
  for (const { path: segment } of doomed) {
    Deno.removeSync(segment);
    assertEquals((await verify(path, verifierKey)).checked.ok, true, segment);
  }
  {
    await using kernel = await open(ws, { retain: { segments: 2 } });
    await submit(kernel, 10);
  }
  const { chain, checked } = await verify(path, verifierKey);
  assertEquals([chain.ok, checked.ok, checked.records], [false, true, 50]);
});

Deno.test("a gap in what is left is found, with checkpoints and without", async () => {
  using ws = new Workspace();
  const { path, verifierKey, count } = await beheaded(ws);
  const [first, second, third] = segmentsOf(path);
  assert(first !== undefined && second !== undefined && third !== undefined);
  const bytes = Deno.readFileSync(second.path);
  Deno.removeSync(second.path);
  const { chain, checked } = await verify(path, verifierKey);
  assertEquals([chain.ok, chain.missing?.records, chain.problem?.line], [false, count, 1]);
  assertStringIncludes(chain.problem?.reason ?? "", `has the number ${third.firstSeq}`);
  assertEquals([checked.ok, checked.problem?.line], [false, second.firstSeq - count + 1]);
  Deno.writeFileSync(second.path, bytes.with(40, (bytes[40] ?? 0) ^ 1));
  assertEquals((await verify(path, verifierKey)).checked.ok, false);
  Deno.writeFileSync(second.path, bytes);
  assertEquals((await verify(path, verifierKey)).checked.ok, true);
});

/** Numbers of the first records of the segments. */
function starts(path: string): number[] {
  return segmentsOf(path).map(({ firstSeq }) => firstSeq);
}

/** A log of six segments of one record a day, and an empty file. */
async function sixDays(ws: Workspace): Promise<string> {
  const path = ws.path("six.log");
  const log = await openLog(path, { rotate: { bytes: 1 } });
  for (let day = 1; day <= 6; day++) {
    await log.append(body(`/${day}`, { timestamp: `2026-01-0${day}T00:00:00.000Z` }));
  }
  await log.close();
  return path;
}

const NOW = new Date("2026-01-07T00:00:00.000Z");
const PRUNINGS: readonly (readonly [string, Retention, number, readonly number[]])[] = [
  ["keeps the newest segments", { segments: 2 }, 6, [4, 5]],
  ["keeps what no checkpoint covers", { segments: 2 }, 3, [3, 4, 5]],
  ["keeps a segment of which the last record is not covered", { segments: 2 }, 0, [
    0,
    1,
    2,
    3,
    4,
    5,
  ]],
  ["keeps what is young enough", { days: 3 }, 6, [3, 4, 5]],
  ["deletes what is too old although there are few", { segments: 9, days: 3 }, 6, [3, 4, 5]],
  ["deletes what are too many although they are young", { segments: 2, days: 9 }, 6, [4, 5]],
  ["always keeps the newest segment", { segments: 0, days: 0 }, 99, [5]],
  ["keeps everything unless something is asked for", {}, 6, [0, 1, 2, 3, 4, 5]],
];
for (const [what, retention, covered, left] of PRUNINGS) {
  Deno.test(`pruneAuditLog() ${what}`, async () => {
    using ws = new Workspace();
    const path = await sixDays(ws);
    const before = segmentsOf(path).map(({ path }) => path);
    const deleted = pruneAuditLog(path, retention, { covered, now: NOW });
    assertEquals(starts(path), [...left]);
    assertEquals(deleted, before.slice(0, 6 - left.length));
    // The chain continues.
    await appendOne(path, "/after");
    assertEquals(recordsOf(path).map(({ seq }) => seq), [6]);
  });
}

Deno.test("pruneAuditLog() keeps a segment with a damaged end, and all after it", async () => {
  using ws = new Workspace();
  const path = await sixDays(ws);
  const third = segmentsOf(path)[2]?.path ?? "";
  Deno.truncateSync(third, Deno.statSync(third).size - 3);
  pruneAuditLog(path, { segments: 1 }, { covered: 6 });
  assertEquals(starts(path), [2, 3, 4, 5]);
});

Deno.test("segments that no checkpoint covers are kept", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  writeKeyPair(ws.path("key"), "test");
  Deno.mkdirSync(`${path}.checkpoints`);
  const warnings: string[] = [];
  await assertRejects(() => open(ws, { retain: { segments: 1 } }));
  Deno.removeSync(`${path}.checkpoints`);
  {
    await using kernel = await open(ws, {
      retain: { segments: 1 },
      onWarning: (line) => warnings.push(line),
    });
    Deno.mkdirSync(`${path}.checkpoints`);
    await submit(kernel, 60);
  }
  assertEquals(segmentsOf(path)[0]?.firstSeq, 0);
  assert(
    warnings.some((line) => line.includes("Cannot write the checkpoint")),
    warnings.join("\n"),
  );
});

Deno.test("retain without checkpoints is refused", async () => {
  using ws = new Workspace();
  await assertRejects(
    () =>
      Kernel.open({
        policy: { capabilities: [] },
        logPath: ws.path("kernel.log"),
        onWarning: () => {},
        retain: { segments: 1 },
      }),
    TypeError,
    "retain needs checkpoints",
  );
});

Deno.test("following a log loses no record over rotations", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  writeKeyPair(ws.path("key"), "test");
  await using kernel = await open(ws);
  await submit(kernel, 1);
  let turns = 0;
  const seen: number[] = [];
  const follow = () => {
    // Each time it comes to the end, the log is rotated several times behind its back.
    if (++turns <= 3) submit(kernel, 30);
  };
  for await (const line of readAuditLog(path, { follow })) {
    assert("record" in line);
    seen.push(line.record.seq);
    if (seen.length === 91) break;
  }
  assertEquals(seen, Array.from({ length: 91 }, (_, i) => i));
  assert(segmentsOf(path).length > 5);
});

Deno.test("verifying beside a kernel that rotates finds nothing", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  writeKeyPair(ws.path("key"), "test");
  await using kernel = await open(ws);
  for (let round = 0; round < 40; round++) {
    const writing = submit(kernel, 15);
    const { ok, problem } = await verifyAuditLog(path);
    assert(ok, JSON.stringify(problem));
    await writing;
  }
  assert(segmentsOf(path).length > 40);
});
