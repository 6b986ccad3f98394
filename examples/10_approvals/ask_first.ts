/**
 * A yes about one thing: an agent pays invoices, and a person is asked before each payment. The person
 * here is a function with a rule of its own; `ApprovalInbox` and the command `agent-kernel approvals` ask
 * a real one.
 *
 *     deno run -P=examples examples/10_approvals/ask_first.ts
 */
import {
  type ApprovalQuestion,
  approverOf,
  Kernel,
  Provider,
  readAuditLog,
  renderQuestion,
} from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const logPath = `${workspace.root}/kernel.log`;

const bank = new Provider({
  name: "bank",
  isolation: "none",
  actions: { "bank.pay": { kind: "name" } },
  execute: ({ target, params }) => `paid ${params["amount"]} to ${target}`,
});

/** Says yes to small sums. What is shown is what will be done: nothing in it can look like another line. */
const accountant = approverOf((question: ApprovalQuestion) => {
  if (question.target === "vendors/ink") {
    for (const line of renderQuestion(question).slice(1, 6)) console.log("  ", line);
  }
  const approved = Number(question.params["amount"]) <= 100;
  return { approved, by: "accountant", reason: approved ? "small" : "that is too much" };
});

{
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{
        id: "pay",
        action: "bank.pay",
        resource: "vendors/**",
        reason: "money leaves the house",
        approval: { timeout: "10m", approvers: ["accountant"] },
      }],
    },
    providers: [bank],
    logPath,
    approvals: { approver: accountant },
  });
  for (const [target, amount] of [["vendors/pens", 40], ["vendors/ink", 400], ["mallory", 1]]) {
    const { status, data, code, error } = await kernel.submit({
      action: "bank.pay",
      target: String(target),
      params: { amount },
      agent: "clerk",
    });
    console.log(`${amount} to ${target}: ${status}`, data ?? `${code}: ${error}`);
  }
}

for await (const line of readAuditLog(logPath)) {
  if (!("record" in line)) continue;
  const { by, reason } = (line.record.stages?.["approval"] ?? {}) as Record<string, string>;
  console.log(
    `record ${line.record.seq}:`,
    line.record.status,
    by ?? "nobody was asked",
    reason ?? "",
  );
}
