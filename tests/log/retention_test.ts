import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Kernel,
  type KernelOptions,
  readAuditLog,
  verifyAuditLog,
  verifyWithCheckpoints,
} from "@agent-kernel/kernel";
import { writeKeyPair } from "../../src/checkpoint/checkpoint.ts";
import type { AuditRecord } from "../../src/core/record/record.ts";
import { segmentsOf } from "../../src/core/record/segments.ts";
import { exists } from "../core/record/log_file.ts";
import { sealedRecords } from "../core/record/sealed_lines.ts";
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

Deno.test("retention deletes old segments, says so, and the log still verifies with its checkpoints", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const { verifierKey } = { verifierKey: writeKeyPair(ws.path("key"), "test") };
  {
    await using kernel = await open(ws, { retain: { segments: 2 } });
    await submit(kernel, 60);
  }
  const segments = segmentsOf(path);
  assert(segments.length <= 3 && (segments[0]?.firstSeq ?? 0) > 0, JSON.stringify(segments));
  assertEquals((await verifyAuditLog(path)).ok, true);
  const { ok, checkpoints } = await verifyWithCheckpoints(path, `${path}.checkpoints`, verifierKey);
  assertEquals(ok, true, JSON.stringify(checkpoints));
  const told: string[] = [];
  for await (const line of readAuditLog(path, { action: "audit.retain" })) {
    if ("record" in line) told.push(line.record.target);
  }
  assert(
    told.some((target) => target.startsWith(`the first ${segments[0]?.firstSeq} records`)),
    told.join(),
  );
});

Deno.test("a segment that was deleted without a record of it is missed", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  writeKeyPair(ws.path("key"), "test");
  {
    await using kernel = await open(ws);
    await submit(kernel, 30);
  }
  Deno.removeSync(segmentsOf(path)[0]?.path ?? "");
  const { ok, problem } = await verifyAuditLog(path);
  assertEquals([ok, problem?.line], [false, 1]);
});

/** A log of which retention has deleted the first segments, and these. */
async function retained(ws: Workspace) {
  const path = ws.path("kernel.log");
  const verifierKey = writeKeyPair(ws.path("key"), "test");
  {
    await using kernel = await open(ws);
    await submit(kernel, 40);
  }
  const all = segmentsOf(path).map((one) => ({ ...one, bytes: Deno.readFileSync(one.path) }));
  {
    await using kernel = await open(ws, { retain: { segments: 2 } });
    await submit(kernel, 5);
  }
  const deleted = all.filter((one) => !exists(one.path));
  assert(deleted.length > 3 && deleted.length < all.length);
  return { path, verifierKey, deleted };
}

Deno.test("a kernel that was killed while it deleted segments leaves a log in order", async () => {
  using ws = new Workspace();
  const { path, verifierKey, deleted } = await retained(ws);
  // From the last on: as if so many more had not been deleted yet.
  for (const { path: segment, bytes } of deleted.toReversed()) {
    Deno.writeFileSync(segment, bytes);
    const found = await verifyWithCheckpoints(path, `${path}.checkpoints`, verifierKey);
    assertEquals(found.ok, true, JSON.stringify(found));
  }
  Deno.removeSync(deleted[0]?.path ?? "");
  {
    await using kernel = await open(ws);
    await submit(kernel, 1);
  }
  assertEquals((await verifyAuditLog(path)).ok, true);
  {
    await using kernel = await open(ws, { retain: { segments: 2 } });
    await submit(kernel, 10);
  }
  assertEquals(deleted.filter((one) => exists(one.path)), []);
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("what is missing beyond what retention named is found, as is a gap in what it left", async () => {
  using ws = new Workspace();
  const { path, deleted } = await retained(ws);
  const [first, second, ...others] = deleted;
  assert(first !== undefined && second !== undefined);
  const lineOf = async () => (await verifyAuditLog(path)).problem?.line;
  assertEquals(await lineOf(), undefined);
  const kept = segmentsOf(path)[0];
  assert(kept !== undefined);
  const bytes = Deno.readFileSync(kept.path);
  Deno.removeSync(kept.path);
  assertEquals(await lineOf(), 1, "one more was taken away");
  Deno.writeFileSync(kept.path, bytes);
  Deno.writeFileSync(first.path, first.bytes);
  assertEquals(await lineOf(), second.firstSeq + 1, "the first is there, the second is not");
  for (const one of [second, ...others]) Deno.writeFileSync(one.path, one.bytes);
  assertEquals(await lineOf(), undefined);
  Deno.writeFileSync(first.path, first.bytes.with(40, (first.bytes[40] ?? 0) ^ 1));
  assertEquals(await lineOf(), 1, "what was left was changed");
});

/** The `prev` of the first record that is left of a log which starts at number 3. */
const HEAD = sealedRecords([{}, {}, {}])[2]?.hash ?? "";
const said = (count: number, head = HEAD) => `the first ${count} records, up to ${head}`;
const TELLINGS: readonly (readonly [boolean, string, Partial<AuditRecord>])[] = [
  [true, "that these were deleted", { target: said(3) }],
  [true, "that one more was deleted", { target: said(4, "a".repeat(64)) }],
  [true, "that all before it were deleted", { target: said(5, "a".repeat(64)) }],
  [false, "that more were deleted than there were", { target: said(6, "a".repeat(64)) }],
  [false, "that fewer were deleted", { target: said(2) }],
  [false, "that others were deleted", { target: said(3, "a".repeat(64)) }],
  [false, "something else", { target: `${said(4)} or so` }],
  [false, "it, but is that of a provider", { target: said(4), record_id: "r1" }],
  [false, "it, but is that of a provider, exactly", { target: said(3), record_id: "r1" }],
  [false, "it, but was denied", { target: said(4), status: "DENIED" }],
  [false, "it, but under another action", { target: said(4), action: "audit.recover" }],
];
for (const [ok, what, record] of TELLINGS) {
  Deno.test(`a log without its first 3 records is ${ok ? "in order" : "broken"} if record 5 says ${what}`, async () => {
    using ws = new Workspace();
    const bodies = [{}, {}, {}, {}, {}, { action: "audit.retain", ...record }, {}];
    const lines = sealedRecords(bodies).slice(3).map((one) => `${JSON.stringify(one)}\n`);
    const path = ws.file("kernel.log", lines.join(""));
    ws.folder("kernel.log.segments");
    const { problem } = await verifyAuditLog(path);
    assertEquals(problem?.line, ok ? undefined : 1);
    assertEquals(
      problem?.reason.includes("no record says that they were deleted"),
      ok ? undefined : true,
    );
  });
}

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
