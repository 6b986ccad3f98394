/**
 * Decisions under the same policies by this kernel and by its peers, in turns within one run.
 *
 *     deno task bench:peers
 */
import { cpus, loadavg } from "node:os";
import { median } from "../statistics.ts";
import { type Decider, type Request, SYSTEMS } from "./systems.ts";

const SIZES = [5, 100, 1_000, 10_000];
const ROUNDS = 9;
const WARMUP = 2;
/** How long a system is asked in a round, at least. */
const SLICE_MS = 40;

/** What is asked, and the verdict that everybody has to give. */
function questions(size: number): [Request, boolean][] {
  const read = (path: string) => ({ action: "fs.read", path });
  return [
    [read("/w/project-0/src/main.ts"), true],
    [read(`/w/project-${size >> 1}/a/b/c/d/e.txt`), true],
    [read(`/w/project-${size - 1}/.hidden`), true],
    [read(`/w/project-${size}/src/main.ts`), false],
    [read("/etc/passwd"), false],
    [read(`/w/project-${size - 1}x/src/main.ts`), false],
    [{ action: "fs.write", path: "/w/project-0/src/main.ts" }, false],
    [read("/w/project-1/notes/2026/january.md"), true],
  ];
}

/** Decisions a second. */
function rate(decide: Decider, asked: readonly [Request, boolean][]): number {
  const start = performance.now();
  let count = 0;
  for (;;) {
    for (const [request, expected] of asked) {
      if (decide(request) !== expected) throw new Error("A verdict changed");
      count++;
    }
    const ms = performance.now() - start;
    if (ms >= SLICE_MS) return count / ms * 1000;
  }
}

/** A system under a policy of some size. */
interface Contestant {
  readonly system: string;
  readonly size: number;
  readonly decide: Decider;
  readonly asked: readonly [Request, boolean][];
  readonly rates: number[];
}

const contestants: Contestant[] = [];
for (const size of SIZES) {
  const folders = Array.from({ length: size }, (_, i) => `/w/project-${i}`);
  const asked = questions(size);
  for (const { name, prepare } of SYSTEMS) {
    const decide = await prepare(folders);
    for (const [request, expected] of asked) {
      if (decide(request) === expected) continue;
      throw new Error(`${name} at ${size} rules: ${JSON.stringify(request)} is not ${expected}`);
    }
    contestants.push({ system: name, size, decide, asked, rates: [] });
  }
}
// In turns, each round beginning with another; the first rounds warm up.
for (let round = -WARMUP; round < ROUNDS; round++) {
  contestants.push(...contestants.splice(0, SIZES.length));
  for (const { decide, asked, rates } of contestants) {
    const seen = rate(decide, asked);
    if (round >= 0) rates.push(seen);
  }
}

const rows = SYSTEMS.map(({ name }) => [
  name,
  ...SIZES.map((size) => {
    const found = contestants.find((one) => one.system === name && one.size === size);
    return Math.round(median(found?.rates ?? [])).toLocaleString("en-US");
  }),
]);
const header = [
  "decisions a second",
  ...SIZES.map((size) => `${size.toLocaleString("en-US")} rules`),
];
const widths = header.map((_, i) =>
  Math.max(...[header, ...rows].map((row) => row[i]?.length ?? 0))
);
const line = (row: string[]) =>
  `| ${
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))
      .join(" | ")
  } |`;
console.log(line(header));
console.log(
  `| ${widths.map((width, i) => "-".repeat(width - 1) + (i === 0 ? "-" : ":")).join(" | ")} |`,
);
for (const row of rows) console.log(line(row));
console.log(`\nAll gave the same verdicts on ${questions(0).length} requests at each size.`);
console.error(
  `${cpus()[0]?.model}, ${cpus().length} cores, load ${
    loadavg()[0]?.toFixed(2)
  }, Deno ${Deno.version.deno}`,
);
