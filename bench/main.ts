/**
 * The throughput suite: runs all benchmarks, prints one table, keeps the samples.
 *
 *     deno task bench [--only=part of a file's name]
 */
import { cpus, loadavg } from "node:os";
import { ROOT } from "./fixture.ts";
import { benchFiles, merge, runApart, runOriginal } from "./runner.ts";
import { table } from "./table.ts";
import type { Measurement } from "./workload.ts";

const USAGE = "Usage: deno task bench [--only=part of a file's name]";
/** The original's workloads and the same of ours are run in turns, so often. */
const TURNS = 3;

const only = Deno.args[0]?.replace(/^--only=/, "") ?? "";
if (Deno.args.length > 1 || only.startsWith("-")) {
  console.error(USAGE);
  Deno.exit(2);
}
const date = new Date();
const machine = {
  deno: Deno.version.deno,
  v8: Deno.version.v8,
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  loadBefore: loadavg(),
};
const ours: Measurement[] = [];
let originals: Measurement[] = [];

for (const file of benchFiles(ROOT, only)) {
  console.error(`${file} …`);
  if (file !== "original_bench.ts") {
    ours.push(...await runApart(ROOT, file));
    continue;
  }
  const turns: { ours: Measurement[]; theirs: Measurement[] }[] = [];
  for (let i = 0; i < TURNS; i++) {
    const theirs = await runOriginal(ROOT, 3);
    turns.push({ theirs, ours: await runApart(ROOT, file, { iterations: 5 }) });
  }
  originals = merge(turns.map(({ theirs }) => theirs));
  ours.unshift(...merge(turns.map((turn) => turn.ours)));
}
// The large policy is in another file than the six.
const byName = Object.fromEntries(originals.map((one) => [one.name, one]));
console.log(table(ours, byName));

Deno.mkdirSync(`${ROOT}/bench/results`, { recursive: true });
const path = `bench/results/${date.toISOString().slice(0, 16).replace(":", "")}.json`;
// A measurement a line, so that two files can be compared by eye.
const list = (all: readonly Measurement[]) =>
  `[\n${all.map((one) => JSON.stringify(one)).join(",\n")}\n]`;
Deno.writeTextFileSync(
  `${ROOT}/${path}`,
  `{"date": "${date.toISOString()}",\n"machine": ${
    JSON.stringify({ ...machine, loadAfter: loadavg() })
  },\n"ours": ${list(ours)},\n"originals": ${list(originals)}}\n`,
);
console.error(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.loadBefore[0]?.toFixed(2)}, ` +
    `Deno ${machine.deno}: ${path}`,
);
