/**
 * Run by `limit_hammer_test.ts`, and killed by it: a kernel that uses up a budget which others share.
 * Each submit that was answered becomes a line of standard output.
 *
 * @module
 */
import { type ActionResult, Kernel, Provider } from "../../mod.ts";
import { nextTurn } from "../turn.ts";

/** What one line says. */
export type Answered = Pick<ActionResult, "status" | "code">;

/** The policy of all victims. */
export const POLICY = {
  capabilities: [
    {
      id: "spend",
      action: "work.spend",
      resource: "**",
      limits: { calls: "1000/forever", across: "all" },
    },
    {
      id: "hold",
      action: "work.hold",
      resource: "**",
      limits: { calls: "3/forever", concurrent: 1, across: "all" },
    },
  ],
};

/** A provider that adds one byte to a file for each call, or holds on for ever. */
export function worker(effects: string): Provider {
  return new Provider({
    name: "work",
    isolation: "none",
    actions: { "work.spend": { kind: "name" }, "work.hold": { kind: "name" } },
    async execute({ action, params }) {
      Deno.writeTextFileSync(effects, ".", { append: true });
      await nextTurn();
      if (action === "work.hold" && params["let_go"] !== true) {
        // An empty line says that it has begun.
        console.log('{"status":"OK"}');
        await new Promise(() => {});
      }
    },
  });
}

if (import.meta.main) {
  const [action = "", logPath = "", path = "", effects = ""] = Deno.args;
  const kernel = await Kernel.open({
    policy: POLICY,
    logPath,
    limits: { path },
    onWarning: () => {},
    providers: [worker(effects)],
  });
  const work = async () => {
    for (;;) {
      const { status, code } = await kernel.submit({ action, target: "budget" });
      console.log(JSON.stringify({ status, code } as Answered));
      if (status === "DENIED") await nextTurn();
    }
  };
  await Promise.all([work(), work(), work()]);
}
