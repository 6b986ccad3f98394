/**
 * `agent-kernel log --stats`: a log in numbers.
 *
 * @module
 */
import type { ReadLine } from "../log/reader.ts";
import { type ActionSummary, Statistics, type StatisticsSummary } from "../log/statistics.ts";
import { EXIT, type Values } from "./command.ts";
import { Progress } from "./progress.ts";
import { columns } from "./table.ts";
import {
  colour,
  escape,
  escapedJson,
  print,
  statusColour,
  terminalWidth,
  wantsJson,
} from "./terminal.ts";
import { localTime } from "./time.ts";

/**
 * `log --stats`: the log in numbers, as a table on a terminal, as JSON otherwise.
 *
 * @returns The exit code: 1 if there are damaged lines.
 */
export async function showStatistics(
  lines: AsyncIterable<ReadLine>,
  values: Values,
): Promise<number> {
  const statistics = new Statistics();
  {
    using progress = new Progress("records read");
    for await (const line of lines) {
      progress.step();
      statistics.observe(line);
    }
  }
  const summary = statistics.summary();
  if (wantsJson(values)) print(escapedJson(asJson(summary)));
  else for (const line of asTable(summary)) print(line);
  return summary.damaged > 0 ? EXIT.FAILED : EXIT.OK;
}

/** In snake_case, as the log is. */
function asJson({ actions, ...summary }: StatisticsSummary): unknown {
  return {
    ...summary,
    actions: actions.map(({ name, count, durationMs }) => ({
      name,
      count,
      ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
    })),
  };
}

/** The summary as lines for a person. */
export function asTable(summary: StatisticsSummary): string[] {
  const { records, damaged, folded, first, last, statuses, actions, rules, agents, shadow } =
    summary;
  const time = (timestamp: string) => escape(localTime(timestamp));
  const span = first === undefined ? "" : `, ${time(first)} to ${time(last ?? first)}`;
  return [
    `${records} records${span}`,
    ...(damaged === 0 ? [] : [`${colour("BROKEN", "red")}  ${damaged} damaged lines`]),
    ...(folded === undefined ? [] : [`${folded} refused submits more, which share a record`]),
    ...section(["status", "count"], statuses.map(({ name, count }) => [status(name), `${count}`])),
    ...section(["action", "count", "p50 ms", "p99 ms", "max ms"], actions.map(actionRow)),
    ...section(["rule", "count"], rules.map(({ name, count }) => [escape(name), `${count}`])),
    ...section(["agent", "count"], agents.map(({ name, count }) => [escape(name), `${count}`])),
    ...section(
      ["shadow mode let through", "count"],
      shadow.map(({ name, count }) => [escape(name), `${count}`]),
    ),
  ];
}

function actionRow({ name, count, durationMs }: ActionSummary): string[] {
  const { p50, p99, max } = durationMs ?? {};
  return [escape(name), `${count}`, ...[p50, p99, max].map(shownMs)];
}

/** To three digits: the quantiles are no more exact. */
function shownMs(ms: number | undefined): string {
  return ms === undefined ? "" : `${Number(ms.toPrecision(3))}`;
}

function status(name: string): string {
  return statusColour(escape(name));
}

/** An empty line, a head and its rows; nothing without rows. */
function section(head: readonly string[], rows: readonly string[][]): string[] {
  if (rows.length === 0) return [];
  const [first = "", ...lines] = columns([head, ...rows], {
    right: head.keys().filter((i) => i > 0).toArray(),
    width: terminalWidth(),
  });
  return ["", colour(first, "dim"), ...lines];
}
