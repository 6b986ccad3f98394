/**
 * What the audit log tells of several agents: who was denied what, which rules are used, how long
 * things take. And that nothing in it was changed.
 *
 *     deno run -P=examples examples/08_advanced/log_analysis.ts
 */
import { type AuditRecord, Kernel, readAuditLog, verifyAuditLog } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "a", "data/b.txt": "b" });
const { root } = workspace;
const logPath = `${root}/kernel.log`;
{
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "read-data", action: "fs.read", resource: `${root}/data/**` },
        { id: "never-used", action: "fs.write", resource: `${root}/out/**` },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath,
  });
  const visits: [agent: string, target: string][] = [
    ["alice", `${root}/data/a.txt`],
    ["alice", `${root}/data/b.txt`],
    ["alice", `${root}/data/none.txt`],
    ["mallory", "/etc/passwd"],
    ["mallory", "/etc/shadow"],
    ["mallory", "/root/.ssh/id_ed25519"],
    ["mallory", `${root}/data/a.txt`],
  ];
  await Promise.all(
    visits.map(([agent, target]) => kernel.submit({ action: "fs.read", target, agent })),
  );
}

const records: AuditRecord[] = [];
for await (const line of readAuditLog(logPath)) if ("record" in line) records.push(line.record);

const byAgent = Map.groupBy(records, ({ agent = "(nobody)" }) => agent);
for (const [agent, theirs] of [...byAgent].sort()) {
  const denied = theirs.filter(({ status }) => status === "DENIED");
  const share = Math.round(100 * denied.length / theirs.length);
  console.log(`${agent}: ${theirs.length} actions, ${share} % denied`);
  // One that asks for many different things that it may not have is looking around.
  const targets = new Set(denied.map(({ target }) => target));
  if (targets.size >= 3) console.log(`  looks around: ${[...targets].sort().join(", ")}`);
}

const used = Map.groupBy(records.filter(({ rule }) => rule), ({ rule }) => rule);
for (const [rule, theirs] of used) console.log(`rule ${rule}: used ${theirs.length} times`);

const durations = records.flatMap(({ duration_ms }) => duration_ms ?? []).sort((a, b) => a - b);
console.log(`carried out: ${durations.length}, all timed: ${durations.every((ms) => ms > 0)}`);
const failed = records.filter(({ status }) => status === "FAILED");
console.log("failed:", failed.map(({ code, target }) => `${code} ${target.replace(root, "…")}`));
const { ok, records: verified } = await verifyAuditLog(logPath);
console.log(`verified: ${ok}, ${verified} records`);
