/**
 * `agent-kernel replay`: what a policy would have decided on the records of the past.
 *
 * @module
 */
import { recordBatches } from "../log/record_batches.ts";
import { type ChangedGroup, Replay, type ReplaySummary } from "../policy_tools/replay.ts";
import { type Command, EXIT, type Invocation, UsageError } from "./command.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { Progress } from "./progress.ts";
import { columns } from "./table.ts";
import { colour, complain, escape, escapedJson, print } from "./terminal.ts";
import { localTime } from "./time.ts";

/** Decides the past by another policy. */
export const COMMAND: Command = {
  usage: "--policy FILE LOG...",
  details:
    `Decides each request of the logs by the rules of the policy and shows the verdicts that would be others,
by rule. Limits and answers of people are not played again. Exit code 0 if no verdict changes, 1 if one does or
cannot be told, because it depends on what is not in the log: params, which are there with --log-params, or
logParams: "redacted" of Kernel.open; or what a session knew. Hashes are not checked: "log verify" does that.`,
  options: { ...POLICY_OPTIONS, json: { type: "boolean", help: "as JSON" } },
  async run({ values, positionals }: Invocation): Promise<number> {
    if (positionals.length === 0) throw new UsageError("expected a log");
    if (values["policy"] === undefined) throw new UsageError("--policy is missing");
    const { policy: read } = await resolvedOptions(values);
    const { tried = { ...read, policy: read } } = read;
    const replay = new Replay(tried);
    let damaged = 0;
    {
      using progress = new Progress("records decided");
      for (const log of positionals) {
        for await (const batch of recordBatches(log)) {
          damaged += batch.damaged;
          for (const record of batch.records) {
            progress.step();
            replay.observe(record);
          }
        }
      }
    }
    const summary = replay.summary();
    if (values["json"] === true) print(escapedJson({ ...summary, damaged }));
    else for (const line of asTable(summary)) print(line);
    if (damaged > 0) complain(`agent-kernel: ${damaged} damaged lines; "log verify" says which`);
    const same = summary.changed + summary.unknown + summary.redacted + damaged === 0;
    return same ? EXIT.OK : EXIT.FAILED;
  },
};

const TITLES = { allow: "allowed", deny: "denied", approve: "asked", unknown: "unknown" } as const;
const COLOURS = { allow: "red", deny: "yellow", approve: "yellow", unknown: "dim" } as const;

function asTable(summary: ReplaySummary): string[] {
  const { requests, changed, unknown, redacted, groups, ungrouped } = summary;
  return [
    `${changed} of ${requests} verdicts would change`,
    ...groups.length === 0 ? [] : columns([
      ["now", "was", "rule", "action", "count", "first", "last", "example"],
      ...groups.map(row),
    ], { right: [4] }),
    ...ungrouped === 0 ? [] : [`and ${ungrouped} more`],
    ...unknown === 0 ? [] : [
      `${unknown} cannot be told: they depend on params that are not in the log (see --log-params), or on what a session knew`,
    ],
    ...redacted === 0 ? [] : [`${redacted} cannot be told: a part of their target was redacted`],
  ];
}

function row({ from, to, rule, action, count, first, last, example }: ChangedGroup): string[] {
  return [
    colour(TITLES[to], COLOURS[to]),
    TITLES[from],
    rule === undefined ? "(none)" : escape(rule),
    escape(action),
    `${count}`,
    escape(localTime(first)),
    escape(localTime(last)),
    escape(example),
  ];
}
