/**
 * `agent-kernel limits verify`: whether the ledger of limits and the audit log say the same.
 *
 * @module
 */
import { readLedger } from "../limits/ledger_file.ts";
import { type Difference, LedgerCheck, type LedgerFindings } from "../limits/verify.ts";
import { readAuditLog } from "../log/reader.ts";
import { EXIT, type Values } from "./command.ts";
import { aboutFile } from "./run_command.ts";
import { Progress } from "./progress.ts";
import { colour, escape, escapedJson, print } from "./terminal.ts";

/**
 * `limits verify`: recomputes a ledger from logs, and names what differs.
 *
 * @param folder Of the ledger; one that is not there says that nothing is used.
 * @param logs Paths of all logs of kernels that share it.
 * @returns The exit code: 1 if anything differs, or lines of a log are damaged.
 */
export async function verifyLedger(
  folder: string,
  logs: readonly string[],
  values: Values,
): Promise<number> {
  const at = Date.now();
  const content = readLedger(folder, at) ?? { latest: 0, usage: [], reservations: [] };
  const check = new LedgerCheck(content, at);
  {
    using progress = new Progress("records read");
    for (const log of logs) {
      await aboutFile(log, async () => {
        for await (const line of readAuditLog(log)) {
          progress.step();
          check.observeReset(line, log);
        }
      });
    }
    for (const log of logs) {
      for await (const line of readAuditLog(log)) {
        progress.step();
        check.observe(line, log);
      }
    }
  }
  const found = check.findings();
  const ok = found.differences.length === 0 && found.damaged === 0;
  if (values["json"] === true) print(escapedJson({ ok, ledger: folder, logs, ...found }));
  else for (const line of outcome(found)) print(line);
  return ok ? EXIT.OK : EXIT.FAILED;
}

function outcome({ differences, agreed, records, damaged }: LedgerFindings): string[] {
  return [
    ...(damaged === 0
      ? []
      : [`${colour("BROKEN", "red")}: ${damaged} lines of the log are damaged, see "log verify"`]),
    ...differences.map((one) => `${colour("DIFFERS", "red")}: ${sentence(one)}`),
    ...(differences.length + damaged === 0
      ? [
        `${
          colour("OK", "green")
        }: ${agreed} counters agree with the ${records} records that charge something`,
      ]
      : []),
  ];
}

function sentence({ limit, who, window, ledger, log: [least, most] }: Difference): string {
  const whose = who === "" ? "" : ` of ${escape(who)}`;
  const recorded = least === most
    ? least
    : `${least} ${most === undefined ? "or more" : `to ${most}`}`;
  return `${escape(limit)}${whose} in ${
    escape(window)
  }: the ledger says ${ledger}, the log ${recorded}`;
}
