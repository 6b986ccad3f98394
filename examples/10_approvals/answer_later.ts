/**
 * An agent that does not wait: its payment needs a yes, the run is stored while a person is asked, and
 * goes on after the answer. In a real deployment the two halves are two processes, and the person uses
 * `agent-kernel approvals`.
 *
 *     deno run -P=examples examples/10_approvals/answer_later.ts
 */
import { ApprovalInbox, Kernel, Provider } from "@agent-kernel/kernel";
import { AgentLoop, ToolDef } from "@agent-kernel/kernel/agent";
import { ScriptedModel } from "@agent-kernel/kernel/testing";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const path = `${workspace.root}/inbox`;

const pay = new ToolDef({
  name: "pay",
  description: "Pays a vendor",
  parameters: {
    type: "object",
    properties: { vendor: { type: "string" }, amount: { type: "number" } },
    required: ["vendor", "amount"],
  },
  action: "bank.pay",
  targetFrom: "vendor",
});

await using model = ScriptedModel.start([
  { calls: [{ name: "pay", arguments: { vendor: "vendors/pens", amount: 40 } }] },
  { text: "The pens are paid." },
]);

/** A kernel and a loop, as each process makes its own. */
async function open(conversation?: unknown) {
  const kernel = await Kernel.open({
    policy: {
      capabilities: [{
        id: "pay",
        action: "bank.pay",
        resource: "vendors/**",
        approval: { timeout: "8h" },
      }],
    },
    providers: [
      new Provider({
        name: "bank",
        isolation: "none",
        actions: { "bank.pay": { kind: "name" } },
        execute: ({ target, params }) => `paid ${params["amount"]} to ${target}`,
      }),
    ],
    logPath: `${workspace.root}/kernel.log`,
    approvals: { path, patienceMs: 0 },
    onWarning: () => {},
  });
  const loop = new AgentLoop({
    kernel,
    model: "openai/scripted",
    modelOptions: { baseURL: model.baseURL },
    tools: [pay],
    onApproval: "pause",
    ...conversation === undefined ? {} : { conversation },
  });
  return { kernel, loop };
}

let stored: string;
{
  const { kernel, loop } = await open();
  await using _ = kernel;
  console.log("first process:", await loop.run("Pay the pens"));
  stored = JSON.stringify(loop);
}

const inbox = new ApprovalInbox(path);
for (const question of inbox.list()) {
  console.log(
    "person:",
    question.action,
    question.target,
    question.params,
    inbox.stateOf(question),
  );
  inbox.answer(question, { approved: true, by: "accountant" }, new Date());
}

{
  const { kernel, loop } = await open(JSON.parse(stored));
  await using _ = kernel;
  console.log("second process:", await loop.resume());
}
