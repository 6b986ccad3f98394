/**
 * Run by `kill_reads_test.ts`, and killed by it at any moment: a kernel that reads and writes at once.
 * Each submit that was answered becomes a line of standard output.
 *
 * @module
 */
import { Kernel, Provider } from "../../mod.ts";

/** What one line says. */
export interface Answered {
  readonly action: string;
  readonly target: string;
  readonly status: string;
}

if (import.meta.main) {
  const [world = "", round = "", logPath = ""] = Deno.args;
  const kernel = await Kernel.open({
    policy: { capabilities: [{ action: "work.*", resource: "**" }] },
    logPath,
    onWarning: () => {},
    providers: [
      new Provider({
        name: "work",
        isolation: "none",
        actions: {
          "work.read": { kind: "name", effect: "none" },
          "work.write": { kind: "name" },
        },
        // Whoever is killed in between has begun, and has not been answered.
        async execute({ action, target }) {
          await Deno.writeTextFile(`${world}/${target}`, action);
          for (let i = 0; i < 5; i++) await Deno.readTextFile(`${world}/${target}`);
        },
      }),
    ],
  });
  console.log();
  let submits = 0;
  const work = async (action: string) => {
    for (;;) {
      const target = `${round}-${action}-${submits++}`;
      const { status } = await kernel.submit({ action, target });
      console.log(JSON.stringify({ action, target, status } satisfies Answered));
    }
  };
  await Promise.all(["work.read", "work.write", "work.read", "work.write"].map(work));
}
