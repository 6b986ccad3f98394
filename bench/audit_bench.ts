/** What a record costs, and how fast a log is read. */
import { dirname, fromFileUrl } from "@std/path";
import { AuditLog } from "../src/audit/log.ts";
import type { Durability } from "../src/audit/group_writer.ts";
import { verifyAuditLog } from "../src/audit/verifier.ts";
import { readAuditLog } from "../src/audit/reader.ts";
import type { RecordBody } from "../src/audit/record.ts";

const base = `${dirname(dirname(fromFileUrl(import.meta.url)))}/.tmp`;
Deno.mkdirSync(base, { recursive: true });
const root = Deno.makeTempDirSync({ dir: base, prefix: "bench-" });
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

const BODY: RecordBody = {
  timestamp: "2026-01-31T12:00:00.000Z",
  action: "fs.read",
  target: "/workspace/data/file.csv",
  status: "OK",
  duration_ms: 0.123,
  rule: "capabilities[0]",
  policy: "0".repeat(64),
  params: "0".repeat(64),
};

function open(name: string, durability: Durability): Promise<AuditLog> {
  return AuditLog.open(`${root}/${name}.log`, { durability, policy: BODY.policy });
}

const os = await open("os", "os");
const disk = await open("disk", "disk");
for (
  const [log, durability, sizes] of [[os, "os", [1, 64]], [disk, "disk", [1, 64, 256]]] as const
) {
  for (const size of sizes) {
    Deno.bench({
      name: `${durability}: ${size} together`,
      group: "records",
      baseline: durability === "os" && size === 1,
      fn: async () =>
        void (await Promise.all(Array.from({ length: size }, () => log.append(BODY)))),
    });
  }
}

// 50 MB: divide by the time of an iteration for MB/s.
const large = await open("large", "os");
for (let done = 0; done < 50e6; done += 64 * 460) {
  await Promise.all(Array.from({ length: 64 }, () => large.append(BODY)));
}
const path = large.path;
Deno.bench({
  name: `verify ${Math.round(Deno.statSync(path).size / 1e6)} MB`,
  group: "reading",
  baseline: true,
  n: 3,
  fn: async () => void (await verifyAuditLog(path)),
});
Deno.bench({
  name: `read ${Math.round(Deno.statSync(path).size / 1e6)} MB, filtered by status`,
  group: "reading",
  n: 3,
  async fn() {
    for await (const _ of readAuditLog(path, { status: "DENIED" }));
  },
});
