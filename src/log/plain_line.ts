/**
 * Lines of a log that can be read by their bytes alone.
 *
 * @module
 */
import { RECORD_STATUSES, type RecordStatus } from "../core/action.ts";
import { FIELDS, type RecordField } from "../core/record/record.ts";

/** What the chain and the filters need to know of a line. */
export interface PlainLine {
  readonly seq: number;
  readonly status: RecordStatus;
  readonly prev: string;
  readonly hash: string;
}

/** The end of each record is of one length: `,"prev":"…","hash":"…"}`, each with 64 digits. */
const CHAIN_LENGTH = 149;
/** Where `prev` begins in it. */
const PREV_AT = 9;
/** Where `hash` begins in it. */
const HASH_AT = 83;
/** Length of each of the two, in hexadecimal digits. */
const DIGEST_LENGTH = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const DOT = 0x2e;
const ZERO = 0x30;
/** Whole numbers of so many digits are exact in a JavaScript number. */
const EXACT_DIGITS = 15;

/** Printable ASCII that stands for itself in a JSON text. */
const PLAIN = table((byte) => byte >= 0x20 && byte <= 0x7e && byte !== QUOTE && byte !== BACKSLASH);
/** The hexadecimal digits, in lower case. */
const HEX = table((byte) => /[0-9a-f]/.test(String.fromCharCode(byte)));

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const NULL = encoder.encode("null");
const BEFORE_PREV = encoder.encode(',"prev":"');
const BEFORE_HASH = encoder.encode('","hash":"');
const END = encoder.encode('"}');
const STATUSES = RECORD_STATUSES.map((status) => ({ status, bytes: encoder.encode(`${status}"`) }));

/** A field before the chain, with the bytes that lead to its value. */
interface Step extends Pick<RecordField, "type"> {
  readonly optional: boolean;
  readonly lead: Uint8Array;
}

/** In the order of the line; `prev` and `hash` are the chain. */
const STEPS = FIELDS.slice(0, -2).map(({ name, type, optional }: RecordField, i): Step => ({
  type,
  optional: optional === true,
  lead: encoder.encode(`${i === 0 ? "{" : ","}"${name}":`),
}));

/**
 * Reads a line as the kernel writes most of them: all fields in their order, nothing in between, texts
 * of printable ASCII characters without escapes. It takes a fraction of the time of the parser.
 *
 * INVARIANT: it knows only lines that `parseRecord` takes too, if their own hash fits; that is not
 * looked at here. Whatever else there is, is for the parser to judge.
 *
 * @param line Without the line feed.
 * @param end What it ends with, as text: at least as much as the chain.
 * @returns `undefined` if the line is any other.
 */
export function plainLine(line: Uint8Array, end: string): PlainLine | undefined {
  const chain = line.length - CHAIN_LENGTH;
  if (!isChain(line, chain)) return undefined;
  let at = 0;
  let seq = -1;
  let status: RecordStatus | undefined;
  // The loop runs for each field of millions of records: no iterator, no destructuring.
  for (let i = 0; i < STEPS.length; i++) {
    const step = STEPS[i] as Step;
    if (!isAt(line, at, step.lead)) {
      if (step.optional) continue;
      return undefined;
    }
    const start = at + step.lead.length;
    switch (step.type) {
      case "text":
        at = afterText(line, start);
        break;
      case "status":
        at = afterText(line, start);
        status = statusAt(line, start);
        break;
      case "text or null":
        at = line[start] === QUOTE ? afterText(line, start) : afterNull(line, start);
        break;
      case "number":
        at = afterNumber(line, start);
        break;
      case "whole number":
        at = afterDigits(line, start);
        seq = at - start > EXACT_DIGITS ? -1 : valueOf(line, start, at);
        break;
      case "object":
        // The last field before the chain.
        at = isObject(line, start, chain) ? chain : -1;
        break;
      default:
        return undefined;
    }
    if (at === -1) return undefined;
  }
  if (at !== chain || seq === -1 || status === undefined) return undefined;
  const prev = end.length - CHAIN_LENGTH + PREV_AT;
  const hash = end.length - CHAIN_LENGTH + HASH_AT;
  return {
    seq,
    status,
    prev: end.slice(prev, prev + DIGEST_LENGTH),
    hash: end.slice(hash, hash + DIGEST_LENGTH),
  };
}

/** 1 for each byte for which it holds. */
function table(holds: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Number(holds(byte)));
}

function isAt(line: Uint8Array, at: number, bytes: Uint8Array): boolean {
  // Outside of the line there is `undefined`, which no byte equals.
  for (let i = 0; i < bytes.length; i++) if (line[at + i] !== bytes[i]) return false;
  return true;
}

function isChain(line: Uint8Array, at: number): boolean {
  return isAt(line, at, BEFORE_PREV) && isDigest(line, at + PREV_AT) &&
    isAt(line, at + HASH_AT - BEFORE_HASH.length, BEFORE_HASH) && isDigest(line, at + HASH_AT) &&
    isAt(line, at + CHAIN_LENGTH - END.length, END);
}

function isDigest(line: Uint8Array, start: number): boolean {
  let at = start;
  while (HEX[line[at] as number] === 1) at++;
  return at === start + DIGEST_LENGTH;
}

/** Where the text ends that starts here, behind its quotation mark; -1 if it is none, or not plain. */
function afterText(line: Uint8Array, start: number): number {
  if (line[start] !== QUOTE) return -1;
  let at = start + 1;
  while (PLAIN[line[at] as number] === 1) at++;
  return line[at] === QUOTE ? at + 1 : -1;
}

function afterNull(line: Uint8Array, start: number): number {
  return isAt(line, start, NULL) ? start + NULL.length : -1;
}

/** Behind `0`, or digits of which the first is no zero (RFC 8259, section 6). */
function afterDigits(line: Uint8Array, start: number): number {
  const at = skipDigits(line, start);
  return at === start || (line[start] === ZERO && at > start + 1) ? -1 : at;
}

/** Behind digits that may have a fraction; a sign or an exponent is for the parser. */
function afterNumber(line: Uint8Array, start: number): number {
  const at = afterDigits(line, start);
  if (at === -1 || line[at] !== DOT) return at;
  const end = skipDigits(line, at + 1);
  return end === at + 1 ? -1 : end;
}

function skipDigits(line: Uint8Array, start: number): number {
  let at = start;
  while (at < line.length && isDigit(line[at] as number)) at++;
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}

function valueOf(line: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (line[at] as number) - ZERO;
  return value;
}

function statusAt(line: Uint8Array, start: number): RecordStatus | undefined {
  for (let i = 0; i < STATUSES.length; i++) {
    const one = STATUSES[i];
    if (one !== undefined && isAt(line, start + 1, one.bytes)) return one.status;
  }
  return undefined;
}

/** Whether a JSON object lies between these two places, and nothing else. */
function isObject(line: Uint8Array, start: number, end: number): boolean {
  if (line[start] !== 0x7b || line[end] !== COMMA) return false;
  try {
    // INVARIANT: one value that begins with a brace; so what follows it is not part of it.
    JSON.parse(decoder.decode(line.subarray(start, end)));
    return true;
  } catch {
    return false; // Not UTF-8, or not JSON: the parser says which.
  }
}
