/**
 * The log against a model: whatever is appended, intended, crashed, reopened, broken and mended, in
 * whatever order, the files hold what the model says, in one chain.
 */
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import type { AuditLog, AuditLogOptions } from "../../../src/core/record/log.ts";
import { afterCrash, body, chainOf, openLog } from "./log_file.ts";
import { Workspace } from "../../workspace.ts";

/** What the records should be, and the actions that are under way, by their id. */
class Model {
  readonly records: string[] = [];
  readonly inFlight = new Map<string, string>();

  /** Another kernel takes over: it does not know how those ended. */
  interrupt(): void {
    this.records.push(...Array.from(this.inFlight.values(), (target) => `INTERRUPTED ${target}`));
    this.inFlight.clear();
  }
}

type Step = "refuse" | "intend" | "finish";
type Command =
  | { readonly do: "steps"; readonly steps: readonly Step[]; readonly broken: boolean }
  | { readonly do: "crash" | "reopen" };

const STEP = fc.constantFrom<Step>("refuse", "intend", "intend", "finish");
const COMMAND: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("steps" as const),
      steps: fc.array(STEP, { maxLength: 8 }),
      broken: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "reopen" as const) }) },
);
const OPTIONS: fc.Arbitrary<Partial<AuditLogOptions>> = fc.record({
  durability: fc.constantFrom("os" as const, "disk" as const),
  rotate: fc.constantFrom({}, { bytes: 1 }, { bytes: 1500 }),
  // By a clock that stands still, each write looks whether the log is in its place.
  now: fc.constantFrom(() => 0, () => performance.now()),
});

/** Takes the steps all at once; what the log refuses at once is not in the model. */
async function take(steps: readonly Step[], log: AuditLog, model: Model, name: () => string) {
  await Promise.allSettled(steps.map(async (step) => {
    const target = name();
    if (step === "intend") {
      model.inFlight.set(await log.intend(body(target)), target);
    } else if (step === "finish") {
      const [first] = model.inFlight;
      if (first === undefined) return;
      const [record_id, target] = first;
      model.inFlight.delete(record_id);
      // Its outcome is owed, should it not be written.
      model.records.push(`OK ${target}`);
      await log.append(body(target, { record_id }));
    } else {
      if (log.failure === undefined) model.records.push(`DENIED ${target}`);
      await log.append(body(target, { status: "DENIED" }));
    }
  }));
}

Deno.test("the log holds what a model says, over crashes, rotations, failures and recoveries", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(COMMAND, { maxLength: 12 }), OPTIONS, async (commands, options) => {
      using ws = new Workspace();
      const model = new Model();
      let names = 0;
      const name = () => `/data/${names++}`;
      let path = ws.path("0/kernel.log");
      Deno.mkdirSync(ws.path("0"));
      let log = await openLog(path, options);
      try {
        for (const [i, command] of commands.entries()) {
          if (command.do === "steps") {
            if (command.broken) Deno.renameSync(path, `${path}.away`);
            await take(command.steps, log, model, name);
            if (!command.broken) continue;
            if (log.failure !== undefined) await assertRejects(() => log.recover(), AuditLogError);
            Deno.renameSync(`${path}.away`, path);
            await log.recover();
            assertEquals(log.failure, undefined);
          } else {
            const before = path;
            if (command.do === "crash") path = afterCrash(before, ws.path(`${i + 1}/kernel.log`));
            await log.close();
            log = await openLog(path, options);
            model.interrupt();
          }
        }
      } finally {
        await log.close();
      }
      await (await openLog(path, options)).close();
      model.interrupt();
      const found = chainOf(path).filter(({ action }) => action !== "audit.recover");
      // Concurrent failures change the order in which outcomes get through, not what they are.
      assertEquals(
        found.map(({ status, target }) => `${status} ${target}`).sort(),
        model.records.toSorted(),
      );
      const ids = found.flatMap(({ record_id }) => record_id === undefined ? [] : [record_id]);
      assertEquals(new Set(ids).size, ids.length);
      assertEquals(Deno.statSync(`${path}.journal`).size, 0);
    }),
    { numRuns: 150 },
  );
});
