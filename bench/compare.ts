/**
 * Tells what changed between two versions, beyond noise.
 *
 *     deno task bench:compare A B [--only=part of a file's name] [--filter=part of a workload's name] [--rounds=12]
 *
 * A and B are git refs or folders of checkouts. Both are copied, get the benchmarks of this checkout,
 * and run them in turns: A B, B A, A B, … Of each turn the best iteration counts: whatever else the
 * machine does can only slow an iteration down. Exit code 1 tells that something is slower, 2 that the call
 * was wrong or nothing could be run.
 */
import { ROOT } from "./fixture.ts";
import { BenchError, benchFiles, runFile } from "./runner.ts";
import { compare, median } from "./statistics.ts";
import type { Measurement } from "./workload.ts";

const USAGE =
  "Usage: deno task bench:compare A B [--only=part of a file's name] [--filter=part of a workload's name] [--rounds=12] (A, B: git refs or folders)";
/** Of many iterations the best counts; but V8 takes longer than those to make a Worker fast. */
const WARMUP_MS = 1000;
/** Iterations of a workload in a round: rounds are what tells change from noise. */
const ITERATIONS = 6;
/** What is not part of a version: things that were made in it. */
const LEFT_OUT = new Set([".git", ".tmp", "coverage", "node_modules", "results"]);

const refs = Deno.args.filter((arg) => !arg.startsWith("--"));
const options = new Map(
  Deno.args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2).split("=", 2)) as [
    string,
    string,
  ][],
);
const rounds = Number(options.get("rounds") ?? 12);
const [a, b] = refs;
if (a === undefined || b === undefined || refs.length > 2 || !(rounds >= 1)) {
  console.error(USAGE);
  Deno.exit(2);
}

Deno.mkdirSync(`${ROOT}/.tmp`, { recursive: true });
const folder = Deno.makeTempDirSync({ dir: `${ROOT}/.tmp`, prefix: "compare-" });
try {
  Deno.exitCode = await run([checkout(a, `${folder}/a`), checkout(b, `${folder}/b`)]);
} catch (error) {
  if (!(error instanceof BenchError)) throw error;
  console.error(error.message);
  Deno.exitCode = 2;
} finally {
  Deno.removeSync(folder, { recursive: true });
}

async function run(checkouts: readonly [string, string]): Promise<number> {
  const rates = new Map<string, [number[], number[]]>();
  const broken = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const file of benchFiles(ROOT, options.get("only"))) {
      if (broken.has(file)) continue;
      console.error(`round ${round + 1} of ${rounds}: ${file}`);
      try {
        // The order changes, so that being first does neither good nor harm.
        const order = round % 2 === 0 ? [0, 1] as const : [1, 0] as const;
        const seen: [Measurement[], Measurement[]] = [[], []];
        for (const side of order) {
          seen[side] = await runFile(checkouts[side], file, {
            iterations: ITERATIONS,
            warmup: WARMUP_MS,
            filter: options.get("filter") ?? "",
          });
        }
        add(rates, seen);
      } catch (error) {
        if (!(error instanceof BenchError)) throw error;
        broken.add(file);
        console.error(`left out, it does not run on both: ${error.message}`);
      }
    }
  }
  return report(rates);
}

function add(
  rates: Map<string, [number[], number[]]>,
  [a, b]: readonly [Measurement[], Measurement[]],
): void {
  for (const { group, name, samples, quantiles } of a) {
    const other = b.find((one) => one.group === group && one.name === name);
    if (other === undefined || quantiles === undefined) continue;
    const key = `${group} · ${name}`;
    const both = rates.get(key) ?? [[], []];
    both[0].push(Math.max(...samples));
    both[1].push(Math.max(...other.samples));
    rates.set(key, both);
  }
}

function report(rates: ReadonlyMap<string, readonly [number[], number[]]>): number {
  if (rates.size === 0) {
    console.error("Nothing could be compared");
    return 2;
  }
  let slower = 0;
  let changed = 0;
  for (const [name, [before, after]] of rates) {
    const { ratio, low, high, verdict } = compare(before, after);
    if (verdict === "same") continue;
    changed++;
    if (verdict === "slower") slower++;
    const figures = `× ${ratio.toFixed(2)} (${low.toFixed(2)} … ${high.toFixed(2)})`;
    const values = `${Math.round(median(before))} → ${Math.round(median(after))} a second`;
    console.log(`${verdict}  ${figures}  ${name}: ${values}`);
  }
  console.log(
    `${changed} of ${rates.size} workloads changed beyond noise, ${slower} of them for the worse`,
  );
  return slower > 0 ? 1 : 0;
}

/** Copies a version to a folder and gives it the benchmarks, and their permissions, of this one. */
function checkout(version: string, to: string): string {
  if (isFolder(version)) copy(Deno.realPathSync(version), to);
  else {
    git("clone", "-q", "--shared", "--no-checkout", ROOT, to);
    git("-C", to, "checkout", "-q", "--detach", commitOf(version));
  }
  const bench = `${to}/bench`;
  if (isFolder(bench)) Deno.removeSync(bench, { recursive: true });
  copy(`${ROOT}/bench`, bench);
  const config = JSON.parse(Deno.readTextFileSync(`${to}/deno.json`));
  const own = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  config.permissions = { ...config.permissions, bench: own.permissions.bench };
  Deno.writeTextFileSync(`${to}/deno.json`, JSON.stringify(config));
  return to;
}

function commitOf(ref: string): string {
  return git("-C", ROOT, "rev-parse", "--verify", "--end-of-options", `${ref}^{commit}`).trim();
}

function git(...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("git", { args }).outputSync();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new BenchError(`git ${args.join(" ")}: ${text.decode(stderr).trim()}`);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // Then it is taken for a ref, and git says if it is none.
  }
}

function copy(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (LEFT_OUT.has(name)) continue;
    if (isDirectory) copy(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}
