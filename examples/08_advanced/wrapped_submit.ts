/**
 * Your own code between loop and gate: here a human who is asked before anything is deleted. It can
 * only add a no: what the policy denies stays denied, whatever the human says.
 *
 *     deno run -P=examples examples/08_advanced/wrapped_submit.ts
 */
import { DeniedError, Kernel, readAuditLog, type SubmitFn } from "@agent-kernel/kernel";
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
  });
  const submit: SubmitFn = (request, options) =>
    kernel.submit(request, {
      ...options,
      // Called when the policy allows it, with what will be done: the canonical target.
      async prepare(canonical, recordId) {
        if (!await humanAgrees(canonical.target)) {
          throw new DeniedError("REFUSED_BY_HUMAN", "the human said no");
        }
        return await options?.prepare?.(canonical, recordId);
      },
    });
  const loop = new AgentLoop({ submit, ...model.options, tools: fsTools(), concurrency: 1 });
  console.log(await loop.run("Delete all of it."));
}
for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { status, code = "", target } = line.record;
  console.log(status, target.replace(root, "…"), code);
}
