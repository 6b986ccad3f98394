/**
 * The audit log: one record for each submit, in a chain that shows every change.
 *
 *     deno run -P=examples examples/01_basic_kernel/audit_log.ts
 */
import { Kernel, readAuditLog, verifyAuditLog } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "a" });
const { root } = workspace;
const logPath = `${root}/kernel.log`;
{
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.read", resource: `${root}/data/**` }] },
    providers: [new FilesystemProvider()],
    logPath,
  });
  await kernel.submit({ action: "fs.read", target: `${root}/data/a.txt`, agent: "alice" });
  await kernel.submit({ action: "fs.read", target: "/etc/passwd", agent: "bob" });
  await kernel.submit({ action: "fs.read", target: `${root}/data/b.txt`, agent: "alice" });
}

for await (const line of readAuditLog(logPath, { agent: "alice" })) {
  if ("record" in line) {
    console.log(line.record.seq, line.record.status, line.record.target.replace(root, "…"));
  }
}

console.log("verified:", (await verifyAuditLog(logPath)).ok);
const lines = Deno.readTextFileSync(logPath).split("\n");
Deno.writeTextFileSync(logPath, [lines[0], ...lines.slice(2)].join("\n"));
const { ok, problem } = await verifyAuditLog(logPath);
console.log("with a line removed:", ok, `line ${problem?.line} ${problem?.reason}`);
