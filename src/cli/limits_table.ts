/**
 * What is used of limits, as a table.
 *
 * @module
 */
import { formatDecimal } from "../limits/decimal.ts";
import type { LimitRow } from "../limits/limit_rows.ts";
import { columns } from "./table.ts";
import { colour, escape, terminalWidth } from "./terminal.ts";
import { localTime } from "./time.ts";

/** The rows for a person. */
export function tableOf(rows: readonly LimitRow[]): string[] {
  if (rows.length === 0) return ["nothing is used of any limit"];
  const cells = rows.map(({ limit, agent, used, left, window, renews }) => [
    escape(limit),
    escape(agent ?? "-"),
    formatDecimal(used),
    formatDecimal(left),
    renews === undefined ? escape(window ?? "") : localTime(renews),
  ]);
  const [head = "", ...lines] = columns([["limit", "agent", "used", "left", "renews"], ...cells], {
    right: [2, 3],
    width: terminalWidth(),
  });
  return [colour(head, "dim"), ...lines];
}
