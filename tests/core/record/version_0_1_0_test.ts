/**
 * Files that version 0.1.0 wrote: they load, verify, and continue in the same chain.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Kernel, readAuditLog, verifyAuditLog, verifyWithCheckpoints } from "../../../mod.ts";
import { seal } from "../../../src/core/record/record.ts";
import { appendOne, chainOf, filesOf, linesOf, notesOf, openAndClose } from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

const FIXTURES = fromFileUrl(new URL("./fixtures_0_1_0/", import.meta.url));

/** Copies the files of one log. @returns The path of the log, and the public key. */
function copy(ws: Workspace, name: string): { path: string; verifierKey: string } {
  const folders = [""];
  for (const folder of folders) {
    ws.folder(`log${folder}`);
    for (const { name: entry, isDirectory } of Deno.readDirSync(`${FIXTURES}${name}${folder}`)) {
      const inner = `${folder}/${entry}`;
      if (isDirectory) folders.push(inner);
      else Deno.copyFileSync(`${FIXTURES}${name}${inner}`, ws.path(`log${inner}`));
    }
  }
  const key = ws.path("log/audit.key");
  if (name === "killed") return { path: ws.path("log/kernel.log"), verifierKey: "" };
  Deno.chmodSync(key, 0o600);
  return { path: ws.path("log/kernel.log"), verifierKey: Deno.readTextFileSync(`${key}.pub`) };
}

Deno.test("a log of 0.1.0 with records of all kinds, segments and checkpoints verifies", async () => {
  using ws = new Workspace();
  const { path, verifierKey } = copy(ws, "rotated");
  const records = chainOf(path);
  assertEquals(
    new Set(records.map(({ status }) => status)),
    new Set([
      ...["OK", "FAILED", "DENIED", "INVALID", "NO_PROVIDER", "INTERRUPTED"] as const,
    ]),
  );
  assertEquals(await verifyAuditLog(path), {
    ...{ ok: true, records: records.length, head: records.at(-1)?.hash ?? "" },
  });
  const { ok, checkpoints } = await verifyWithCheckpoints(path, undefined, verifierKey);
  assertEquals([ok, checkpoints.covered, checkpoints.problems], [true, records.length, []]);
  let read = 0;
  for await (const line of readAuditLog(path)) if ("record" in line) read++;
  assertEquals(read, records.length);
});

Deno.test("a record of 0.1.0 without invisible characters is sealed to the same bytes", () => {
  using ws = new Workspace();
  const { path } = copy(ws, "rotated");
  let same = 0;
  for (const line of filesOf(path).flatMap(linesOf)) {
    const { hash: _, ...record } = JSON.parse(line);
    const sealed = seal(record, record.seq, record.prev).line;
    if (/[\u2028\u202e]/.test(line)) assertEquals(JSON.parse(sealed).error, record.error);
    else assertEquals([sealed, same++], [line, same - 1]);
  }
  assert(same > 15);
});

Deno.test("a kernel continues a log of 0.1.0 in the same chain, and signs with its key", async () => {
  using ws = new Workspace();
  const { path, verifierKey } = copy(ws, "rotated");
  const before = chainOf(path).length;
  {
    await using kernel = await Kernel.open({
      policy: { capabilities: [] },
      logPath: path,
      rotate: { bytes: 1000 },
      checkpoints: { key: ws.path("log/audit.key"), everyRecords: 2 },
      onWarning: (line) => assert(!line.includes("heckpoint"), line),
    });
    for (const target of ["a", "b", "c"]) await kernel.submit({ action: "kv.put", target });
  }
  assertEquals(chainOf(path).slice(before).map(({ target }) => target), ["a", "b", "c"]);
  const { ok, checkpoints } = await verifyWithCheckpoints(path, undefined, verifierKey);
  assertEquals([ok, checkpoints.covered], [true, before + 3]);
});

Deno.test("what a kernel of 0.1.0 was doing when it was killed in the middle of a write becomes INTERRUPTED", async () => {
  using ws = new Workspace();
  const { path } = copy(ws, "killed");
  const intents = linesOf(`${path}.journal`).slice(1).map((line) => JSON.parse(line));
  const open = intents.at(-1);
  await openAndClose(path);
  const records = chainOf(path);
  const [interrupted, note, ...more] = records.slice(-2);
  assertEquals(more, []);
  const { record_id, action, target, agent, rule, policy, params } = open;
  assertEquals({ ...interrupted }, {
    ...{ record_id, action, target, agent, rule, policy, params, status: "INTERRUPTED" },
    ...{ timestamp: interrupted?.timestamp, error: interrupted?.error },
    ...{ seq: interrupted?.seq, prev: interrupted?.prev, hash: interrupted?.hash },
  });
  assertEquals([target, note?.action], ["dies", "audit.recover"]);
  assertStringIncludes(notesOf(path).join(), "150 bytes were moved");
  for (const { record_id } of intents) {
    assertEquals(records.filter((record) => record.record_id === record_id).length, 1);
  }
  assertEquals(Deno.statSync(`${path}.journal`).size, 0);
  await appendOne(path, "/after");
  assertEquals((await verifyAuditLog(path)).ok, true);
});

Deno.test("a log of 0.1.0 of which retention deleted the beginning needs its checkpoints", async () => {
  using ws = new Workspace();
  const { path, verifierKey } = copy(ws, "retained");
  let retained = 0;
  for await (const line of readAuditLog(path, { action: "audit.retain" })) {
    if ("record" in line) retained++;
  }
  assert(retained > 0);
  const { ok, missing, problem } = await verifyAuditLog(path);
  assertEquals([ok, missing?.records, problem?.line], [false, 15, 1]);
  const checked = await verifyWithCheckpoints(path, undefined, verifierKey);
  assertEquals([checked.ok, checked.missing?.records], [true, 15]);
  await appendOne(path, "/after");
  assertEquals((await verifyWithCheckpoints(path, undefined, verifierKey)).ok, true);
});

for (const name of ["restrictive", "permissive"]) {
  Deno.test(`the policy ${name}.yaml of 0.1.0 loads`, async () => {
    using ws = new Workspace();
    const kernel = await Kernel.open({
      policy: `${FIXTURES}policies/${name}.yaml`,
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
    });
    assert(kernel.policy.rules.length > 0);
    await kernel.close();
  });
}
