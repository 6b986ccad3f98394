/**
 * Running benchmarks in processes of their own.
 *
 * @module
 */
import type { Measurement } from "./workload.ts";

/** A file of benchmarks could not be run to its end. */
export class BenchError extends Error {
  /** The name of this class. */
  override name = "BenchError";
}

/** The files of benchmarks in a checkout, sorted by name. */
export function benchFiles(checkout: string, only = ""): string[] {
  return Array.from(Deno.readDirSync(`${checkout}/bench`), ({ name }) => name)
    .filter((name) => name.endsWith("_bench.ts") && name.includes(only))
    .sort();
}

/** What of a file is run, and how. */
export interface RunOptions {
  readonly iterations?: number;
  /** A part of "group · name". @default "": all */
  readonly filter?: string;
  /** How long each workload is warmed up, in milliseconds. @default 3000 */
  readonly warmup?: number;
}

/**
 * Runs one file in one process.
 *
 * @param checkout Absolute folder of the package.
 * @throws {BenchError} With what it said.
 */
export async function runFile(
  checkout: string,
  file: string,
  options: RunOptions = {},
): Promise<Measurement[]> {
  const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return await samplesOf(checkout, file, given);
}

/** Runs the workloads of one file, each in a process of its own: none has the garbage of another. */
export async function runApart(
  checkout: string,
  file: string,
  { iterations }: Pick<RunOptions, "iterations"> = {},
): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (const name of await samplesOf<string>(checkout, file, ["--list"])) {
    const given = iterations === undefined ? [] : [`--iterations=${iterations}`];
    measurements.push(
      ...await samplesOf<Measurement>(checkout, file, [`--only=${name}`, ...given]),
    );
  }
  return measurements;
}

async function samplesOf<T = Measurement>(
  checkout: string,
  file: string,
  given: readonly string[],
): Promise<T[]> {
  Deno.mkdirSync(`${checkout}/.tmp`, { recursive: true });
  const samples = Deno.makeTempFileSync({ dir: `${checkout}/.tmp`, prefix: "samples-" });
  try {
    await output(checkout, "deno", [
      ...["bench", "-q", "--no-prompt", "-P=bench", `bench/${file}`],
      ...["--", `--samples=${samples}`, ...given],
    ]);
    return JSON.parse(Deno.readTextFileSync(samples));
  } finally {
    Deno.removeSync(samples);
  }
}

/** Runs the workloads of the original in Python. */
export async function runOriginal(checkout: string, rounds: number): Promise<Measurement[]> {
  Deno.mkdirSync(`${checkout}/.tmp`, { recursive: true });
  const folder = Deno.makeTempDirSync({ dir: `${checkout}/.tmp`, prefix: "original-" });
  try {
    const args = [`${checkout}/bench/original/suite.py`, folder, String(rounds)];
    return JSON.parse(await output(checkout, "python3", args));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** One measurement of several of the same workload. */
export function merge(runs: readonly Measurement[][]): Measurement[] {
  const same = Map.groupBy(runs.flat(), ({ group, name }) => `${group}\n${name}`);
  return Array.from(same.values(), (measurements): Measurement => {
    const last = measurements.at(-1) as Measurement;
    const samples = measurements.flatMap((one) => one.samples);
    const ratios = measurements.flatMap((one) => one.ratios ?? []);
    const all = ratios.length === 0 ? { ...last, samples } : { ...last, samples, ratios };
    if (last.quantiles === undefined) return all;
    // Of runs as long as each other, the middle one is told.
    const middle = measurements.map(({ quantiles }) => quantiles)
      .toSorted((a, b) => (a?.p50 ?? 0) - (b?.p50 ?? 0))[Math.floor(measurements.length / 2)];
    return { ...all, quantiles: middle ?? last.quantiles };
  });
}

async function output(cwd: string, program: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  const said = `${text.decode(stdout)}\n${text.decode(stderr)}`.trim().split("\n").slice(-12);
  throw new BenchError(`${program} ${args.join(" ")}:\n${said.join("\n")}`);
}
