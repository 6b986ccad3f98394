/**
 * Many submits at once are the normal case: each gets its own answer and its own record.
 *
 *     deno run -P=examples examples/01_basic_kernel/concurrent_submits.ts
 */
import { Kernel, verifyAuditLog } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;
const logPath = `${root}/kernel.log`;
{
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: ["fs.write", "fs.read"], resource: `${root}/out/**` }] },
    providers: [new FilesystemProvider()],
    logPath,
  });
  const files = Array.from({ length: 100 }, (_, i) => `${root}/out/${i}.txt`);
  await Promise.all(
    files.map((target, i) =>
      kernel.submit({ action: "fs.write", target, params: { content: `file ${i}` } })
    ),
  );
  const results = await Promise.all(
    files.map((target) => kernel.submit({ action: "fs.read", target })),
  );
  console.log(
    "read back:",
    results.filter(({ data }, i) => data === `file ${i}`).length,
    "of",
    files.length,
  );
}
const { ok, records } = await verifyAuditLog(logPath);
console.log("records:", records, "in order:", ok);
