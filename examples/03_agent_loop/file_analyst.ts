/**
 * An analyst: it looks around, reads, computes, and writes where it may.
 *
 *     deno run -P=examples examples/03_agent_loop/file_analyst.ts
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "data/sales.csv": "region,amount\nnorth,1200\nsouth,800\nnorth,300\n",
  "policy.yaml": `
capabilities:
  - { id: read-data, action: [fs.read, fs.list], resource: ./data/** }
  - { id: list-data, action: fs.list, resource: ./data }
  - { id: write-report, action: fs.write, resource: ./data/report.md }
`,
});
const { root } = workspace;
const logPath = `${root}/kernel.log`;

await using model = new ExampleModel([
  { calls: [{ name: "list_folder", arguments: { path: "data" } }] },
  { calls: [{ name: "read_file", arguments: { path: "data/sales.csv" } }] },
  {
    calls: [{
      name: "write_file",
      arguments: { path: "data/report.md", content: "# Sales\n\nnorth 1500, south 800\n" },
    }],
  },
  { text: "I have written data/report.md: north 1500, south 800." },
]);
{
  await using kernel = await Kernel.open({
    policy: `${root}/policy.yaml`,
    providers: [new FilesystemProvider()],
    logPath,
    base: root,
  });
  const loop = new AgentLoop({
    kernel,
    ...model.options,
    instructions: "You are a data analyst. The data is in the folder data.",
    tools: fsTools(),
    agent: "analyst",
  });
  console.log(await loop.run("Sum up the sales by region, and write data/report.md."));
}

console.log(Deno.readTextFileSync(`${root}/data/report.md`).trim());
for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { status, action, target, rule } = line.record;
  console.log(status, action, target.replace(root, "…"), rule);
}
