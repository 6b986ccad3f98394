import { assert, assertEquals, assertRejects } from "@std/assert";
import { Kernel, readAuditLog, verifyAuditLog, verifyWithCheckpoints } from "../../../mod.ts";
import { writeKeyPair } from "../../../src/checkpoint/checkpoint.ts";
import { segmentsOf } from "../../../src/core/record/segments.ts";
import { exists } from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

/** A rotated log, whose kernel was given a link to it; the path of a link to that link as well. */
async function linked(ws: Workspace) {
  const real = ws.file("real/kernel.log");
  const link = ws.link("kernel.log", "real/kernel.log");
  const further = ws.link("elsewhere/log", "../kernel.log");
  const verifierKey = writeKeyPair(ws.path("key"), "test");
  await using kernel = await Kernel.open({
    policy: { capabilities: [] },
    logPath: link,
    rotate: { bytes: 1000 },
    checkpoints: { key: ws.path("key"), everyRecords: 2 },
    onWarning: () => {},
  });
  for (let i = 0; i < 10; i++) await kernel.submit({ action: "fs.read", target: `/data/${i}` });
  assert(segmentsOf(real).length > 2);
  assert(!exists(`${link}.segments`));
  return { paths: [real, link, further], verifierKey };
}

Deno.test("a log is read, verified and compared with its checkpoints through links to it", async () => {
  using ws = new Workspace();
  const { paths: [real = "", ...links], verifierKey } = await linked(ws);
  const lines = await Array.fromAsync(readAuditLog(real));
  const found = await verifyWithCheckpoints(real, undefined, verifierKey);
  assertEquals([lines.length, found.ok, found.records], [10, true, 10]);
  for (const link of links) {
    assertEquals(await Array.fromAsync(readAuditLog(link)), lines);
    assertEquals((await verifyAuditLog(link)).records, 10);
    assertEquals(await verifyWithCheckpoints(link, undefined, verifierKey), found);
  }
});

Deno.test("a log that is followed through a link goes on in its next file", async () => {
  using ws = new Workspace();
  const { paths: [real = "", link = ""] } = await linked(ws);
  await using kernel = await Kernel.open({
    policy: { capabilities: [] },
    logPath: real,
    rotate: { bytes: 1 },
    onWarning: () => {},
  });
  let turns = 0;
  const follow = () => {
    assert(++turns < 20, "what was added is not read");
    if (turns > 1) return;
    for (let i = 0; i < 5; i++) void kernel.submit({ action: "fs.read", target: "/data/later" });
  };
  const seen: number[] = [];
  for await (const line of readAuditLog(link, { follow })) {
    assert("record" in line);
    seen.push(line.record.seq);
    if (seen.length === 15) break;
  }
  assertEquals(seen, Array.from({ length: 15 }, (_, i) => i));
});

Deno.test("segments missing behind a link to a log are found", async () => {
  using ws = new Workspace();
  const { paths } = await linked(ws);
  Deno.removeSync(segmentsOf(paths[0] ?? "")[0]?.path ?? "");
  for (const path of paths) assertEquals((await verifyAuditLog(path)).problem?.line, 1);
});

Deno.test("a link that leads nowhere is no log, nor is one that leads to itself", async () => {
  using ws = new Workspace();
  for (const link of [ws.link("a.log", "none.log"), ws.link("b.log", "b.log")]) {
    await assertRejects(() => Array.fromAsync(readAuditLog(link)), Error);
    await assertRejects(() => verifyAuditLog(link), Error);
  }
});
