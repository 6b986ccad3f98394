/**
 * Workloads: each is a `Deno.bench`, and gives the samples for the table of `deno task bench`.
 *
 * `Deno.bench` times iterations, and knows neither callers nor medians. So an iteration here is many
 * operations, by one caller or by many, and every operation is timed as well.
 *
 * @module
 */
import { quantile } from "./statistics.ts";

/** Something that is done over and over. */
export interface Workload {
  readonly group: string;
  /** Unique in its group. */
  readonly name: string;
  /** Operations of an iteration. */
  readonly ops: number;
  /** Carries out one operation; its number never comes again. @throws It did not end as it should. */
  readonly op: (i: number) => unknown;
  /** How many callers share the operations, each with one under way. @default 1 */
  readonly callers?: number;
  /**
   * So many synchronous operations in a row are timed as one, and their mean counts: for operations
   * that are not much longer than asking for the time. @default each is timed by itself
   */
  readonly timedTogether?: number;
  /** Prepares what it needs alone, once; not timed. */
  readonly before?: () => Promise<void>;
  /** Looks at what an iteration left behind; not timed. */
  readonly after?: () => void;
  /** What the others of its group are compared with. @default false */
  readonly baseline?: boolean;
  /** The workload of `original/suite.py` that does the same. */
  readonly original?: string;
  /**
   * The same without the kernel. Its iterations are run in turns with the others, with as many
   * operations and callers: a machine that is slow for a minute is slow for both.
   */
  readonly bare?: (i: number) => unknown;
  /** What is counted. @default "ops" */
  readonly unit?: "ops" | "MB";
  /** What one operation counts. @default 1 */
  readonly amount?: number;
  /** @default 10, or what `--iterations` says */
  readonly iterations?: number;
}

/** Something that is measured once: a size. */
export interface Quantity {
  readonly group: string;
  readonly name: string;
  readonly unit: "MB" | "kB";
  readonly measure: () => Promise<number>;
}

/** What was seen of a workload. */
export interface Measurement {
  readonly group: string;
  readonly name: string;
  /** `"ops"` and `"MB"` are by the second if there are quantiles. */
  readonly unit: string;
  readonly callers: number;
  readonly original?: string;
  /** What each iteration gave. */
  readonly samples: readonly number[];
  /** What each iteration of the same without the kernel gave. */
  readonly bare?: readonly number[];
  /** How many times as fast as the original's, or as without the kernel, in each turn. */
  readonly ratios?: readonly number[];
  /** Of the duration of an operation, in milliseconds. */
  readonly quantiles?: { readonly p50: number; readonly p90: number; readonly p99: number };
}

/** Most latencies that are kept of a workload; the first go first. */
const MAX_LATENCIES = 200_000;

const given = new Map(
  Deno.args.map((arg) => arg.replace(/^--/, "").split("=", 2) as [string, string]),
);
const measured: (() => Measurement)[] = [];
const names: string[] = [];
/** A service runs for days: what it does in its first seconds, while V8 compiles it, is not its speed. */
const warmupMs = Number(given.get("warmup") ?? 3000);

/** Registers a workload. */
export function workload(options: Workload): void {
  if (!isAskedFor(options)) return;
  const { group, name, ops, callers = 1, unit = "ops", amount = 1, baseline = false } = options;
  const n = options.iterations ?? Number(given.get("iterations") ?? 10);
  const rates: number[] = [];
  const bareRates: number[] = [];
  const withoutKernel = options.bare === undefined ? undefined : { ...options, op: options.bare };
  let latencies: number[] = [];
  let iteration = 0;
  Deno.bench({
    group,
    name,
    baseline,
    n,
    warmup: 0,
    async fn(bench) {
      if (iteration === 0) {
        await options.before?.();
        const start = performance.now();
        do {
          await iterate(options, []);
          if (withoutKernel !== undefined) await iterate(withoutKernel, []);
        } while (performance.now() - start < warmupMs);
      }
      const times: number[] = [];
      bench.start();
      const seconds = await iterate(options, times);
      bench.end();
      rates.push(ops * amount / seconds);
      if (withoutKernel !== undefined) {
        bareRates.push(ops * amount / await iterate(withoutKernel, []));
      }
      latencies = latencies.concat(times).slice(-MAX_LATENCIES);
    },
  });
  /** @returns How many seconds it took. */
  async function iterate(what: Workload, times: number[]): Promise<number> {
    const first = iteration++ * ops;
    const start = performance.now();
    if (what.timedTogether !== undefined) loop(what, what.timedTogether, first, times);
    else await Promise.all(Array.from({ length: callers }, callersOf(what, first, times)));
    const seconds = (performance.now() - start) / 1000;
    options.after?.();
    return seconds;
  }
  measured.push(() => {
    latencies.sort((a, b) => a - b);
    const at = (p: number) => quantile(latencies, p);
    return {
      ...{ group, name, unit, callers, samples: rates },
      ...(options.original === undefined ? {} : { original: options.original }),
      ...(withoutKernel === undefined
        ? {}
        : { bare: bareRates, ratios: rates.map((rate, i) => rate / (bareRates[i] ?? NaN)) }),
      quantiles: { p50: at(0.5), p90: at(0.9), p99: at(0.99) },
    };
  });
}

/** Registers a quantity. */
export function quantity({ group, name, unit, measure }: Quantity): void {
  if (!isAskedFor({ group, name })) return;
  const samples: number[] = [];
  Deno.bench({ group, name, n: 1, warmup: 0, fn: async () => void samples.push(await measure()) });
  measured.push(() => ({ group, name, unit, callers: 1, samples }));
}

/** `--filter` asks for a part of "group · name", `--only` for the whole, `--list` for the names alone. */
function isAskedFor({ group, name }: { readonly group: string; readonly name: string }): boolean {
  const full = `${group} · ${name}`;
  names.push(full);
  if (given.has("list")) return false;
  return full.includes(given.get("filter") ?? "") && full === (given.get("only") ?? full);
}

/** Callers that take the next operation as soon as their own has ended. */
function callersOf({ ops, op }: Workload, first: number, times: number[]): () => Promise<void> {
  let next = 0;
  return async () => {
    let before = performance.now();
    while (next < ops) {
      await op(first + next++);
      const now = performance.now();
      times.push(now - before);
      before = now;
    }
  };
}

function loop({ ops, op }: Workload, together: number, first: number, times: number[]): void {
  for (let done = 0; done < ops; done += together) {
    const before = performance.now();
    for (let i = 0; i < together; i++) op(first + done + i);
    times.push((performance.now() - before) / together);
  }
}

const samplesFile = given.get("samples");
if (samplesFile !== undefined) {
  globalThis.addEventListener("unload", () => {
    const results = measured.map((measurement) => measurement()).filter(({ samples }) =>
      samples.length > 0
    );
    Deno.writeTextFileSync(samplesFile, JSON.stringify(given.has("list") ? names : results));
  });
}
