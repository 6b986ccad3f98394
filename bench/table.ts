/**
 * Measurements as a table for people.
 *
 * @module
 */
import { median } from "./statistics.ts";
import type { Measurement } from "./workload.ts";

const HEADER = ["workload", "per second", "p50 ms", "p99 ms", "without", "×", "from … to"];

/** What the re-creation in Python gave, by the name of its workload. */
export type Originals = Readonly<Record<string, Measurement>>;

/**
 * A table in Markdown, with a line for each group before its workloads. "without" is the same without the
 * kernel: the re-creation of the original in Python, or what the provider uses by itself.
 */
export function table(measurements: readonly Measurement[], originals: Originals): string {
  const rows: string[][] = [HEADER];
  for (const [group, members] of Map.groupBy(measurements, ({ group }) => group)) {
    rows.push([`**${group}**`, "", "", "", "", "", ""]);
    rows.push(...members.map((one) => rowOf(one, originals)));
  }
  const widths = HEADER.map((_, i) => Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)
    );
    return `| ${cells.join(" | ")} |`;
  });
  const rule = `| ${
    widths.map((width, i) => "-".repeat(width - 1) + (i === 0 ? "-" : ":")).join(" | ")
  } |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function rowOf(measurement: Measurement, originals: Originals): string[] {
  const { name, unit, samples, quantiles, original, bare } = measurement;
  const value = median(samples);
  if (quantiles === undefined) return [name, `${figure(value)} ${unit}`, "", "", "", "", ""];
  const theirs = bare ?? (original === undefined ? undefined : originals[original]?.samples);
  const shown = unit === "ops" ? figure(value) : `${figure(value)} ${unit}`;
  const { ratios = [] } = measurement;
  const compared = theirs === undefined ? ["", "", ""] : [
    figure(median(theirs)),
    median(ratios).toFixed(2),
    `${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)}`,
  ];
  return [name, shown, figure(quantiles.p50), figure(quantiles.p99), ...compared];
}

/** Three digits that count, or all of them before the point. */
function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}
