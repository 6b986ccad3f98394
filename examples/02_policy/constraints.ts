/**
 * Constraints: conditions on the params of a request.
 *
 *     deno run -P=examples examples/02_policy/constraints.ts
 */
import { Kernel, Provider } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();

const bank = new Provider({
  name: "bank",
  isolation: "none",
  actions: { "bank.transfer": { kind: "name", defaults: { currency: "EUR" } } },
  execute: ({ target, params }) => `${params.amount} ${params.currency} to ${target}`,
});

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - id: small-transfers
    action: bank.transfer
    resource: suppliers/*
    constraint:
      amount: { min: 1, max: 100 }
      currency: { in: [EUR, USD] }
      note: { max_length: 40, not: { glob: "*secret*" } }
deny:
  - id: no-urgency
    action: bank.transfer
    resource: "**"
    constraint: { urgent: true }
    reason: urgent transfers are how fraud looks
`,
  },
  providers: [bank],
  logPath: `${workspace.root}/kernel.log`,
  onWarning: () => {},
});

const transfers: Record<string, unknown>[] = [
  { amount: 40, note: "paper" },
  { amount: 40, note: "paper", currency: "USD" },
  { amount: 4000, note: "paper" },
  { amount: "40", note: "paper" },
  { amount: 40 },
  { amount: 40, note: "the secret plan" },
  { amount: 40, note: "paper", urgent: true },
  { amount: 40, note: "paper", urgent: "true" },
];
for (const params of transfers) {
  const { status, data, error } = await kernel.submit({
    action: "bank.transfer",
    target: "suppliers/acme",
    params,
  });
  console.log(JSON.stringify(params), "→", status, data ?? error);
}
