/**
 * Processes that share a budget, and are killed (SIGKILL) while they use it.
 *
 * `KILL_SEED` repeats the moments of an earlier run as far as the machine lets it.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Kernel, readAuditLog } from "../../mod.ts";
import { decimalOf } from "../../src/limits/decimal.ts";
import { readLedger } from "../../src/limits/ledger_file.ts";
import { LedgerCheck } from "../../src/limits/verify.ts";
import { Workspace } from "../workspace.ts";
import { kill, randomFrom } from "./kill.ts";
import { type Answered, POLICY, worker } from "./limit_victim.ts";

const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const VICTIM = fromFileUrl(new URL("./limit_victim.ts", import.meta.url));
const BUDGET = 1000;
const PROCESSES = 8;

Deno.test("eight processes with kill -9 among them never spend more than one budget, and the log proves it", async () => {
  using ws = new Workspace();
  const told = `seed ${SEED}`;
  const random = randomFrom(SEED);
  const ledger = ws.path("ledger");
  const numbers = Array.from({ length: PROCESSES }, (_, i) => i);
  const run = (i: number, due: (answers: readonly Answered[]) => boolean) =>
    kill<Answered>(
      VICTIM,
      ["work.spend", ws.path(`${i}.log`), ledger, ws.path(`${i}.effects`)],
      { write: ws.root, moment: { due } },
    );
  // First all are killed in the middle, then all go on on the same logs up to the end of the budget.
  const first = await Promise.all(numbers.map((i) => {
    const some = Math.floor(random() * 80);
    return run(i, (answers) => answers.length >= some);
  }));
  const second = await Promise.all(
    numbers.map((i) => run(i, (answers) => answers.some(({ status }) => status === "DENIED"))),
  );
  const answers = [...first, ...second].flat();
  const passed = answers.filter(({ status }) => status === "OK").length;
  const codes = new Set(answers.flatMap(({ code }) => code ?? []));
  const effects = numbers.reduce((sum, i) => sum + Deno.statSync(ws.path(`${i}.effects`)).size, 0);
  assertEquals(codes, new Set(["BUDGET_EXHAUSTED"]), told);
  assert(passed <= effects && effects <= BUDGET, `${passed} answered, ${effects} done, ${told}`);
  assert(effects > BUDGET / 2, `${effects} done, ${told}`);

  // The next start puts on record what was interrupted.
  for (const i of numbers) {
    const logPath = ws.path(`${i}.log`);
    const limits = { path: ledger };
    await (await Kernel.open({ policy: POLICY, logPath, limits, onWarning: () => {} })).close();
  }
  const content = readLedger(ledger, Date.now());
  assert(content !== undefined);
  const spent = content.usage.filter(({ limit }) => limit === "spend.calls");
  assertEquals(spent.map(({ used, who }) => [used, who]), [[decimalOf(BUDGET), ""]], told);
  assertEquals(content.reservations.every(({ abandoned }) => abandoned), true, told);
  const check = new LedgerCheck(content, Date.now());
  for (const i of numbers) {
    for await (const line of readAuditLog(ws.path(`${i}.log`))) check.observe(line);
  }
  const { differences, damaged, records } = check.findings();
  assertEquals([differences, damaged], [[], 0], told);
  // All but what died between its reservation and its intent is on record.
  const silent = content.reservations.filter(({ charges }) => charges.length > 0).length;
  assert(records <= BUDGET && records >= BUDGET - silent, `${records} records, ${told}`);
});

Deno.test("what a killed process had under way stays charged and is told; its slot comes free", async () => {
  using ws = new Workspace();
  const args = ["work.hold", ws.path("a.log"), ws.path("ledger"), ws.path("effects")];
  await kill<Answered>(VICTIM, args, {
    write: ws.root,
    moment: { due: ({ length }) => length > 0 },
  });
  const warnings: string[] = [];
  await using kernel = await Kernel.open({
    policy: POLICY,
    logPath: ws.path("b.log"),
    limits: { path: ws.path("ledger") },
    providers: [worker(ws.path("effects"))],
    onWarning: (line) => warnings.push(line),
  });
  assertEquals(warnings.filter((line) => line.includes("1 action was under way")).length, 1);
  const hold = { action: "work.hold", target: "budget", params: { let_go: true } };
  const codes = [];
  for (let i = 0; i < 3; i++) codes.push((await kernel.submit(hold)).code ?? "OK");
  assertEquals(codes, ["OK", "OK", "BUDGET_EXHAUSTED"]);
});
