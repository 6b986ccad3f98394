/**
 * A kernel under a mixed load, with everything that goes wrong in a long life: Workers that die,
 * policies that are replaced, logs that rotate, kernels that are closed and opened again.
 *
 * @module
 */
import { type ActionRequest, Kernel, verifyAuditLog } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { segmentsOf } from "../../src/core/record/segments.ts";
import { type Census, census } from "./census.ts";
import { FlakyProvider } from "./flaky_provider.ts";
import { type Growth, growthOf } from "./growth.ts";

/** Options of {@linkcode soak}. */
export interface SoakOptions {
  /** An empty folder: absolute, real. */
  readonly folder: string;
  /** Ends when this returns true; asked before each submit. Called with the number of submits so far. */
  readonly enough: (submits: number) => boolean;
  /** Submits after which the kernel is closed, its log checked and removed, and another opened. */
  readonly lap: number;
  /** Bytes after which a log rotates. @default 8 MiB */
  readonly rotateBytes?: number;
  /** Told what was seen in each lap. @default nobody */
  readonly onLap?: (line: string) => void;
}

/** What was seen. */
export interface SoakReport {
  readonly submits: number;
  readonly laps: number;
  readonly crashes: number;
  readonly reloads: number;
  readonly rotations: number;
  readonly heap: Growth | undefined;
  readonly resident: Growth | undefined;
  /** Everything that is not as it has to be; empty if all is well. */
  readonly problems: readonly string[];
}

const CALLERS = 16;
/** Submits between two looks at the memory. */
const SAMPLE_EVERY = 500;
/** How often what a closed kernel holds is counted again, if it is more than nothing. */
const RECOUNTS = 20;
/** Fewer looks say nothing about growth. */
const LEAST_SAMPLES = 24;

/** Workers that come and go leave holes in what the process got from the system. */
const RESIDENT = { leastPart: 0.25, leastBytes: 32e6 };

/** What is submitted, how often among the others, and how it ends. Dying takes bystanders with it. */
const MIX: readonly {
  readonly weight: number;
  readonly request: (folder: string, i: number) => ActionRequest;
  readonly ends: readonly string[];
}[] = [
  {
    weight: 400,
    request: (folder) => ({ action: "fs.read", target: `${folder}/data/a.txt` }),
    ends: ["OK"],
  },
  {
    weight: 300,
    request: (_, i) => ({ action: "fs.read", target: `/etc/passwd-${i}` }),
    ends: ["DENIED"],
  },
  {
    weight: 120,
    request: (folder, i) => ({
      action: "fs.write",
      target: `${folder}/out/${i % 200}.txt`,
      params: { content: `content ${i}` },
    }),
    ends: ["OK"],
  },
  {
    weight: 60,
    request: (folder, i) => ({ action: "fs.read", target: `${folder}/data/none-${i}` }),
    ends: ["ERROR"],
  },
  { weight: 60, request: () => ({ action: "", target: "" }), ends: ["ERROR"] },
  {
    weight: 59,
    request: (_, i) => ({ action: "flaky.say", target: `a/${i}` }),
    ends: ["OK", "ERROR"],
  },
  { weight: 1, request: () => ({ action: "flaky.die", target: "now" }), ends: ["ERROR"] },
];
const TOTAL = MIX.reduce((sum, { weight }) => sum + weight, 0);
/** Coprime to the total, so that all kinds come in their weight, well mixed, without chance. */
const STRIDE = 389;
/** Submits between two reloads. */
const RELOAD_EVERY = 1500;

/** Runs until it is enough and says what was seen. Never throws for what the kernel did wrong. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { folder, lap, enough, onLap = () => {} } = options;
  Deno.mkdirSync(`${folder}/data`);
  Deno.mkdirSync(`${folder}/out`);
  Deno.writeTextFileSync(`${folder}/data/a.txt`, "x".repeat(2400));
  const problems: string[] = [];
  const heap: number[] = [];
  const resident: number[] = [];
  const total = { submits: 0, laps: 0, crashes: 0, reloads: 0, rotations: 0 };
  let before: Census | undefined;
  while (!enough(total.submits)) {
    const log = `${folder}/kernel.log`;
    const kernel = await open(folder, log, options);
    let done = 0;
    const call = async () => {
      while (done < lap && !enough(total.submits)) {
        const i = total.submits++;
        done++;
        if (i % RELOAD_EVERY === RELOAD_EVERY - 1) {
          await kernel.reload(policy(folder, i));
          total.reloads++;
        }
        const kind = kindOf(i);
        const { status, code, error } = await kernel.submit(kind.request(folder, i));
        if (code === "PROVIDER_CRASHED") total.crashes++;
        if (!kind.ends.includes(status)) {
          problems.push(`Submit ${i} ended as ${status} (${code}): ${error}`);
        }
        if (i % SAMPLE_EVERY === 0) {
          const { heapUsed, rss } = settledMemory();
          heap.push(heapUsed);
          resident.push(rss);
        }
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, call));
    await kernel.close();
    total.laps++;
    const segments = segmentsOf(log).length;
    total.rotations += segments;
    problems.push(...await checkLog(log, done));
    // The first lap is for what is opened once and stays.
    let held = await census();
    // A thread that was told to end needs a processor for it; what is leaked stays, however often one looks.
    for (let i = 0; i < RECOUNTS && leaks(before, held).length > 0; i++) held = await census();
    problems.push(...leaks(before, held));
    before ??= held;
    onLap(
      `lap ${total.laps}: ${done} submits on record in ${segments + 1} files, ` +
        `${held?.files ?? "?"} open files, ${held?.workers ?? "?"} Workers, ` +
        `${Math.round(Deno.memoryUsage().rss / 1e6)} MB resident`,
    );
    removeLog(folder);
  }
  return { ...total, ...memory(heap, resident, problems), problems };
}

function open(folder: string, logPath: string, { rotateBytes }: SoakOptions): Promise<Kernel> {
  return Kernel.open({
    policy: policy(folder, 0),
    providers: [new FilesystemProvider(), new FlakyProvider()],
    logPath,
    rotate: { bytes: rotateBytes ?? 8 * 1024 * 1024 },
    onWarning: () => {},
  });
}

/** Each differs from the one before, and decides the mix alike. */
function policy(folder: string, i: number): object {
  return {
    capabilities: [
      { action: "fs.read", resource: `${folder}/data/**` },
      { action: "fs.write", resource: `${folder}/out/**` },
      { action: "flaky.*", resource: "**" },
    ],
    deny: [{ action: "fs.read", resource: `${folder}/data/secret-${i}/**` }],
  };
}

function kindOf(i: number): typeof MIX[number] {
  let place = (i * STRIDE) % TOTAL;
  return MIX.find(({ weight }) => (place -= weight) < 0) as typeof MIX[number];
}

/** With `--expose-gc` only what is held counts; without, garbage does, too, and troughs are looked at. */
function settledMemory(): Deno.MemoryUsage {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage();
}

async function checkLog(log: string, submits: number): Promise<string[]> {
  const { ok, records, problem } = await verifyAuditLog(log);
  if (!ok) return [`The log does not verify: line ${problem?.line} ${problem?.reason}`];
  if (records === submits) return [];
  return [`${submits} submits left ${records} records`];
}

function leaks(before: Census | undefined, now: Census | undefined): string[] {
  if (now === undefined) return [];
  const problems: string[] = [];
  if (now.workers > 0) problems.push(`${now.workers} Workers are left after the kernel was closed`);
  if (before !== undefined && now.files > before.files) {
    problems.push(`${now.files} files are open after a lap, ${before.files} were before`);
  }
  return problems;
}

function memory(
  heap: readonly number[],
  resident: readonly number[],
  problems: string[],
): Pick<SoakReport, "heap" | "resident"> {
  if (heap.length < LEAST_SAMPLES) return { heap: undefined, resident: undefined };
  const found = { heap: growthOf(heap), resident: growthOf(resident, RESIDENT) };
  for (const [name, { grows, rise, level }] of Object.entries(found)) {
    if (!grows) continue;
    problems.push(`The ${name} memory grows: by ${megabytes(rise)} at ${megabytes(level)}`);
  }
  return found;
}

/** Bytes for people. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function removeLog(folder: string): void {
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.startsWith("kernel.log")) Deno.removeSync(`${folder}/${name}`, { recursive: true });
  }
}
