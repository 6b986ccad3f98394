import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { CheckpointWitness } from "../../src/checkpoint/witness.ts";
import {
  CheckpointCheck,
  type CheckpointFindings,
  verifyWithCheckpoints,
} from "../../src/checkpoint/verification.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { Workspace } from "../workspace.ts";
import { checkpoint, keyFile, keyPair, madeUp, ManualTimer } from "./checkpoint_file.ts";
import { body, linesOf, recordsOf } from "../core/record/log_file.ts";

const KEY = keyPair();

/** Lines of a log of so many records; the same mark makes the same log. */
function chain(count: number, mark = "a", prefix: readonly string[] = []): string[] {
  const lines = [...prefix];
  let prev = headAfter(prefix, prefix.length);
  while (lines.length < count) {
    const { line, hash } = seal(body(`/${mark}/${lines.length}`), lines.length, prev);
    lines.push(line);
    prev = hash;
  }
  return lines;
}

/** The hash after so many records of a log. */
function headAfter(lines: readonly string[], size: number): string {
  return size === 0 ? GENESIS : JSON.parse(lines[size - 1] ?? "").hash;
}

/** Checkpoints of a log at these sizes. */
function checkpoints(lines: readonly string[], sizes: readonly number[], key = KEY): string {
  return sizes.map((size) => checkpoint(size, headAfter(lines, size), key)).join("");
}

/** What comes of a log and a file of checkpoints. */
async function verify(ws: Workspace, lines: readonly string[], file: string, key = KEY) {
  const log = ws.file("checked.log", lines.join(""));
  return await verifyWithCheckpoints(log, ws.file("checked", file), `${key.verifierKey}\n`);
}

/** The codes of the problems. */
function codes({ problems }: CheckpointFindings): string {
  return problems.map(({ code }) => code).join(" ");
}

const LOG = chain(30);
const FILE = checkpoints(LOG, [10, 20, 30]);
const FITS = { ok: true, problems: [] };

Deno.test("verifyWithCheckpoints() accepts a log that fits all of its checkpoints", async () => {
  using ws = new Workspace();
  assertEquals(await verify(ws, LOG, FILE), {
    ok: true,
    records: 30,
    head: headAfter(LOG, 30),
    checkpoints: { ...FITS, fitting: 3, covered: 30, notes: [] },
  });
});

Deno.test("verifyWithCheckpoints() accepts a log that went on, and counts what is not covered", async () => {
  using ws = new Workspace();
  const { ok, checkpoints: found } = await verify(ws, chain(37, "a", LOG), FILE);
  assertEquals(ok, true);
  assertEquals({ covered: found.covered, notes: found.notes }, {
    covered: 30,
    notes: ["7 records are newer than the last checkpoint"],
  });
});

Deno.test("verifyWithCheckpoints() accepts an empty log with a checkpoint of it", async () => {
  using ws = new Workspace();
  const { ok, checkpoints: found } = await verify(ws, [], checkpoint(0, GENESIS));
  assertEquals({ ok, covered: found.covered }, { ok: true, covered: 0 });
});

Deno.test("verifyWithCheckpoints() accepts the same checkpoint twice, and a key given without line feed", async () => {
  using ws = new Workspace();
  const log = ws.file("a.log", LOG.join(""));
  const file = ws.file("a", FILE + FILE);
  const { ok, checkpoints: found } = await verifyWithCheckpoints(log, file, KEY.verifierKey);
  assertEquals({ ok, fitting: found.fitting }, { ok: true, fitting: 6 });
});

for (const left of [29, 25, 20, 19, 11, 10, 1, 0]) {
  Deno.test(`verifyWithCheckpoints() finds that of 30 records only ${left} are left`, async () => {
    using ws = new Workspace();
    const { ok, checkpoints: found } = await verify(ws, LOG.slice(0, left), FILE);
    assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "CUT" });
    assertEquals(
      found.problems[0]?.reason,
      `Line 11: a checkpoint of 30 records, but the log has ${left}: at least ${
        30 - left
      } are missing at its end`,
    );
  });
}

Deno.test("verifyWithCheckpoints() cannot find a cut behind the newest checkpoint, as documented", async () => {
  using ws = new Workspace();
  const cut = chain(39, "a", LOG).slice(0, 33);
  assertEquals((await verify(ws, cut, FILE)).ok, true);
});

Deno.test("verifyWithCheckpoints() finds a log that was written anew from the start", async () => {
  using ws = new Workspace();
  for (const count of [30, 45]) {
    const { ok, checkpoints: found } = await verify(ws, chain(count, "b"), FILE);
    assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "REPLACED" });
    assertStringIncludes(found.problems[0]?.reason ?? "", "Line 1: after 10 records");
  }
});

Deno.test("verifyWithCheckpoints() finds one record that was changed and all behind it resealed", async () => {
  using ws = new Workspace();
  for (const at of [0, 9, 10, 15, 19, 20, 29]) {
    const forged = chain(30, "a", [
      ...LOG.slice(0, at),
      seal(body("/forged"), at, headAfter(LOG, at)).line,
    ]);
    const { ok, checkpoints: found } = await verify(ws, forged, FILE);
    const expected = at < 10 ? "REPLACED" : "REWRITTEN";
    assertEquals({ ok, codes: codes(found) }, { ok: false, codes: expected }, `record ${at}`);
  }
});

Deno.test("verifyWithCheckpoints() says between which records a log was written anew", async () => {
  using ws = new Workspace();
  const { checkpoints: found } = await verify(ws, chain(40, "b", LOG.slice(0, 15)), FILE);
  assertEquals(
    found.problems[0]?.reason,
    "Line 6: after 20 records the log differs from the checkpoint, but not after 10 records (line 1): it was written anew in between",
  );
});

Deno.test("verifyWithCheckpoints() finds another log of the same key in its place", async () => {
  using ws = new Workspace();
  const { ok, checkpoints: found } = await verify(ws, chain(25, "other"), FILE);
  assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "CUT REPLACED" });
});

Deno.test("verifyWithCheckpoints() finds a cut log that a kernel has continued and signed since", async () => {
  using ws = new Workspace();
  const continued = chain(40, "b", LOG.slice(0, 15));
  const file = FILE + checkpoints(continued, [16, 40]);
  const { ok, checkpoints: found } = await verify(ws, continued, file);
  assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "REWRITTEN" });
});

Deno.test("verifyWithCheckpoints() compares all checkpoints, not the newest only", async () => {
  using ws = new Workspace();
  const file = checkpoints(LOG, [10]) + checkpoint(20, madeUp("d")) + checkpoints(LOG, [30]);
  const { ok, checkpoints: found } = await verify(ws, LOG, file);
  assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "REWRITTEN" });
});

Deno.test("verifyWithCheckpoints() finds checkpoints of a wrong key and names both", async () => {
  using ws = new Workspace();
  for (const other of [keyPair(2), keyPair(1, "other"), keyPair(2, "other")]) {
    const { ok, checkpoints: found } = await verify(ws, LOG, FILE, other);
    assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "WRONG_KEY" });
    const reason = found.problems[0]?.reason ?? "";
    for (const { signer: { name, keyId } } of [KEY, other]) {
      assertStringIncludes(reason, `${name}+${keyId}`);
    }
  }
});

Deno.test("verifyWithCheckpoints() does not count what an attacker signed with a key of the same name", async () => {
  using ws = new Workspace();
  const anew = chain(30, "b");
  const attacker = keyPair(66);
  const alone = await verify(ws, anew, checkpoints(anew, [10, 20, 30], attacker));
  assertEquals(codes(alone.checkpoints), "WRONG_KEY");
  const beside = await verify(ws, anew, FILE + checkpoints(anew, [10, 20, 30], attacker));
  assertEquals(codes(beside.checkpoints), "REPLACED");
  const harmless = await verify(ws, LOG, FILE + checkpoints(anew, [30], attacker));
  assertEquals(harmless.ok, true);
  assertEquals(harmless.checkpoints.notes, [
    "1 checkpoints are signed by other keys and do not count",
  ]);
});

Deno.test("verifyWithCheckpoints() finds checkpoints that were changed to fit", async () => {
  using ws = new Workspace();
  const cut = LOG.slice(0, 25);
  const changed = FILE.replace("\n30\n", "\n25\n");
  const { ok, checkpoints: found } = await verify(ws, cut, changed);
  assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "DAMAGED" });
  assertStringIncludes(found.problems[0]?.reason ?? "", "Line 11: the checkpoint was changed");
});

Deno.test("verifyWithCheckpoints() does not take a file without checkpoints for a good one", async () => {
  using ws = new Workspace();
  for (const file of ["", "\n", FILE.slice(0, 20)]) {
    const { ok, checkpoints: found } = await verify(ws, LOG, file);
    assertEquals({ ok, codes: codes(found) }, { ok: false, codes: "NOTHING_TO_COMPARE" });
  }
  const junk = await verify(ws, LOG, "junk\n\n— junk\n");
  assertEquals(codes(junk.checkpoints), "DAMAGED");
});

Deno.test("verifyWithCheckpoints() tells of a torn checkpoint, which does not count", async () => {
  using ws = new Workspace();
  const { ok, checkpoints: found } = await verify(ws, LOG.slice(0, 20), FILE.slice(0, -10));
  assertEquals(ok, true);
  assertEquals(found.notes, ["1 checkpoints are not complete and do not count"]);
});

Deno.test("verifyWithCheckpoints() does not take records behind a break for missing ones", async () => {
  using ws = new Workspace();
  const { ok, records, problem, checkpoints: found } = await verify(ws, LOG.with(14, "x\n"), FILE);
  assertEquals({ ok, records, line: problem?.line }, { ok: false, records: 14, line: 15 });
  assertEquals({ codes: codes(found), fitting: found.fitting }, { codes: "", fitting: 1 });
  assertEquals(found.notes, [
    "4 records are newer than the last checkpoint",
    "2 checkpoints lie after the break of the chain",
  ]);
});

Deno.test("verifyWithCheckpoints() rejects a key that is none, and files that are not there", async () => {
  using ws = new Workspace();
  const [log, file] = [ws.file("a.log", LOG.join("")), ws.file("a", FILE)];
  await assertRejects(() => verifyWithCheckpoints(log, file, "key"), SyntaxError);
  for (const [a, b] of [[ws.path("none"), file], [log, ws.path("none")]] as const) {
    await assertRejects(() => verifyWithCheckpoints(a, b, KEY.verifierKey), Deno.errors.NotFound);
  }
});

Deno.test("verifyWithCheckpoints() accepts what a witness wrote, and finds the last record gone", async () => {
  using ws = new Workspace();
  const path = ws.file("kernel.log", LOG.slice(0, 25).join(""));
  const file = ws.path("kernel.log.checkpoints");
  const witness = new CheckpointWitness({ key: keyFile(ws), everyRecords: 10 }, {
    logPath: path,
    timer: new ManualTimer(),
    syncLog: () => {},
    onWarning: (line) => {
      throw new Error(line);
    },
  });
  for (const { seq, hash } of recordsOf(path)) witness.written(seq + 1, hash);
  await witness.close();
  const { ok, checkpoints: found } = await verifyWithCheckpoints(path, file, KEY.verifierKey);
  assertEquals({ ok, fitting: found.fitting, covered: found.covered }, {
    ok: true,
    fitting: 3,
    covered: 25,
  });
  Deno.writeTextFileSync(path, linesOf(path).slice(0, 24).join(""));
  assertEquals((await verifyWithCheckpoints(path, file, KEY.verifierKey)).ok, false);
});

/** What comes of a log whose first records were deleted with their segments. */
function retained(lines: readonly string[], from: number, file: string): CheckpointFindings {
  const check = new CheckpointCheck(file, KEY.verifier);
  for (let size = from; size <= lines.length; size++) check.observe(size, headAfter(lines, size));
  return check.finish(lines.length);
}

Deno.test("CheckpointCheck accepts a log whose first segments were deleted", () => {
  assertEquals(retained(LOG, 15, FILE), {
    ...{ ok: true, fitting: 2, covered: 30, problems: [] },
    notes: ["1 checkpoints are older than the first record that is left"],
  });
  assertEquals(retained(LOG, 20, FILE).fitting, 2, "the state before the first record counts");
  assertEquals(retained(LOG, 30, FILE).fitting, 1);
});

Deno.test("CheckpointCheck finds a cut and a rewritten end also of such a log", () => {
  assertEquals(codes(retained(LOG.slice(0, 25), 15, FILE)), "CUT");
  assertEquals(codes(retained(chain(30, "b", LOG.slice(0, 22)), 15, FILE)), "REWRITTEN");
});

Deno.test("CheckpointCheck does not accept a log that pretends to start behind all checkpoints", () => {
  const found = retained(chain(50, "b"), 35, FILE);
  assertEquals({ ok: found.ok, codes: codes(found) }, { ok: false, codes: "NOTHING_TO_COMPARE" });
});

Deno.test("CheckpointCheck finds any forgery that changes what a checkpoint covers", () => {
  const size = fc.integer({ min: 0, max: LOG.length });
  const sizes = fc.uniqueArray(fc.integer({ min: 1, max: LOG.length }), { minLength: 1 });
  fc.assert(
    fc.property(sizes, size, size, (sizes, kept, grown) => {
      const forged = chain(Math.max(kept, grown), "b", LOG.slice(0, kept));
      const found = retained(forged, 0, checkpoints(LOG, sizes));
      // The model: it fits as long as no checkpoint is beyond the records that were kept.
      assertEquals(found.ok, Math.max(...sizes) <= kept);
      assertEquals(found.fitting, sizes.filter((one) => one <= kept).length);
    }),
    { numRuns: 200 },
  );
});
