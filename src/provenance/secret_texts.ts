/**
 * The texts of a result that may be secret, and those of a request in which a secret may be.
 *
 * @module
 */
import { isMapping, type Mapping } from "../core/policy/shape.ts";

/** How often JSON within a text of JSON is read. */
const MAX_NESTING = 3;
/** A name of a field: a secret that is a key of a mapping has hardly this form, and each request has such keys. */
const FIELD_NAME = /^[A-Za-z$_][A-Za-z$_-]*\d?$/;
/** What every answer over HTTP has: who reads a page could send no header of its own any more. */
const PLAIN_HEADERS: ReadonlySet<string> = new Set([
  ...["accept-ranges", "cache-control", "connection", "content-encoding", "content-language"],
  ...["content-length", "content-security-policy", "content-type", "date", "expires", "keep-alive"],
  ...["last-modified", "referrer-policy", "server", "strict-transport-security"],
  ...["transfer-encoding", "vary", "x-content-type-options", "x-frame-options"],
]);
const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;

/**
 * What is to be found again of a result: all its texts, numbers, and keys that are no mere names of fields, however
 * deep, also of texts that are JSON. Of an answer over HTTP the headers are among them but for those that each has.
 */
export function secretTextsOf(data: unknown): string[] {
  return textsOf(withoutTransport(data)).flatMap(({ text, isKey }) =>
    isKey && FIELD_NAME.test(text) ? [] : [text]
  );
}

/** What of the params of a request may hold a secret or a link: texts, numbers, and keys, however deep. */
export function outgoingTextsOf(params: unknown): string[] {
  return textsOf(params, true).map(({ text }) => text);
}

interface Text {
  readonly text: string;
  readonly isKey: boolean;
}

function textsOf(data: unknown, isRawToo = false): Text[] {
  const texts: Text[] = [];
  // Not recursive: a value may be nested deeper than calls.
  const open: { value: unknown; nesting: number; isKey?: boolean }[] = [{
    value: data,
    nesting: 0,
  }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, nesting, isKey = false } = next;
    if (typeof value === "string" || typeof value === "number") {
      const text = String(value);
      const tokens = nesting < MAX_NESTING ? tokensOf(text) : undefined;
      if (tokens === undefined || isRawToo) texts.push({ text, isKey });
      for (const token of tokens ?? []) open.push({ ...token, nesting: nesting + 1 });
    } else if (Array.isArray(value)) {
      for (const item of value) open.push({ value: item, nesting });
    } else if (value !== null && typeof value === "object") {
      for (const [key, item] of Object.entries(value)) {
        open.push({ value: key, nesting, isKey: true }, { value: item, nesting });
      }
    }
  }
  return texts.reverse();
}

/**
 * The texts and numbers of a text that is JSON, as they are written: of a key that is there twice, and of a number
 * with many digits, a parser would lose some.
 */
function tokensOf(text: string): { value: string; isKey: boolean }[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined; // It is no JSON, and stands for itself.
  }
  return Array.from(text.matchAll(JSON_TOKEN), ({ 0: token, index }) => ({
    value: token.startsWith('"') ? JSON.parse(token) as string : token,
    isKey: token.startsWith('"') &&
      /^\s*:/.test(text.slice(index + token.length, index + token.length + 64)),
  }));
}

/** Without what says how a result was transported, and is the same in many. */
function withoutTransport(data: unknown): unknown {
  if (!isMapping(data)) return data;
  const { headers, content } = data;
  return {
    ...data,
    ...isMapping(headers) && "status" in data
      ? { headers: without(headers, (name) => PLAIN_HEADERS.has(name.toLowerCase())) }
      : {},
    ...Array.isArray(content) ? { content: content.map(blockOf) } : {},
  };
}

/** A block of an answer of an MCP tool. */
function blockOf(block: unknown): unknown {
  if (!isMapping(block)) return block;
  const isTransport = (key: string) => key === "type" || key === "mimeType";
  const { resource } = block;
  return {
    ...without(block, isTransport),
    ...isMapping(resource) ? { resource: without(resource, isTransport) } : {},
  };
}

function without(mapping: Mapping, isLeftOut: (key: string) => boolean): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([key]) => !isLeftOut(key)));
}
