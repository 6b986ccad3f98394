/**
 * `agent-kernel limits`: what is used of limits.
 *
 * @module
 */
import { resolve } from "@std/path";
import { AuditLogBusyError } from "../core/record/audit_log_error.ts";
import { resetOptions, RESETTER } from "../limit_resets.ts";
import { askReset, type LedgerContent, readLedger } from "../limits/ledger_file.ts";
import { limitRows, shownRow } from "../limits/limit_rows.ts";
import { RESET_ACTION } from "../limits/verify.ts";
import { Kernel } from "../open.ts";
import type { KernelOptions } from "../options.ts";
import { resolveOptions } from "../resolve.ts";
import {
  type Command,
  type CommandOption,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  required,
  UsageError,
  type Values,
} from "./command.ts";
import { launch } from "./launch.ts";
import { tableOf } from "./limits_table.ts";
import { verifyLedger } from "./limits_verify.ts";
import { ledgerFolder, resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { complain, escape, escapedJson, print, wantsJson } from "./terminal.ts";

/** Shows, resets and checks the ledger of limits. */
export const COMMAND: Command = {
  usage: "[reset --limit ID | verify] [--policy FILE] [--log-path FILE] [--agent NAME]",
  details:
    `What is used of each limit, what is left, and when it renews; with --policy also the limits of which
nothing is used. reset: begins to count anew, for all agents; it is an action, kernel.limits.reset, allowed
by a policy of this command and recorded like any other; while a kernel has the log open, it is that
kernel which does so before its next decision. verify: recomputes the ledger from the log and names what
differs, exit code 1 if anything does; --log-path once for each log of a ledger that is shared.`,
  options: {
    ...POLICY_OPTIONS,
    "log-path": {
      type: "string",
      multiple: true,
      value: "FILE",
      help: "the audit log (default: kernel.log); for verify repeatable",
    },
    limit: { type: "string", value: "ID", help: "for reset: which one, like pay.calls" },
    agent: { type: "string", value: "NAME", help: "only what this agent uses" },
    json: { type: "boolean", help: "JSON lines also on a terminal" },
    verbose: { type: "boolean", help: "for reset: print the permissions of the second process" },
  } satisfies Record<string, CommandOption>,
  async run(invocation: Invocation): Promise<number> {
    const { positionals: [verb = "show", ...more] } = invocation;
    noPositionals(more);
    const logs = logPaths(invocation.values);
    const values: Values = { ...invocation.values, "log-path": logs[0] };
    if (logs.length > 1 && verb !== "verify") {
      throw new UsageError("--log-path is repeatable for verify only");
    }
    if ((values["limit"] !== undefined) !== (verb === "reset")) {
      throw new UsageError("--limit goes with reset, and reset with --limit");
    }
    const folder = ledgerFolder(values);
    switch (verb) {
      case "show":
        return await show(folder, values);
      case "verify":
        return await verifyLedger(folder, logs, values);
      case "reset":
        return await reset(folder, { ...invocation, values });
      default:
        throw new UsageError(
          `"limits ${verb}" is not a form of this command, expected reset or verify`,
        );
    }
  },
};

function logPaths(values: Values): readonly [string, ...string[]] {
  const [first = "kernel.log", ...more] = values["log-path"] as string[] | undefined ?? [];
  return [first, ...more];
}

async function show(folder: string, values: Values): Promise<number> {
  const policy = values["policy"] === undefined
    ? undefined
    : (await resolvedOptions(values)).policy;
  const content = readLedger(folder, Date.now());
  if (content === undefined && policy === undefined) {
    complain(`agent-kernel limits: there is no ledger "${escape(folder)}"`);
    return EXIT.FAILED;
  }
  const agent = optional(values, "agent");
  const rows = limitRows(content?.usage ?? [], { limits: policy?.limits, agent });
  if (wantsJson(values)) { for (const row of rows) print(escapedJson(shownRow(row))); }
  else for (const line of tableOf(rows)) print(line);
  const abandoned = content?.reservations.filter(({ abandoned }) => abandoned).length ?? 0;
  if (abandoned > 0) {
    complain(
      `note: ${abandoned} actions were under way when a process ended; what they had reserved stays charged`,
    );
  }
  return EXIT.OK;
}

async function reset(
  folder: string,
  { values, args, underPolicy }: Invocation,
): Promise<number> {
  const limit = required(values, "limit");
  const content = readLedger(folder, Date.now());
  if (!countedLimits(content).has(limit)) {
    const known = Array.from(countedLimits(content), escape).join(", ");
    complain(
      `agent-kernel limits: nothing is counted for "${escape(limit)}" in ${
        escape(folder)
      }, expected ${known === "" ? "a limit of which something is used" : `one of ${known}`}`,
    );
    return EXIT.FAILED;
  }
  const key = optional(values, "checkpoint-key");
  const options: KernelOptions = {
    ...resetOptions((limit) => resetIn(folder, limit), [folder]),
    logPath: resolve(optional(values, "log-path") ?? "kernel.log"),
    ...(key === undefined ? {} : { checkpoints: { key: resolve(key) } }),
  };
  if (!underPolicy) {
    return await launch(resolveOptions(options), args, { verbose: values["verbose"] === true });
  }
  const agent = optional(values, "agent");
  if (agent !== undefined) throw new UsageError("--agent does not go with reset: it is for all");
  let opened: Kernel;
  try {
    opened = await Kernel.open({
      ...options,
      // That the ledger is changed by this process is what the command is for.
      onWarning: (line) => line.includes(`"${RESETTER}" runs in`) || complain(escape(line)),
    });
  } catch (error) {
    if (!(error instanceof AuditLogBusyError)) throw error;
    askReset(folder, limit);
    print(
      `${escape(limit)}: a kernel has the log open; the first one that counts in ${
        escape(folder)
      } begins to count anew, and records it, before it decides the next request with limits`,
    );
    return EXIT.OK;
  }
  await using kernel = opened;
  const { status, error } = await kernel.submit({ action: RESET_ACTION, target: limit });
  if (status === "OK") print(`${escape(limit)}: begins to count anew`);
  else complain(`agent-kernel limits: ${escape(error ?? "")}`);
  return status === "OK" ? EXIT.OK : EXIT.FAILED;
}

/** The ids of all limits that the ledger counts. */
function countedLimits(content: LedgerContent | undefined): ReadonlySet<string> {
  const { usage = [], reservations = [] } = content ?? {};
  const charges = reservations.flatMap(({ charges }) => charges);
  return new Set([...usage, ...charges].map(({ limit }) => limit));
}

/** Sets the counters of a limit to nothing. */
async function resetIn(folder: string, limit: string): Promise<void> {
  const { SqliteLimitStore } = await import("../limits/sqlite_store.ts");
  const store = new SqliteLimitStore(folder);
  try {
    store.reset(limit);
  } finally {
    store.close();
  }
}

if (import.meta.main) await actAs("limits", COMMAND);
