/**
 * Secrets on their way out, and kept from coming back.
 *
 * @module
 */
import { encodeBase64 } from "../filesystem/base64.ts";
import type { Credential } from "./config.ts";

/** Puts secrets into requests and takes them out of everything that the agent sees. */
export class Credentials {
  readonly #all: readonly Credential[];
  /** The forms of each secret in which a server could send it back, the longest first. */
  readonly #forms: readonly { readonly name: string; readonly form: string }[];
  readonly #pattern: RegExp | undefined;

  constructor(all: readonly Credential[]) {
    this.#all = all;
    this.#forms = all.flatMap((one) => formsOf(one).map((form) => ({ name: one.name, form })))
      .sort((a, b) => b.form.length - a.form.length);
    const escaped = this.#forms.map(({ form }) => form.replace(/[^A-Za-z0-9]/g, "\\$&"));
    this.#pattern = all.length === 0 ? undefined : new RegExp(escaped.join("|"), "gi");
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

  /** Whether a text holds a secret. */
  isIn(text: string): boolean {
    return this.redact(text) !== text;
  }

  /** The text without secrets. */
  redact(text: string): string {
    if (this.#pattern === undefined) return text;
    return text.replace(this.#pattern, (found) => {
      const lower = found.toLowerCase();
      const name = this.#forms.find(({ form }) => form.toLowerCase() === lower)?.name;
      return `[secret ${name}]`;
    });
  }

  /** The same for the start of a longer text, that may end within a secret. */
  redactStart(text: string): string {
    const redacted = this.redact(text);
    const longest = this.#forms[0]?.form.length ?? 0;
    const lower = redacted.slice(redacted.length - Math.min(longest, redacted.length))
      .toLowerCase();
    const partial = Math.max(
      0,
      ...this.#forms.map(({ form }) => overlap(lower, form.toLowerCase())),
    );
    return redacted.slice(0, redacted.length - partial);
  }
}

/** The length of the longest end of the text that is the start of the form. */
function overlap(text: string, form: string): number {
  for (let length = Math.min(form.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(form.slice(0, length))) return length;
  }
  return 0;
}

function formsOf({ prefix, value }: Credential): string[] {
  const texts = [value];
  if (/^basic /i.test(prefix) || /^basic /i.test(value)) {
    // The server knows what is encoded in it.
    const pair = latin1(value.replace(/^basic /i, ""));
    texts.push(pair, pair.slice(pair.indexOf(":") + 1));
  }
  const forms = texts.filter((text) => text.length >= 4).flatMap((text) => [
    text,
    encodeURIComponent(text),
    new URLSearchParams({ "": text }).toString().slice(1),
    Array.from(text, (char) => `%${hex(char)}`).join(""),
    JSON.stringify(text).slice(1, -1),
    JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    Array.from(text, hex).join(""),
    ...base64Forms(text),
  ]);
  return Array.from(new Set(forms));
}

/** How a text looks in the base64 of a longer one, wherever in it it stands. */
function base64Forms(text: string): string[] {
  const bytes = new TextEncoder().encode(text);
  return [0, 1, 2].flatMap((offset) => {
    const shifted = new Uint8Array(offset + bytes.length);
    shifted.set(bytes, offset);
    // Characters that also depend on what stands before or behind are left out.
    const first = Math.ceil(offset * 8 / 6);
    const last = Math.floor((offset + bytes.length) * 8 / 6);
    const form = encodeBase64(shifted).slice(first, last);
    return form.length < 8 ? [] : [form, form.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function hex(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, "0");
}

function latin1(base64: string): string {
  try {
    return atob(base64);
  } catch {
    return "";
  }
}
