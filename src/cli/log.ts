/**
 * `agent-kernel log`: showing, verifying and exporting an audit log.
 *
 * @module
 */
import { aboutFile } from "./run_command.ts";
import { RECORD_STATUSES, type RecordStatus } from "../core/action.ts";
import { readAuditLog, type RecordFilter } from "../log/reader.ts";
import { type CheckedVerification, verifyWithCheckpoints } from "../checkpoint/verification.ts";
import { type Verification, verifyAuditLog } from "../log/verifier.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  UsageError,
  type Values,
} from "./command.ts";
import { exportLog } from "./log_export.ts";
import { showLog } from "./log_show.ts";
import { showStatistics } from "./log_statistics.ts";
import { Progress } from "./progress.ts";
import { colour, complain, escape, escapedJson, print } from "./terminal.ts";
import { timeOf } from "./time.ts";

/** Shows, verifies, exports an audit log. */
export const COMMAND: Command = {
  usage: "[show | verify | export] [--log-path FILE] [filters]",
  details:
    `A table on a terminal, JSON lines otherwise; rotated segments are read too. "log verify" checks the
chain of hashes and names the first line that is not as it was written; with --key it also holds the
log against its signed checkpoints. "log export" prints it for other programs.`,
  options: {
    "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
    status: { type: "string", value: "STATUS", help: RECORD_STATUSES.join(", ") },
    action: { type: "string", value: "NAME", help: "an action, or a pattern like fs.*" },
    agent: { type: "string", value: "NAME", help: "who asked" },
    since: {
      type: "string",
      value: "TIME",
      help: "not before a time (2026-01-31T12:00:00Z) or an age (10m, 2h, 7d)",
    },
    until: { type: "string", value: "TIME", help: "before a time, or an age" },
    limit: {
      type: "string",
      value: "N",
      help: "the last N records only; what comes before them is not read",
    },
    follow: { type: "boolean", help: "go on with what is added" },
    stats: {
      type: "boolean",
      help: "counts per status, action, rule, agent; p50 and p99 of durations",
    },
    format: { type: "string", value: "FORM", help: "for export: csv (default) or otlp-json" },
    key: {
      type: "string",
      value: "FILE",
      help: "for verify: the verifier key (keygen's FILE.pub)",
    },
    checkpoint: {
      type: "string",
      value: "FILE",
      help: "for verify: the checkpoints, best a copy from elsewhere (default: FILE.checkpoints)",
    },
    json: { type: "boolean", help: "JSON lines also on a terminal" },
  },
  async run({ values, positionals }: Invocation): Promise<number> {
    const path = optional(values, "log-path") ?? "kernel.log";
    const [verb = "show", ...more] = positionals;
    noPositionals(more);
    if (verb === "export" || values["stats"] === true) refuse(values, ["limit", "follow"]);
    return await aboutFile(path, () => carryOut(verb, path, values));
  },
};

async function carryOut(verb: string, path: string, values: Values): Promise<number> {
  switch (verb) {
    case "verify":
      return await verify(path, values);
    case "export":
      return await exportLog(readAuditLog(path, filterOf(values)), values);
    case "show":
      return values["stats"] === true
        ? await showStatistics(readAuditLog(path, filterOf(values)), values)
        : await showLog(path, values, {
          filter: filterOf(values),
          limit: limitOf(values),
          follow: values["follow"] === true,
        });
    default:
      throw new UsageError(
        `"log ${verb}" is not a form of this command, expected verify or export`,
      );
  }
}

/** An option that would be overlooked is a mistake. */
function refuse(values: Values, options: readonly string[]): void {
  const given = options.find((option) => values[option] !== undefined);
  if (given !== undefined) throw new UsageError(`--${given} does not go with export or --stats`);
}

async function verify(path: string, values: Values): Promise<number> {
  const key = optional(values, "key");
  const file = optional(values, "checkpoint");
  if (file !== undefined && key === undefined) {
    throw new UsageError("--checkpoint needs --key: without a key anybody's checkpoints would do");
  }
  const found = await check(path, file, key);
  if (values["json"] === true) print(escapedJson({ path, ...found }));
  else for (const line of outcome(found)) print(line);
  if (key === undefined && isThere(`${path}.checkpoints`)) {
    complain(
      `note: ${
        escape(path)
      }.checkpoints is there and was not looked at: a chain alone can be made anew by whoever can write the log; give --key, the verifier key`,
    );
  }
  return found.ok ? EXIT.OK : EXIT.FAILED;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Also one that may not be looked at: it is a hint only.
  }
}

async function check(
  path: string,
  checkpoints: string | undefined,
  key: string | undefined,
): Promise<Verification & Partial<CheckedVerification>> {
  if (key !== undefined) {
    return await verifyWithCheckpoints(path, checkpoints, Deno.readTextFileSync(key));
  }
  using progress = new Progress("records verified");
  return await verifyAuditLog(path, () => progress.step());
}

function outcome(found: Verification & Partial<CheckedVerification>): string[] {
  const { records, head, problem, checkpoints } = found;
  const broken = colour("BROKEN", "red");
  const chain = problem === undefined
    ? `${colour("OK", "green")}: ${records} records in order, head ${head}`
    : `${broken}: line ${problem.line} ${
      escape(problem.reason)
    }; ${records} records before it are in order`;
  if (checkpoints === undefined) return [chain];
  const { ok, fitting, covered, problems, notes } = checkpoints;
  return [
    chain,
    ...(ok
      ? [
        `${
          colour("OK", "green")
        }: checkpoints that fit: ${fitting}, the newest covers ${covered} records`,
      ]
      : []),
    ...problems.map(({ code, reason }) => `${broken}: ${escape(reason)} (${code})`),
    ...notes.map((note) => `note: ${escape(note)}`),
  ];
}

function limitOf(values: Values): number | undefined {
  const text = optional(values, "limit");
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--limit ${text} is not a whole number`);
  return Number(text);
}

function filterOf(values: Values): RecordFilter {
  const status = optional(values, "status")?.toUpperCase();
  if (status !== undefined && !RECORD_STATUSES.some((one) => one === status)) {
    throw new UsageError(
      `--status ${status} is unknown, expected one of ${RECORD_STATUSES.join(", ")}`,
    );
  }
  const action = optional(values, "action");
  const agent = optional(values, "agent");
  const since = optional(values, "since");
  const until = optional(values, "until");
  return {
    ...(status === undefined ? {} : { status: status as RecordStatus }),
    ...(action === undefined ? {} : { action }),
    ...(agent === undefined ? {} : { agent }),
    ...(since === undefined ? {} : { since: timeOf(since) }),
    ...(until === undefined ? {} : { until: timeOf(until) }),
  };
}
