/**
 * What a host says about an error, in whatever form.
 *
 * @module
 */

/** Most characters that are kept. */
const MAX_SHOWN = 300;
/** Most characters that are looked at. */
const MAX_READ = 64 * 1024;
const MAX_DEPTH = 8;

/** Members that hold a message or lead to it, the best first. */
const MEMBERS = [
  "error",
  "message",
  "detail",
  "details",
  "msg",
  "error_description",
  "errors",
  "description",
  "title",
] as const;

type Untyped = Readonly<Record<string, unknown>>;

/**
 * The host's own words in the body of an error.
 *
 * Known forms: `{error: {message}}`, `{error: "…"}`, `[{error: {message}}]` (Gemini),
 * `{message: {detail: [{loc, msg}]}}` (Mistral), `{detail: "…"}` (FastAPI), `{error: {metadata: {raw}}}`
 * (OpenRouter), RFC 9457 problem details, plain text and HTML.
 *
 * @param body Text, or a parsed body.
 * @param secret Text that must not be shown. @default none
 * @returns At most 300 characters on one line; empty if there are no words.
 */
export function hostMessage(body: unknown, secret?: string): string {
  const value = typeof body === "string" ? parsed(body.slice(0, MAX_READ)) : body;
  return onOneLine(wordsIn(value, MAX_DEPTH), secret);
}

/**
 * Makes text of a host fit for an error message.
 *
 * @param text Anything that a host sent.
 * @param secret Text that must not be shown. @default none
 * @returns At most 300 characters, without control characters.
 */
export function onOneLine(text: string, secret?: string): string {
  const safe = secret ? text.replaceAll(secret, "[key]") : text;
  // Cc, Cf and the line separators: escape sequences, and characters that turn the text around.
  return safe.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim().slice(0, MAX_SHOWN)
    .toWellFormed();
}

/** Text that is no JSON is the message itself. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Of a web page only the words count.
    return /^\s*</.test(text) ? text.slice(0, 4096).replace(/<[^<>]*>/g, " ") : text;
  }
}

function wordsIn(value: unknown, depth: number): string {
  if (typeof value === "string") return value.trim();
  if (value === null || typeof value !== "object" || depth === 0) return "";
  if (Array.isArray(value)) return firstWords(value, depth);
  const { loc, metadata } = value as Untyped;
  const words = firstWords(MEMBERS.map((name) => (value as Untyped)[name]), depth);
  if (words === "") return "";
  const where = Array.isArray(loc) ? `${loc.join(".")}: ` : "";
  // OpenRouter only says that its provider failed; what the provider said is in the metadata.
  const { raw } = Object(metadata) as Untyped;
  const inner = wordsIn(typeof raw === "string" ? parsed(raw.slice(0, MAX_READ)) : raw, depth - 1);
  return `${where}${words}${inner === "" ? "" : `: ${inner}`}`;
}

function firstWords(values: readonly unknown[], depth: number): string {
  for (const value of values) {
    const words = wordsIn(value, depth - 1);
    if (words !== "") return words;
  }
  return "";
}
