/**
 * `agent-kernel snapshots`: the actions that can be undone.
 *
 * @module
 */
import { SnapshotStore } from "../reversible/store.ts";
import type { SavedAction } from "../reversible/strategy.ts";
import { type Command, EXIT, type Invocation, noPositionals } from "./command.ts";
import { SNAPSHOT_OPTIONS, snapshotFolder } from "./snapshot_options.ts";
import { columns } from "./table.ts";
import { complain, escape, escapedJson, print, terminalWidth, wantsJson } from "./terminal.ts";
import { localTime } from "./time.ts";

/** Lists the actions that can be undone, and those that cannot any more. */
export const COMMAND: Command = {
  usage: "[--snapshots DIR] [--log-path FILE]",
  details:
    `A table on a terminal, JSON lines otherwise; the oldest first. pending: it is not known how the
action ended, because a process died; it can be rolled back like one that is done.`,
  options: {
    "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
    ...SNAPSHOT_OPTIONS,
    json: { type: "boolean", help: "JSON lines also on a terminal" },
  },
  run({ values, positionals }: Invocation): Promise<number> {
    noPositionals(positionals);
    const folder = snapshotFolder(values);
    const saved = SnapshotStore.list(folder);
    if (saved === undefined) {
      complain(`agent-kernel snapshots: there is no snapshot store "${escape(folder)}"`);
      return Promise.resolve(EXIT.FAILED);
    }
    if (wantsJson(values)) { for (const one of saved) print(escapedJson(shown(one))); }
    else {for (const line of columns(saved.map(row), { width: terminalWidth(), fixed: FIXED })) {
        print(line);
      }}
    return Promise.resolve(EXIT.OK);
  },
};

function shown({ recordId, at, expires, state, action, target, agent }: SavedAction): object {
  return { record_id: recordId, at, expires, state, action, target, agent };
}

/** Record, time, state and action: with a part of them nothing can be done. */
const FIXED = [0, 1, 2, 3];

function row({ recordId, at, state, action, target, agent }: SavedAction): string[] {
  const who = agent === undefined ? "" : `by ${agent}`;
  return [recordId, localTime(at), state, action, target, who].map(escape);
}
