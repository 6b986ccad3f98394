/**
 * The audit record: its fields, its line in the log, its place in the chain of hashes.
 *
 * @module
 */
import { hash } from "node:crypto";
import { RECORD_STATUSES, type RecordStatus } from "../action.ts";

/** `prev` of the first record. */
export const GENESIS = "0".repeat(64);

/** What a record says, before it has its place in the chain. */
export interface RecordBody {
  /** When the record was made, after the action: RFC 3339, UTC, milliseconds. */
  readonly timestamp: string;
  /** As in the request; of an `INVALID` request at most 1024 characters of it. */
  readonly action: string;
  /**
   * The canonical target; of a denied one as far as it was resolved; of an `INVALID` one as given, at
   * most 1024 characters; redacted.
   */
  readonly target: string;
  /** How the submit ended, see below. */
  readonly status: RecordStatus;
  /** Why it was refused or failed: the text that the caller got, redacted. */
  readonly error?: string | undefined;
  /** From the dispatch to the provider's answer, milliseconds; only if a provider was called. */
  readonly duration_ms?: number | undefined;
  /** UUID of an action that a provider was called for or that was permitted, or of a report. */
  readonly record_id?: string | undefined;
  /** `record_id` of the action that this one was to undo. */
  readonly undoes?: string | undefined;
  /** Of `DONE` and `UNREPORTED`: `record_id` of the record `PERMITTED`. */
  readonly permit?: string | undefined;
  /** Who asked, as the request says, redacted. The kernel does not authenticate it. */
  readonly agent?: string | undefined;
  /** Id of the rule that decided. */
  readonly rule?: string | undefined;
  /** Stable code: one of `CODES`, or the provider's own; missing with `OK`. */
  readonly code?: string | undefined;
  /** SHA-256 of the text of the policy that decided, or of its canonical JSON if it was an object. */
  readonly policy: string;
  /**
   * SHA-256 of the canonical JSON (RFC 8785) of the params as given, `{}` if there were none; `null` if
   * they are not JSON, and in records of the log itself.
   */
  readonly params: string | null;
  /** The params with their defaults, redacted; only with `logParams`: `"redacted"`, or `"denied"` if the status is that. */
  readonly params_values?: unknown;
  /** SHA-256 of the canonical target, if a part of it was redacted. */
  readonly target_digest?: string | undefined;
  /** What the stages put on record: one member for each stage, by its name. */
  readonly stages?: Readonly<Record<string, unknown>> | undefined;
}

/** One line of the audit log. */
export interface AuditRecord extends RecordBody {
  /** Number of the record in its log, from 0, over all segments. */
  readonly seq: number;
  /** `hash` of the record before, also across segments; 64 zeros in the first. */
  readonly prev: string;
  /** SHA-256 over the bytes of the line before `,"hash":`. */
  readonly hash: string;
}

/** The types of fields, and what a value has to be. */
const TYPES = {
  "text": (value: unknown) => typeof value === "string",
  "text or null": (value: unknown) => value === null || typeof value === "string",
  "number": (value: unknown) => typeof value === "number",
  "whole number": (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0,
  "status": (value: unknown) => RECORD_STATUSES.some((one) => one === value),
  "JSON": () => true,
  "object": (value: unknown) => Object(value) === value && !Array.isArray(value),
};

/** A field of the record. */
export interface RecordField {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  /** Whether it can be absent. */
  readonly optional?: true;
  /** Whether it is known before the action, and so part of its intent. */
  readonly intent?: true;
}

/**
 * INVARIANT: the only list of the fields. Line, parser, intent, the columns of an export and the table
 * in `docs/audit-log.md` follow from it. The order is that of the line, and the hash depends on it.
 */
export const FIELDS = [
  { name: "timestamp", type: "text", intent: true },
  { name: "action", type: "text", intent: true },
  { name: "target", type: "text", intent: true },
  { name: "status", type: "status" },
  { name: "error", type: "text", optional: true },
  { name: "duration_ms", type: "number", optional: true },
  { name: "record_id", type: "text", optional: true, intent: true },
  { name: "undoes", type: "text", optional: true, intent: true },
  { name: "permit", type: "text", optional: true },
  { name: "seq", type: "whole number" },
  { name: "agent", type: "text", optional: true, intent: true },
  { name: "rule", type: "text", optional: true, intent: true },
  { name: "code", type: "text", optional: true },
  { name: "policy", type: "text", intent: true },
  { name: "params", type: "text or null", intent: true },
  { name: "params_values", type: "JSON", optional: true },
  { name: "target_digest", type: "text", optional: true, intent: true },
  { name: "stages", type: "object", optional: true, intent: true },
  { name: "prev", type: "text" },
  { name: "hash", type: "text" },
] as const satisfies readonly (RecordField & { readonly name: keyof AuditRecord })[];

/** The fields that the hash covers. */
const LINE_FIELDS = FIELDS.filter(({ name }) => name !== "hash");
/** None of them, in their order: an object that begins with these has its own in that order too. */
const IN_ORDER = Object.fromEntries(LINE_FIELDS.map(({ name }) => [name, undefined]));

/** Whether a value has all of these fields, each of its type. What is no object has none. */
export function hasFields<T>(value: unknown, fields: readonly RecordField[]): value is T {
  const object = Object(value);
  return fields.every(({ name, type, optional }) =>
    (optional && object[name] === undefined) || TYPES[type](object[name])
  );
}

/** An object with these fields of another one, in the order of the list, and no others. */
export function pickFields<T>(values: T, fields: readonly { readonly name: string }[]): T {
  const picked: Record<string, unknown> = {};
  for (const { name } of fields) picked[name] = values[name as keyof T];
  return picked as T;
}

/** Control, bidirectional, zero-width and other characters that a reader of the line would not see. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{DI}]/gu;

/** JSON text in which characters that a reader would not see stand as `\uXXXX`; the same value. */
export function visibleJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Most lines are plain ASCII; that is found out at a tenth of the cost.
  if (/^[\x20-\x7e]*$/.test(json)) return json;
  const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(INVISIBLE, (character) => character.replace(/[^]/g, escapeUnit));
}

/**
 * Puts a record into the chain: one serialisation, one hash.
 *
 * @param body What it says.
 * @param seq Its number.
 * @param prev The hash of the record before.
 * @returns The line, with its line feed, and its hash.
 */
export function seal(body: RecordBody, seq: number, prev: string): { line: string; hash: string } {
  const json = visibleJson({ ...IN_ORDER, ...body, seq, prev }).slice(0, -1);
  const digest = hash("sha256", json);
  return { line: `${json},"hash":"${digest}"}\n`, hash: digest };
}

const TAIL = /^,"hash":"([0-9a-f]{64})"\}$/;
/** Length of `,"hash":"…"}`. */
const TAIL_LENGTH = 75;
const LENIENT = new TextDecoder();
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** What a line of the log is. */
export type ParsedRecord =
  | { readonly ok: true; readonly record: AuditRecord }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads one line and checks its own hash, but not its place in the chain.
 *
 * @param line Without the line feed.
 * @returns The record, or a reason that continues "the line …".
 */
export function parseRecord(line: Uint8Array): ParsedRecord {
  const split = Math.max(line.length - TAIL_LENGTH, 0);
  const tail = TAIL.exec(LENIENT.decode(line.subarray(split)));
  if (tail === null) return { ok: false, reason: "is not a record with a hash" };
  if (hash("sha256", line.subarray(0, split)) !== tail[1]) {
    return { ok: false, reason: "was changed: its hash does not fit its content" };
  }
  try {
    const record = JSON.parse(STRICT.decode(line));
    if (hasFields<AuditRecord>(record, FIELDS)) return { ok: true, record };
    return { ok: false, reason: "lacks fields of a record" };
  } catch (error) {
    // The decoder throws a TypeError, the parser a SyntaxError.
    return { ok: false, reason: error instanceof TypeError ? "is not UTF-8" : "is not JSON" };
  }
}
