/**
 * Kernels whose rules ask a person, for tests.
 *
 * @module
 */
import {
  type ActionRequest,
  type ApprovalAnswer,
  type ApprovalQuestion,
  approverOf,
  type AuditRecord,
  Kernel,
  type KernelOptions,
  Provider,
} from "@agent-kernel/kernel";
import type { Workspace } from "../workspace.ts";

/** A question that waits, and how it is answered. */
export interface Asked {
  readonly question: ApprovalQuestion;
  readonly signal: AbortSignal;
  readonly answer: (answer: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/** Somebody who is asked and answers by hand. */
export class Person {
  readonly asked: Asked[] = [];
  #told = Promise.withResolvers<void>();

  /** For `KernelOptions.approvals`. */
  readonly approver = approverOf((question, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>();
    const answer = (answer: unknown) => resolve(answer as ApprovalAnswer);
    this.asked.push({ question, signal, answer, fail: reject });
    this.#told.resolve();
    return promise;
  });

  /** The next question. */
  async next(): Promise<Asked> {
    while (this.asked.length === 0) {
      await this.#told.promise;
      this.#told = Promise.withResolvers();
    }
    return this.asked.shift() as Asked;
  }
}

/** What a test asks for. */
export const REQUEST: ActionRequest = {
  action: "shop.pay",
  target: "vendors/pens",
  params: { amount: 5 },
  agent: "buyer",
};

/** A policy whose rule `pay` asks for approval, and has what else is given. */
export function policyOf(approval: unknown = "required", more: object = {}): object {
  return {
    capabilities: [
      { id: "pay", action: "shop.pay", resource: "vendors/**", reason: "money", approval, ...more },
      { id: "look", action: "shop.look", resource: "**" },
    ],
    deny: [{ action: "shop.pay", resource: "vendors/evil" }],
  };
}

/** A kernel over that policy, and how often its provider was called. */
export async function openShop(
  ws: Workspace,
  options: Partial<KernelOptions> = {},
): Promise<{ kernel: Kernel; calls: unknown[]; warnings: string[] }> {
  const calls: unknown[] = [];
  const warnings: string[] = [];
  const kernel = await Kernel.open({
    policy: policyOf(),
    providers: [
      new Provider({
        name: "shop",
        isolation: "none",
        actions: { "shop.pay": { kind: "name" }, "shop.look": { kind: "name", effect: "none" } },
        execute({ target, params }) {
          calls.push({ target, params });
          return "done";
        },
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: (line) => warnings.push(line),
    ...options,
  });
  return { kernel, calls, warnings };
}

/** All records of the log. */
export function recordsOf(ws: Workspace): AuditRecord[] {
  return Deno.readTextFileSync(ws.path("kernel.log")).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
}
