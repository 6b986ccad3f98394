import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Kernel,
  type KernelOptions,
  readAuditLog,
  verifyAuditLog,
  verifyWithCheckpoints,
} from "@agent-kernel/kernel";
import { writeKeyPair } from "../../src/audit/checkpoint.ts";
import { segmentsOf } from "../../src/audit/segments.ts";
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
