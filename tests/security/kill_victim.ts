/**
 * Run by `kill_test.ts`, and killed by it at any moment: a kernel with all kinds of work at once.
 * Each submit that was answered becomes a line of standard output.
 *
 * @module
 */
import { type ActionResult, Kernel, Provider } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { nextTurn } from "../turn.ts";

/** What one line says. */
export interface Answered {
  readonly action: string;
  readonly target: string;
  readonly status: ActionResult["status"];
  readonly code?: string;
  readonly recordId?: string;
}

if (import.meta.main) {
  const [world = "", round = "", logPath = "", durability] = Deno.args;
  const effect = (target: string) => Deno.writeTextFile(`${world}/${target}`, "done");
  const kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "work.*", resource: "**" },
        { action: "fs.write", resource: `${world}/**` },
      ],
    },
    logPath,
    durability: durability === "disk" ? "disk" : "os",
    rotate: { bytes: 100_000 },
    onWarning: () => {},
    providers: [
      new FilesystemProvider(),
      new Provider({
        name: "work",
        isolation: "none",
        actions: { "work.quick": { kind: "name" }, "work.slow": { kind: "name" } },
        execute: async ({ action, target }) => {
          await effect(target);
          if (action === "work.slow") await new Promise((resolve) => setTimeout(resolve, 10));
        },
      }),
      new Provider({
        name: "hanging",
        isolation: "none",
        deadlineMs: 5,
        actions: { "work.hang": { kind: "name" } },
        execute: async ({ target }) => {
          await effect(target);
          await new Promise(() => {});
        },
      }),
    ],
  });
  // That it is open, without a submit.
  console.log();
  let submits = 0;
  /** Submits, for ever, and says what was answered. The target is the name of the effect. */
  const work = async (action: string, params = {}, place = "") => {
    for (;;) {
      const target = `${place}${round}-${action}-${submits++}`;
      const { status, code, recordId } = await kernel.submit({ action, target, params });
      console.log(JSON.stringify({ action, target, status, code, recordId } as Answered));
      // Denials take no turn of the event loop of their own; others are to have theirs.
      if (status === "DENIED") await nextTurn();
    }
  };
  await Promise.all([
    work("work.quick"),
    work("work.quick"),
    work("work.slow"),
    work("work.hang"),
    work("fs.write", { content: "done" }, `${world}/`),
    work("fs.write", { content: "done" }, `${world}/`),
    work("fs.write", { content: "not to be done" }, `${world}/../outside/`),
    work("other.thing"),
  ]);
}
