/**
 * The throughput suite: runs all benchmarks, prints one table, keeps the samples.
 *
 *     deno task bench [--only=part of a file's name] [--quiet]
 *
 * The original's workloads are run twice: on the machine as it is, and beside two processes of full load,
 * which are started here; with `--quiet` only the former.
 */
import { cpus, loadavg } from "node:os";
import { ROOT } from "./fixture.ts";
import { benchFiles, merge, runApart, runOriginal } from "./runner.ts";
import { median } from "./statistics.ts";
import { table } from "./table.ts";
import type { Measurement } from "./workload.ts";

const USAGE = "Usage: deno task bench [--only=part of a file's name] [--quiet]";
/** The original's workloads and the same of ours are run in turns, so often. */
const TURNS = 3;
/** How many processes of full load are beside them, and how long each lives at most, in seconds. */
const LOAD = 2;
const LOAD_SECONDS = 900;

const args = Deno.args.filter((arg) => arg !== "--quiet");
const only = args[0]?.replace(/^--only=/, "") ?? "";
if (args.length > 1 || only.startsWith("-")) {
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
const byName: Record<string, Measurement> = {};

for (const file of benchFiles(ROOT, only)) {
  console.error(`${file} …`);
  if (file !== "original_bench.ts") {
    ours.push(...await runApart(ROOT, file));
    continue;
  }
  const quiet = await inTurns(file);
  const busy = Deno.args.includes("--quiet") ? [] : await beside(() => inTurns(file, "busy"));
  ours.unshift(...quiet, ...busy);
}
console.log(table(ours, byName));

/** Runs the workloads in turns with the original's. */
async function inTurns(file: string, when = ""): Promise<Measurement[]> {
  const theirs: Measurement[][] = [];
  const turns: Measurement[][] = [];
  for (let i = 0; i < TURNS; i++) {
    const measured = await runOriginal(ROOT, 3);
    theirs.push(measured);
    const speeds = new Map(measured.map(({ name, samples }) => [name, median(samples)]));
    for (const one of await runApart(ROOT, file, { iterations: 5 })) {
      const speed = speeds.get(one.original ?? "") ?? NaN;
      (turns[i] ??= []).push({ ...one, ratios: [median(one.samples) / speed] });
    }
  }
  for (const one of merge(theirs)) byName[`${when}${one.name}`] = one;
  return merge(turns).map((one) => {
    if (when === "") return one;
    return { ...one, group: `${one.group}, ${when}`, original: `${when}${one.original}` };
  });
}

/** Runs it beside full load. */
async function beside<T>(run: () => Promise<T>): Promise<T> {
  const spin = ["-c", "while :; do :; done"];
  const load = Array.from({ length: LOAD }, () =>
    new Deno.Command("/usr/bin/timeout", {
      args: [String(LOAD_SECONDS), "/bin/sh", ...spin],
    }).spawn());
  try {
    return await run();
  } finally {
    for (const child of load) child.kill();
    await Promise.all(load.map(({ status }) => status));
  }
}

Deno.mkdirSync(`${ROOT}/bench/results`, { recursive: true });
const path = `bench/results/${date.toISOString().slice(0, 16).replace(":", "")}.json`;
// A measurement a line, so that two files can be compared by eye.
const list = (all: readonly Measurement[]) =>
  `[\n${all.map((one) => JSON.stringify(one)).join(",\n")}\n]`;
Deno.writeTextFileSync(
  `${ROOT}/${path}`,
  `{"date": "${date.toISOString()}",\n"machine": ${
    JSON.stringify({ ...machine, loadAfter: loadavg() })
  },\n"ours": ${list(ours)},\n"originals": ${list(Object.values(byName))}}\n`,
);
console.error(
  `${machine.cpu}, ${machine.cores} cores, load ${machine.loadBefore[0]?.toFixed(2)}, ` +
    `Deno ${machine.deno}: ${path}`,
);
