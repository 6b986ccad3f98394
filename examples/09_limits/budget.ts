/**
 * A budget that holds: an agent may spend 10.00 a day in a shop, in at most four payments, whatever it
 * submits at once, and also after a restart.
 *
 *     deno run -P=examples examples/09_limits/budget.ts
 */
import { Kernel, Provider, readAuditLog } from "@agent-kernel/kernel";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;

const paid: string[] = [];
const shop = new Provider({
  name: "shop",
  isolation: "none",
  actions: { "shop.pay": { kind: "name" } },
  execute: ({ target, params }) => {
    paid.push(`${params["amount"]} to ${target}`);
    return "paid";
  },
});

function open(): Promise<Kernel> {
  return Kernel.open({
    policy: {
      capabilities: [{
        id: "pay",
        action: "shop.pay",
        resource: "vendors/**",
        limits: { calls: "4/day", sum: { param: "amount", max: "10.00/day" } },
      }],
    },
    providers: [shop],
    logPath: `${root}/kernel.log`,
    // In this folder it survives a restart; without it, what was spent is forgotten.
    limits: { path: `${root}/kernel.log.limits` },
  });
}

async function pay(kernel: Kernel, target: string, amount: unknown): Promise<void> {
  const { status, code, details } = await kernel.submit({
    action: "shop.pay",
    target,
    params: { amount },
    agent: "buyer",
  });
  const { limit = "", left } = details ?? {};
  const why = code === undefined
    ? ""
    : ` ${code} ${limit}${left === undefined ? "" : ` left ${left}`}`;
  console.log(`${amount} to ${target}: ${status}${why}`);
}

{
  await using kernel = await open();
  // At once: each is reserved before it is done, so no two can spend the same money.
  await Promise.all([
    pay(kernel, "vendors/pens", "4.10"),
    pay(kernel, "vendors/ink", "4.20"),
    pay(kernel, "vendors/desks", "4.30"),
  ]);
  // An amount that cannot be counted does not pass.
  await pay(kernel, "vendors/pens", "-100");
}
{
  await using kernel = await open();
  console.log("after a restart:");
  await pay(kernel, "vendors/paper", "1.71");
  await pay(kernel, "vendors/paper", 1.7);
}

console.log("paid:", paid.join(", "));
for await (const line of readAuditLog(`${root}/kernel.log`)) {
  if (!("record" in line) || line.record.status !== "OK") continue;
  const { charged } = line.record.stages?.["limits"] as {
    charged: { limit: string; amount: string }[];
  };
  console.log("charged:", charged.map(({ limit, amount }) => `${limit} ${amount}`).join(", "));
}
