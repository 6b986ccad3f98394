/**
 * A target that is computed from several arguments, by a function. The model says "customer 17,
 * invoice 3"; the gate sees a path, and decides on it like on any other.
 *
 *     deno run -P=examples examples/08_advanced/callable_target_from.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop, ToolDef } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "customers/17/invoices/3.txt": "invoice 3: 120 EUR",
  "customers/18/invoices/1.txt": "invoice 1: 9000 EUR",
});
const { root } = workspace;

const readInvoice = new ToolDef({
  name: "read_invoice",
  description: "Reads an invoice of a customer",
  parameters: {
    type: "object",
    properties: { customer: { type: "string" }, invoice: { type: "integer" } },
    required: ["customer", "invoice"],
  },
  action: "fs.read",
  targetFrom: ({ customer, invoice }) => `${root}/customers/${customer}/invoices/${invoice}.txt`,
  // The arguments have become the target; none of them is a param.
  paramsFrom: {},
});

await using kernel = await Kernel.open({
  // This agent works for customer 17. The function is no guard, the policy is.
  policy: { capabilities: [{ action: "fs.read", resource: `${root}/customers/17/**` }] },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
});
const read = (customer: string, invoice: number) => ({
  calls: [{ name: "read_invoice", arguments: { customer, invoice } }],
});
await using model = new ExampleModel([
  read("17", 3),
  read("18", 1),
  read("17/invoices/../../18", 1),
  { text: "Invoice 3 is over 120 EUR. I cannot see those of other customers." },
]);
const loop = new AgentLoop({ kernel, ...model.options, tools: [readInvoice] });
for await (const event of loop.stream("What does customer 17 owe? And customer 18?")) {
  if (event.type === "tool_call") console.log(event.request.target.replace(root, "…"));
  if (event.type === "result") {
    console.log(`  ${event.result.status}`, event.result.data ?? event.result.code);
  }
  if (event.type === "done") console.log(event.text);
}
