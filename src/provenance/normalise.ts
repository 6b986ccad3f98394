/**
 * The forms in which values are compared: `as: email` and the like.
 *
 * Each kind brings both sides of a comparison into one form, by the standard that it names. What has no such
 * form is not compared at all. Nothing is split: `a@x.org, b@x.org` is no address.
 *
 * @module
 */
import { KINDS } from "../core/resource/table.ts";
import { CanonicalError, type World } from "../core/resource/world.ts";

/** Kinds of values, as a policy names them. */
export const VALUE_KINDS = [
  "text",
  "email",
  "email_untagged",
  "host",
  "url",
  "iban",
  "phone",
  "path",
] as const;
/** One of {@linkcode VALUE_KINDS}. */
export type ValueKind = typeof VALUE_KINDS[number];

/** The longest value that is compared, in UTF-16 code units. */
export const MAX_VALUE = 4096;
/** The kind `url` asks nothing of the machine. */
const NO_WORLD = {} as World;

/** ASCII with single spaces has its normal form; most texts are like that. */
const PLAIN_TEXT = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/;
/** A name that a URL parser leaves as it is: the last label is no number. */
const PLAIN_HOST = /^(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*$/;

const BY_KIND: Readonly<Record<ValueKind, (text: string) => string | undefined>> = {
  text: (text) =>
    PLAIN_TEXT.test(text)
      ? text
      : text.normalize("NFC").replaceAll(/\s+/gu, " ").trim() || undefined,
  email: (text) => emailOf(text),
  email_untagged: (text) => emailOf(text)?.replace(/\+[^@]*(?=@)/, ""),
  host: hostOf,
  url: urlOf,
  iban: ibanOf,
  phone: phoneOf,
  path: pathOf,
};

/**
 * The form in which a value is compared.
 *
 * | kind | form | standard |
 * | --- | --- | --- |
 * | `text` | white space as one space, none at the ends | Unicode NFC (UAX #15) |
 * | `email` | lower case, the domain in Punycode; no comments, quotes, names, lists, white space | RFC 5321 §4.1.2, UTS #46 |
 * | `email_untagged` | the same without `+tag` | RFC 5233 |
 * | `host` | as in a URL: lower case, Punycode, IPv4 dotted, no dot at the end | WHATWG URL, UTS #46 |
 * | `url` | as a target of `net.http`, without its fragment | WHATWG URL |
 * | `iban` | without spaces, upper case, check digits right | ISO 13616, ISO 7064 MOD 97-10 |
 * | `phone` | `+` and digits; a number without its country has none | ITU-T E.164 |
 * | `path` | without `.`, `..` and repeated slashes | POSIX |
 *
 * @param value A text, or a number, which counts as its digits.
 * @returns `undefined` if it has none; never throws.
 */
export function normaliseValue(kind: ValueKind, value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || text.length > MAX_VALUE) return undefined;
  return BY_KIND[kind](text);
}

/** Whether a text is the name of a kind. */
export function isValueKind(name: unknown): name is ValueKind {
  return VALUE_KINDS.includes(name as ValueKind);
}

/** RFC 5321 `Dot-string`: an atom cannot hold spaces, quotes, brackets, commas or another `@`. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

function emailOf(text: string): string | undefined {
  const at = text.lastIndexOf("@");
  const local = text.slice(0, Math.max(0, at));
  if (local.length > 64 || !LOCAL_PART.test(local)) return undefined;
  const host = hostOf(text.slice(at + 1));
  // An address literal is no name of a domain; one label alone is a machine of somebody's network.
  if (host === undefined || !host.includes(".") || /^[\d.]+$|^\[/.test(host)) return undefined;
  return `${local.toLowerCase()}@${host}`;
}

/** What a host can be written with; the URL parser decides the rest. */
const HOST = /^(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\\%[\]<>^|"'`{}]+)$/u;

function hostOf(text: string): string | undefined {
  // Nothing is taken off: what gets the value may end a header at a line break.
  if (text.length <= 253 && PLAIN_HOST.test(text) && !text.includes("xn--")) return text;
  if (!HOST.test(text) || /[\p{Cc}\p{Cf}]/u.test(text)) return undefined;
  const url = URL.parse(`http://${text}/`);
  const host = url?.hostname.replace(/\.$/, "");
  return host === undefined || host === "" || host.length > 253 ? undefined : host;
}

function urlOf(text: string): string | undefined {
  try {
    return KINDS.url.normalise(text.trim(), NO_WORLD);
  } catch (error) {
    if (error instanceof CanonicalError) return undefined;
    throw error;
  }
}

function ibanOf(text: string): string | undefined {
  const iban = text.replaceAll(/[ \u00a0]/g, "").toUpperCase();
  return /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(iban) && remainderOf97(iban) === 1
    ? iban
    : undefined;
}

/** ISO 7064: the first four characters behind the others, letters as two digits. */
function remainderOf97(iban: string): number {
  let rest = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const digits = parseInt(character, 36);
    rest = (rest * (digits > 9 ? 100 : 10) + digits) % 97;
  }
  return rest;
}

function phoneOf(text: string): string | undefined {
  const compact = text.trim().replaceAll(/[ \u00a0().\/-]/g, "").replace(/^00/, "+");
  return /^\+[1-9]\d{6,14}$/.test(compact) ? compact : undefined;
}

function pathOf(text: string): string | undefined {
  if (text === "" || /[\p{Cc}]/u.test(text)) return undefined;
  const names: string[] = [];
  for (const name of text.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") names.push(name);
    else if (names.length > 0 && names.at(-1) !== "..") names.pop();
    else if (!text.startsWith("/")) names.push(name);
  }
  const joined = names.join("/");
  return text.startsWith("/") ? `/${joined}` : joined || ".";
}
