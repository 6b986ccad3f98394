import { assert, assertEquals } from "@std/assert";
import { OwnHashes } from "../../src/log/own_hashes.ts";
import { readAuditLog } from "../../src/log/reader.ts";
import { verifyAuditLog } from "../../src/log/verifier.ts";
import { body, linesOf, writeLog } from "../core/record/log_file.ts";
import { writeSealed } from "../core/record/sealed_lines.ts";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";

const MIB = 1024 * 1024;

/** Has a thread started: asked until it answers. */
async function withThread(hashes: OwnHashes): Promise<void> {
  const much = new Uint8Array(16 * MIB);
  for (let i = 0; i < 10_000 && !hashes.threaded; i++) {
    await hashes.firstMisfit(i === 0 ? much : much.subarray(0, 1));
    await nextTurn();
  }
  assert(hashes.threaded, "The thread is there");
}

Deno.test("OwnHashes finds the first line whose own hash does not fit, with a thread as without one", async () => {
  using ws = new Workspace();
  const bytes = Deno.readFileSync(await writeLog(ws, [body("/a"), body("/ä"), body("/c")]));
  using alone = new OwnHashes();
  using threaded = new OwnHashes();
  await withThread(threaded);
  let line = 0;
  for (const [at, byte] of bytes.entries()) {
    if (byte === 10) {
      line++;
      continue;
    }
    bytes[at] = byte ^ 1;
    const found = [await alone.firstMisfit(bytes), await threaded.firstMisfit(bytes)];
    bytes[at] = byte;
    // Around the hash are ten bytes that it does not cover; they are for the reader of the line.
    const end = bytes.indexOf(10, at) - at;
    const around = end <= 2 || (end > 66 && end <= 75);
    assertEquals(found, around ? [3, 3] : [line, line], `byte ${at}`);
  }
  assert(!alone.threaded);
  assertEquals(await threaded.firstMisfit(bytes), 3);
});

Deno.test("a log that is large enough for a thread is verified and read as a small one", async () => {
  using ws = new Workspace();
  const bodies = Array.from({ length: 24_000 }, (_, i) => ({
    target: `/data/${"x".repeat(400)}`,
    status: i % 1000 === 0 ? "FAILED" as const : "OK" as const,
  }));
  const path = writeSealed(ws, bodies);
  assert(Deno.statSync(path).size > 16 * MIB);
  const { ok, records } = await verifyAuditLog(path);
  assertEquals({ ok, records }, { ok: true, records: 24_000 });

  const lines = linesOf(path);
  for (const at of [23_999, 20_000, 3]) {
    const changed = lines.with(at, (lines[at] ?? "").replace("/data/x", "/data/y"));
    const file = ws.file("changed.log", changed.join(""));
    const { ok, records, problem } = await verifyAuditLog(file);
    assertEquals({ ok, records, problem }, {
      ok: false,
      records: at,
      problem: {
        line: at + 1,
        reason: "was changed: its hash does not fit its content",
      },
    });
    const read: number[] = [];
    const damaged: number[] = [];
    for await (const line of readAuditLog(file, { status: "FAILED" })) {
      ("record" in line ? read : damaged).push(line.line);
    }
    assertEquals(damaged, [at + 1]);
    assertEquals(
      read,
      Array.from({ length: 24 }, (_, i) => i * 1000 + 1).filter((n) => n !== at + 1),
    );
  }
});

Deno.test("a process that may read the log alone verifies it without a thread, and asks nobody", async () => {
  using ws = new Workspace();
  const path = writeSealed(
    ws,
    Array.from({ length: 16_000 }, () => ({ target: `/data/${"x".repeat(400)}` })),
  );
  assert(Deno.statSync(path).size > 8 * MIB);
  const program = ws.file(
    "verify.ts",
    `import { verifyAuditLog } from "${new URL("../../src/log/verifier.ts", import.meta.url)}";
console.log((await verifyAuditLog(${JSON.stringify(path)})).records);`,
  );
  const { stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", `--allow-read=${path},${path}.segments`, program],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assertEquals([text.decode(stdout), text.decode(stderr)], ["16000\n", ""]);
});
