/**
 * The audit record and its place in the chain.
 *
 * @module
 */
import { createHash, hash } from "node:crypto";
import type { RecordStatus } from "../action.ts";

/** `prev` of the first record. */
export const GENESIS = "0".repeat(64);

/**
 * What a record says, before it has its place in the chain.
 *
 * INVARIANT: in `timestamp`, `status`, `policy` and `params` there is nothing that JSON would escape.
 */
export interface RecordBody {
  /** When it was put on record: RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
  /** As in the request. */
  readonly action: string;
  /** The canonical target; for `INVALID`, what was given. */
  readonly target: string;
  /** How the submit ended. */
  readonly status: RecordStatus;
  /** What was refused or failed, and why. */
  readonly error?: string | undefined;
  /** From the dispatch to the provider's answer, in milliseconds. */
  readonly duration_ms?: number | undefined;
  /** By which another record refers to this one. */
  readonly record_id?: string | undefined;
  /** `record_id` of the action that this one was to undo. */
  readonly undoes?: string | undefined;
  /** Who asked. */
  readonly agent?: string | undefined;
  /** Id of the rule that decided. */
  readonly rule?: string | undefined;
  /** One of `CODES`, or the provider's own. */
  readonly code?: string | undefined;
  /** Digest of the policy that decided. */
  readonly policy: string;
  /** SHA-256 of the canonical JSON of the params as given; `null` if they are no JSON. */
  readonly params: string | null;
  /** The params themselves, secrets replaced; only if asked for. */
  readonly params_values?: unknown;
  /** SHA-256 of the canonical target, if a part of it was redacted. */
  readonly target_digest?: string | undefined;
  /** What stages put on record, by their names; secrets replaced. */
  readonly stages?: Readonly<Record<string, unknown>> | undefined;
}

/** One line of the audit log. The order of the fields is that of the line. */
export interface AuditRecord extends RecordBody {
  /** Number of the record in its log, from 0. */
  readonly seq: number;
  /** `hash` of the line before. */
  readonly prev: string;
  /** SHA-256 over the bytes of the line before `,"hash":`. */
  readonly hash: string;
}

/** A line of the log, ready to be written, and its hash. */
export interface SealedLine {
  /** With the line feed. */
  readonly line: string;
  readonly hash: string;
}

/**
 * Puts a record into the chain: one serialisation, one hash.
 *
 * The line is what `JSON.stringify` would make of an `AuditRecord` with its fields in order; written
 * field by field it costs a third.
 */
export function seal(body: RecordBody, seq: number, prev: string): SealedLine {
  const { error, duration_ms, record_id, undoes, agent, rule, code, params, params_values } = body;
  let json = `{"timestamp":"${body.timestamp}","action":${JSON.stringify(body.action)}` +
    `,"target":${JSON.stringify(body.target)},"status":"${body.status}"`;
  if (error !== undefined) json += `,"error":${JSON.stringify(error)}`;
  if (duration_ms !== undefined) json += `,"duration_ms":${duration_ms}`;
  if (record_id !== undefined) json += `,"record_id":${JSON.stringify(record_id)}`;
  if (undoes !== undefined) json += `,"undoes":${JSON.stringify(undoes)}`;
  json += `,"seq":${seq}`;
  if (agent !== undefined) json += `,"agent":${JSON.stringify(agent)}`;
  if (rule !== undefined) json += `,"rule":${JSON.stringify(rule)}`;
  if (code !== undefined) json += `,"code":${JSON.stringify(code)}`;
  json += `,"policy":"${body.policy}","params":${params === null ? "null" : `"${params}"`}`;
  if (params_values !== undefined) json += `,"params_values":${JSON.stringify(params_values)}`;
  if (body.target_digest !== undefined) {
    json += `,"target_digest":${JSON.stringify(body.target_digest)}`;
  }
  if (body.stages !== undefined) json += `,"stages":${JSON.stringify(body.stages)}`;
  json += `,"prev":"${prev}"`;
  const digest = hash("sha256", json);
  return { line: `${json},"hash":"${digest}"}\n`, hash: digest };
}

const TAIL = /^,"hash":"([0-9a-f]{64})"\}$/;
/** Length of `,"hash":"…"}`. */
const TAIL_LENGTH = 75;

/** What a line of the log turned out to be. */
export type OpenedLine =
  | { readonly ok: true; readonly record: AuditRecord }
  | { readonly ok: false; readonly reason: string };

/** Takes one line (without the line feed) apart and checks its own hash, but not its place. */
export function open(line: Uint8Array): OpenedLine {
  const split = line.length - TAIL_LENGTH;
  const tail = TAIL.exec(new TextDecoder().decode(line.subarray(Math.max(split, 0))));
  if (split < 0 || tail === null) return { ok: false, reason: "is not a record with a hash" };
  const digest = createHash("sha256").update(line.subarray(0, split)).digest("hex");
  if (digest !== tail[1]) {
    return { ok: false, reason: "was changed: its hash does not fit its content" };
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(line);
  } catch {
    return { ok: false, reason: "is not UTF-8" };
  }
  try {
    const record = JSON.parse(text);
    return isRecord(record)
      ? { ok: true, record }
      : { ok: false, reason: "lacks fields of a record" };
  } catch {
    return { ok: false, reason: "is not JSON" };
  }
}

const STATUSES = ["INVALID", "DENIED", "NO_PROVIDER", "FAILED", "OK", "INTERRUPTED"];

function isRecord(value: unknown): value is AuditRecord {
  if (value === null || typeof value !== "object") return false;
  const record = value as Readonly<Record<string, unknown>>;
  const texts = ["timestamp", "action", "target", "policy", "prev"];
  const optional = ["error", "record_id", "undoes", "agent", "rule", "code"];
  return texts.every((key) => typeof record[key] === "string") &&
    optional.every((key) => record[key] === undefined || typeof record[key] === "string") &&
    STATUSES.includes(record["status"] as string) &&
    (record["params"] === null || typeof record["params"] === "string") &&
    (record["duration_ms"] === undefined || typeof record["duration_ms"] === "number") &&
    Number.isSafeInteger(record["seq"]) && (record["seq"] as number) >= 0;
}
