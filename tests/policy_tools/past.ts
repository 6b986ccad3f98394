/**
 * Records of a past that never was, for tests.
 *
 * @module
 */
import { canonicalJson } from "../../src/core/json.ts";
import type { AuditRecord, RecordBody } from "../../src/core/record/record.ts";
import { GENESIS, seal } from "../../src/core/record/record.ts";
import { sha256 } from "../../src/core/request.ts";

/** What a record is to say. */
export interface PastRow {
  readonly action: string;
  readonly target: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Whether its params are in the log. @default true */
  readonly logged?: boolean;
  readonly agent?: string;
  /** @default done */
  readonly code?: string;
  readonly stages?: Readonly<Record<string, unknown>>;
}

/** The records, and the text of their log. */
export function pastLog(rows: readonly PastRow[]): { records: AuditRecord[]; text: string } {
  let prev = GENESIS;
  const lines = rows.map(
    ({ action, target, params = {}, logged = true, agent, code, stages }, i) => {
      const body: RecordBody = {
        timestamp: new Date(1_700_000_000_000 + i * 1000).toISOString(),
        action,
        target,
        status: code === undefined ? "OK" : "DENIED",
        ...code === undefined ? {} : { code },
        ...agent === undefined ? {} : { agent },
        policy: "0".repeat(64),
        params: sha256(canonicalJson(params)),
        ...logged ? { params_values: params } : {},
        ...stages === undefined ? {} : { stages },
      };
      const { line, hash } = seal(body, i, prev);
      prev = hash;
      return line;
    },
  );
  return { records: lines.map((line) => JSON.parse(line)), text: lines.join("") };
}
