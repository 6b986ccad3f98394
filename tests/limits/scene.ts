/**
 * Kernels with limits, their records and warnings.
 *
 * @module
 */
import {
  type ActionRequest,
  type ActionResult,
  type AuditRecord,
  Kernel,
  type KernelOptions,
  Provider,
} from "@agent-kernel/kernel";
import type { Workspace } from "../workspace.ts";

/** A clock that is set by hand. */
export class HandClock {
  /** Milliseconds since the epoch. */
  at = Date.UTC(2026, 10, 28, 12);

  /** For `KernelOptions.clock`. */
  readonly now = (): Date => new Date(this.at);
}

/** What a test does with the actions that are under way. */
export interface Shop {
  readonly provider: Provider;
  /** Calls that were carried out. */
  calls: number;
  /** How many are under way, and were at most. */
  readonly underWay: { now: number; most: number };
}

/**
 * A provider of `shop.pay` (an effect), `shop.look` (none), `shop.fail`, `shop.hold` (until it is let go)
 * and `shop.text` (a text of `size` characters).
 */
export function shop(): Shop {
  const underWay = { now: 0, most: 0 };
  const it: Shop = {
    calls: 0,
    underWay,
    provider: new Provider({
      name: "shop",
      isolation: "none",
      actions: {
        "shop.pay": { kind: "name" },
        "shop.look": { kind: "name", effect: "none" },
        "shop.fail": { kind: "name" },
        "shop.hold": { kind: "name" },
        "shop.text": { kind: "name", effect: "none" },
      },
      maxOutputBytes: 100,
      deadlineMs: 1000,
      async execute({ action, params }) {
        it.calls++;
        underWay.most = Math.max(underWay.most, ++underWay.now);
        await Promise.resolve();
        underWay.now--;
        if (action === "shop.fail") throw new Error("no luck");
        return action === "shop.text" ? "x".repeat(Number(params["size"])) : "done";
      },
    }),
  };
  return it;
}

/** A kernel over one rule `r` for `shop.*` with these limits. */
export function openShop(
  ws: Workspace,
  limits: object,
  { provider, all = [], ...options }: Partial<KernelOptions> & {
    readonly provider: Provider;
    readonly all?: readonly object[];
  },
): Promise<Kernel> {
  return Kernel.open({
    policy: policyOf(limits, all),
    providers: [provider],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    ...options,
  });
}

/** A policy of one rule `r` with these limits, and those of the whole policy. */
export function policyOf(limits: object, all: readonly object[] = []): object {
  const own = Object.keys(limits).length === 0 ? {} : { limits };
  const whole = all.length === 0 ? {} : { limits: all };
  return { ...whole, capabilities: [{ id: "r", action: "shop.*", resource: "**", ...own }] };
}

/** Submits so many at once; counts how they ended, by status or code. */
export async function submitMany(
  kernel: Kernel,
  count: number,
  request: (i: number) => Partial<ActionRequest> = () => ({}),
): Promise<Readonly<Record<string, number>>> {
  const results = await Promise.all(
    Array.from({ length: count }, (_, i) => pay(kernel, request(i))),
  );
  const names = results.map(({ status, code }) => code ?? status);
  return Object.fromEntries(
    Map.groupBy(names, (name) => name).entries().map(([name, all]) => [name, all.length]),
  );
}

/** Submits one `shop.pay`, or what is given instead. */
export function pay(kernel: Kernel, request: Partial<ActionRequest> = {}): Promise<ActionResult> {
  return kernel.submit({ action: "shop.pay", target: "vendor", agent: "alice", ...request });
}

/** All records of the log. */
export function recordsOf(ws: Workspace, name = "kernel.log"): AuditRecord[] {
  return Deno.readTextFileSync(ws.path(name)).trim().split("\n").map((line) => JSON.parse(line));
}
