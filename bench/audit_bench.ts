/** What a record costs, and how fast a log is read. */
import type { Durability } from "../src/core/record/writer.ts";
import { AuditLog } from "../src/core/record/log.ts";
import { readAuditLog } from "../src/log/reader.ts";
import type { RecordBody } from "../src/core/record/record.ts";
import { verifyAuditLog } from "../src/log/verifier.ts";
import { makeFolder } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const LARGE_BYTES = 50e6;

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
  return AuditLog.open(`${root}/${name}.log`, {
    durability,
    policy: BODY.policy,
    now: () => performance.now(),
  });
}

for (const [durability, sizes] of [["os", [1, 64]], ["disk", [1, 64, 256]]] as const) {
  const log = await open(durability, durability);
  for (const callers of sizes) {
    workload({
      group: "audit records",
      name: `durability ${durability}, ${callers} together`,
      baseline: durability === "os" && callers === 1,
      ops: durability === "os" ? 5000 : 4 * callers + 16,
      callers,
      op: () => log.append(BODY),
    });
  }
}

const large = await open("large", "os");
while (Deno.statSync(large.path).size < LARGE_BYTES) {
  await Promise.all(Array.from({ length: 64 }, () => large.append(BODY)));
}
const amount = Deno.statSync(large.path).size / 1e6;
const reading = { group: "reading a log", unit: "MB", amount, ops: 1, iterations: 3 } as const;
workload({
  ...reading,
  name: `verify ${Math.round(amount)} MB`,
  baseline: true,
  async op() {
    const { ok } = await verifyAuditLog(large.path);
    if (!ok) throw new Error("The log does not verify");
  },
});
workload({
  ...reading,
  name: `read ${Math.round(amount)} MB, filtered by status`,
  async op() {
    for await (const _ of readAuditLog(large.path, { status: "DENIED" })) {
      throw new Error("There is no such record in the log");
    }
  },
});
