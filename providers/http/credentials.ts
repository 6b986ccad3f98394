/**
 * Secrets in requests, and their redaction in everything that comes back.
 *
 * @module
 */
import { encodeBase64 } from "../filesystem/base64.ts";
import type { Credential } from "./config.ts";

/** Adds secrets to requests, and redacts them in everything that the agent sees. */
export class Credentials {
  /** Most characters of a secret in any spelling. */
  readonly reach: number;
  readonly #all: readonly Credential[];
  readonly #patterns: readonly { readonly name: string; readonly pattern: RegExp }[];

  constructor(all: readonly Credential[]) {
    this.#all = all;
    const strings = all.flatMap((one) =>
      stringsOf(one).flatMap(piecesOf).map((text) => ({ name: one.name, text }))
    );
    this.#patterns = strings.map(({ name, text }) => ({ name, pattern: patternOf(text) }));
    this.reach = Math.max(0, ...strings.map(({ text }) => text.length * MAX_SPELLING));
  }

  /** The headers that carry secrets to exactly this origin. */
  for(origin: string): Record<string, string> {
    const own = this.#all.filter(({ origins }) => origins.includes(origin));
    return Object.fromEntries(own.map(({ header, prefix, value }) => [header, prefix + value]));
  }

  /** Whether a header carries a secret to any host. */
  isCarrier(header: string): boolean {
    return this.#all.some((one) => one.header === header);
  }

  /** Whether a text contains a secret. */
  isIn(text: string): boolean {
    return this.redact(text) !== text;
  }

  /**
   * The text with secrets replaced.
   *
   * Only whole secrets are searched for. If the possible start of one were left out at the end, an agent
   * that chooses the end could find the secret out character by character.
   *
   * @param end Where the shown part of the text ends. Of a secret that lies across it nothing is shown.
   */
  redact(text: string, end = text.length): string {
    let redacted = "";
    let at = 0;
    let last = "";
    for (const { start, stop, name } of this.#found(text)) {
      if (start >= end) break;
      // Of two secrets that overlap, neither is shown.
      if (start < at) {
        at = Math.max(at, stop);
        continue;
      }
      redacted += text.slice(at, start);
      if (stop > end) return redacted;
      // The pieces of one long secret follow each other.
      if (start > at || name !== last) redacted += `[secret ${name}]`;
      at = stop;
      last = name;
    }
    return redacted + text.slice(at, Math.max(at, end));
  }

  /** All finds from left to right; of those at the same place the longest first. */
  #found(text: string): { start: number; stop: number; name: string }[] {
    return this.#patterns.flatMap(({ name, pattern }) =>
      Array.from(
        text.matchAll(pattern),
        ({ 0: found, index }) => ({ start: index, stop: index + found.length, name }),
      )
    ).sort((a, b) => a.start - b.start || b.stop - a.stop);
  }
}

/** The strings that are searched for. */
function stringsOf({ prefix, value }: Credential): string[] {
  const texts = [value];
  if (/^basic /i.test(prefix) || /^basic /i.test(value)) {
    // A server decodes it, and may send the decoded pair or the password.
    const pair = latin1(value.replace(/^basic /i, ""));
    texts.push(pair, pair.slice(pair.indexOf(":") + 1));
  }
  return Array.from(new Set(texts)).filter((text) => text.length >= 4);
}

/** Characters of a piece: a longer pattern could fail in the engine, and its error would show the secret. */
const PIECE = 256;

/** A long string in pieces, each of which is searched for. */
function piecesOf(text: string): string[] {
  const count = Math.max(1, Math.floor(text.length / PIECE));
  return Array.from(
    { length: count },
    (_, i) => text.slice(i * PIECE, i === count - 1 ? undefined : (i + 1) * PIECE),
  );
}

/** Most characters for one character in {@linkcode spellingsOf}, or in base64 with line breaks. */
const MAX_SPELLING = 16;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "amp",
  "<": "lt",
  ">": "gt",
  '"': "quot",
  "'": "apos",
};

/** A pattern for all spellings in which a server may send a string back. */
function patternOf(text: string): RegExp {
  const breaks = "(?:[\\r\\n]|\\\\[rn]){0,4}";
  return new RegExp(
    [
      Array.from(text, spellingsOf).join(""),
      Array.from(text, hex).join(""),
      ...base64Forms(text).map((form) => Array.from(form, literal).join(breaks)),
    ].join("|"),
    "gi",
  );
}

/**
 * A pattern for one character: itself, percent-encoded, escaped as in JSON or in source code, or as a
 * reference of HTML. Programs choose which characters they encode, so each has its own alternatives.
 */
function spellingsOf(char: string): string {
  const point = char.codePointAt(0) as number;
  const bytes = Array.from(new TextEncoder().encode(char), (byte) => `%${toHex(byte)}`).join("");
  const units = Array.from(
    { length: char.length },
    (_, i) => `\\\\u${toHex(char.charCodeAt(i), 4)}`,
  ).join("");
  const entity = ENTITIES[char];
  const forms = [
    bytes,
    units,
    `&#0{0,4}${point};`,
    `&#x0{0,4}${point.toString(16)};`,
    ...(entity === undefined ? [] : [`&${entity};`]),
    ...(/["'/\\]/.test(char) ? [`\\\\${literal(char)}`] : []),
    ...(char === " " ? ["\\+"] : []),
    // The shortest comes last: another form may begin with it.
    literal(char),
  ];
  return `(?:${forms.join("|")})`;
}

function literal(text: string): string {
  return text.replace(/[^A-Za-z0-9\u0080-\u{10ffff}]/gu, "\\$&");
}

/** The base64 of a string within that of a longer one, for each of the three offsets. */
function base64Forms(text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  return [0, 1, 2].flatMap((offset) => {
    const shifted = new Uint8Array(offset + bytes.length);
    shifted.set(bytes, offset);
    // Characters that also depend on what comes before or after are left out.
    const first = Math.ceil(offset * 8 / 6);
    const last = Math.floor((offset + bytes.length) * 8 / 6);
    const form = encodeBase64(shifted).slice(first, last);
    return form.length < 8 ? [] : [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function hex(char: string): string {
  return toHex(char.charCodeAt(0));
}

function toHex(number: number, digits = 2): string {
  return number.toString(16).padStart(digits, "0");
}

function latin1(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}
