/**
 * A stage of your own between decision and execution: here a human who is asked before anything is
 * deleted. A stage can only refuse: what the policy denies stays denied, whatever the human says.
 *
 *     deno run -P=examples examples/08_advanced/wrapped_submit.ts
 */
import { Kernel, readAuditLog, type Stage } from "@agent-kernel/kernel";
import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "work/a.tmp": "", "work/thesis.md": "", "other/x": "" });
const { root } = workspace;
const logPath = `${root}/kernel.log`;

/** Stands for a prompt, a chat message, a button. */
function humanAgrees(target: string): Promise<boolean> {
  const agrees = !target.endsWith(".md");
  console.log(`  human: delete ${target.replace(root, "…")}? ${agrees ? "yes" : "no"}`);
  return Promise.resolve(agrees);
}

/** Asked when the policy allows it, with what will be done: the canonical target. */
const human: Stage = {
  name: "human",
  async enter({ target }) {
    if (await humanAgrees(target)) return;
    return { refusal: "the human said no", code: "REFUSED_BY_HUMAN" };
  },
};

await using model = new ExampleModel([
  {
    calls: ["work/a.tmp", "work/thesis.md", "other/x"].map((path) => ({
      name: "delete_file",
      arguments: { path },
    })),
  },
  { text: "I have deleted a.tmp." },
]);
{
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.delete", resource: `${root}/work/**` }] },
    providers: [new FilesystemProvider()],
    logPath,
    base: root,
    stages: [human],
  });
  const loop = new AgentLoop({ kernel, ...model.options, tools: fsTools(), concurrency: 1 });
  console.log(await loop.run("Delete all of it."));
}
for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { status, code = "", target } = line.record;
  console.log(status, target.replace(root, "…"), code);
}
