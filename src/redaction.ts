/**
 * Taking secrets out of what goes on record.
 *
 * A safety net, not a guarantee: it finds keys of known forms, credentials in URLs and headers, and
 * values whose name says that they are secret. A secret without a form or a name passes. When in
 * doubt it takes out too much: `token: expired` loses a word. Kept are words (`tokenize`, `secretary`,
 * `max_tokens`), hosts with ports, UUIDs, digests, paths and base64 without such a name.
 *
 * @module
 */

const MARK = "[redacted]";
const MAX_LENGTH = 2000;
const MAX_DEPTH = 64;

/** Names that are secret wherever the word stands in them: `DB_PASSWORD_2`, `clientSecret`. */
const SECRET_WORD =
  /pass[_-]?w(?:or)?d|pass[_-]?(?:phrase|code)|secret(?!ar)|credential|authori[sz]ation|cookie|(?:api|access|account|app|auth|client|encryption|function|master|private|service|session|shared|signing|ssh|subscription)[_.-]?key/i;
/** Names that are secret if they end so: `access_token`, not `token_count` and not `max_tokens`. */
const SECRET_END =
  /(?:(?:access|api|auth|refresh)[_-]?tokens|token|session|signature|sig|pwd|jwt|bearer|auth|[_-]pass)(?:[_-]?(?:id|key|value|hash|header|string))?[\d_-]*$/i;

/** Keys of known forms. */
const KEY_FORMS: readonly string[] = [
  "sk-[\\w-]{20,}", // OpenAI, Anthropic and those who follow them
  "[rs]k_(?:live|test)_\\w{10,}", // Stripe
  "gh[oprsu]_\\w{20,}", // GitHub
  "github_pat_\\w{20,}",
  "gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[\\w-]{16,}", // GitLab
  "A[KS]IA[A-Z0-9]{16,}", // AWS
  "AIza[\\w-]{30,}", // Google
  "xox[a-z]-[\\w-]{10,}", // Slack
  "npm_[A-Za-z0-9]{30,}",
  "hf_[A-Za-z0-9]{30,}", // Hugging Face
  "SG\\.[\\w-]{16,}\\.[\\w-]{16,}", // SendGrid
  "AGE-SECRET-KEY-[A-Z0-9]{20,}",
  "eyJ[\\w-]*(?:\\.[\\w-]*){0,4}", // JWT (RFC 7519), JWE
];
/** A key may not begin inside of a word, but behind an escape of JSON or of a URL. */
const KEY = new RegExp(
  "(?:(?<![A-Za-z0-9])|(\\\\[bfnrt]|\\\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}))" +
    `(${KEY_FORMS.join("|")})`,
  "g",
);

// The end is optional: a block that was cut off is a secret, too. Spaces may be encoded as in URLs.
const PRIVATE_KEY = new RegExp(
  "-----BEGIN[A-Z0-9 %+]{1,40}PRIVATE[ %+\\d]{1,5}KEY" +
    "[^]*?(?:-----END[A-Z0-9 %+]{1,40}PRIVATE[ %+\\d]{1,5}KEY[A-Z0-9 %+]{0,12}-----|$)",
  "g",
);
const SCHEME = /(bearer|basic)((?:\s|%20|\+){1,8})([\w.~+/=-]{6,})/gi;
/** `://user:` and what makes clear that no port follows. */
const URL_USER = ":(?:\\\\?/){2}[^\\s/?#@:\"'<>[]*:(?!\\d{0,5}(?:[\\s/?#\"'<>]|$))";
const URL_PASSWORD = new RegExp(
  `(${URL_USER})(?:[^\\s/?#"'<>]+(?=@)|[^\\s@"'<>]{1,100}(?=@))`,
  "g",
);

/** A name and what stands between it and its value: `a=`, `"a" : `, `\"a\":`, `a%3D`, `a[b]=`. */
const NAME = new RegExp(
  "(?<![\\w.-])(?:" +
    // `--name value`, also as elements of a JSON array
    "(--?[\\w.-]+)(?![\\w.-])\\\\{0,8}(?:[\"'`]?[ \\t]+(?=[^\\s-])|[\"'`],[ \\t]{0,8}(?=[\\\\\"'`]))|" +
    "([\\w.-]+)(?![\\w.-])\\\\{0,8}[\"'`\\]]{0,2}[ \\t]{0,8}(:=|=>|==|[:=]|%3[ad])[ \\t]{0,8})",
  "gi",
);
/** An opening quote, with the backslashes of a text inside of a text, and a prefix as in `b'…'`. */
const QUOTE = /[bfru$@]{0,2}(\\{0,64})(["'`])/iy;
/** What ends a value without quotes (in the group): a bracket or a quote only if no more follows it. */
const VALUE_END = /([\s&;]|[<>"'`,)}\]](?=[\s<>,;&\\]|$)|\\(?=[nrt"'`\\]))/g;
/** What ends a header (in the group), and what does not: quoted values in it. */
const HEADER_END = /=\\{0,8}"[^"\r\n]*"|([\r\n]|["'](?=[\s,)}\]]|$)|\\(?=[nr"']))/g;
/** A name with which places in files begin: `secret.ts:12:5`. */
const SOURCE_FILE = /\.(?:[cm]?[jt]sx?|py|go|rs|java|rb|c|cpp|h|php|json|ya?ml|toml|md|txt)$/i;

// Nothing is taken out of a text without one of the following. Each begins with three letters that
// tell most texts from it, so that they cost some hundred nanoseconds. None repeats what
// it begins with: a text of nothing else would take quadratic time.
/** What is secret by its form. */
const SUSPICIOUS_FORM = new RegExp(
  "a(?:iz|[ks]ia)|b(?:asi|ear)|eyj|g(?:h[oprsu]_|ith|l(?:pat|dt|rt|cbt|ptt|ft|soat)-)|hf_|npm_|" +
    `[rs]k[-_]|sg\\.|xox|${URL_USER}`,
  "i",
);
/** A name that makes secret what stands behind it, ... */
const SUSPICIOUS_NAME = /aut|c(?:oo|red)|jwt|key|p(?:ass|wd)|s(?:ec|ess|ig)|tok/i;
/** ... if there is something that connects the two: a separator, or a flag before. */
const SEPARATOR = /[:=]|%3[ad]/i;

/** Either of them: one search tells most texts from the suspicious ones. */
const SUSPICIOUS = new RegExp(`${SUSPICIOUS_FORM.source}|${SUSPICIOUS_NAME.source}`, "i");

function isSuspicious(text: string): boolean {
  if (!SUSPICIOUS.test(text)) return false;
  if (SUSPICIOUS_FORM.test(text)) return true;
  const name = text.search(SUSPICIOUS_NAME);
  return name !== -1 && (text.includes("-") || SEPARATOR.test(text.slice(name)));
}

/**
 * Replaces the secrets in a text by `[redacted]`. Takes time linear in its length and never throws.
 * Applied again, it reveals nothing: at most it takes more away.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   redactText("GET https://bob:hunter2@host:8080/?token=abc&page=2"),
 *   "GET https://bob:[redacted]@host:8080/?token=[redacted]&page=2",
 * );
 * ```
 */
export function redactText(text: string): string {
  try {
    if (!isSuspicious(text)) return text;
    return redactNamed(
      text
        .replace(PRIVATE_KEY, MARK)
        .replace(KEY, (found, escape = "", key) => isKey(key) ? escape + MARK : found)
        .replace(URL_PASSWORD, `$1${MARK}`)
        .replace(
          SCHEME,
          (found, scheme, space, value) => isCredential(value) ? scheme + space + MARK : found,
        ),
    );
  } catch {
    // INVARIANT: what could not be searched is not let through. (Regular expressions run out of
    // stack on texts of tens of megabytes.)
    return MARK;
  }
}

/**
 * A copy of a JSON value without its secrets: strings pass through {@linkcode redactText} and are cut
 * to 2,000 characters; the value of a field with a secret name is `"[redacted]"`, whatever it is. So is
 * the argument behind a `--password` in an array, and `value` beside `name: "Authorization"`.
 */
export function redactValue(value: unknown): unknown {
  return redactNested(value, MAX_DEPTH);
}

/** What is redacted once and for all. */
const CONSTANTS = new WeakMap<object, unknown>();

/**
 * Redacts a value now and never again: {@linkcode redactValue} knows it from then on. For what many
 * records have in common.
 *
 * @param constant JSON; it is frozen, and nothing in it must change either.
 */
export function redactOnce<T extends object>(constant: T): Readonly<T> {
  CONSTANTS.set(constant, redactValue(constant));
  return Object.freeze(constant);
}

function redactNested(value: unknown, depth: number): unknown {
  if (typeof value === "string") return cut(redactText(value));
  if (typeof value !== "object" || value === null) return value;
  const known = CONSTANTS.get(value);
  if (known !== undefined) return known;
  if (depth === 0) return MARK;
  if (Array.isArray(value)) {
    return value.map((item, i) => namesNext(value, i - 1) ? MARK : redactNested(item, depth - 1));
  }
  const { name, key } = value as Record<string, unknown>;
  const named = isSecretName(name) || isSecretName(key);
  // `fromEntries`, because an assignment to `__proto__` would not make a field.
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [
      redactText(field),
      isSecretName(field) || (named && field === "value") ? MARK : redactNested(inner, depth - 1),
    ]),
  );
}

/** Whether the item names the one behind it: `["--password", "x"]`, or `["cookie", "x"]` as a pair. */
function namesNext(array: readonly unknown[], i: number): boolean {
  const item = array[i];
  return typeof item === "string" && (item.startsWith("-") || array.length === 2) &&
    !item.includes("=") && isSecretName(item);
}

function cut(text: string): string {
  if (text.length <= MAX_LENGTH) return text;
  const start = text.slice(0, MAX_LENGTH).replace(/[\uD800-\uDBFF]$/, "");
  return `${start}… (${text.length - start.length} more characters)`;
}

function isSecretName(name: unknown): boolean {
  return typeof name === "string" && (SECRET_WORD.test(name) || SECRET_END.test(name));
}

/** Whether what looks like a key is one, and not `sk-circle-fade-animation` or `eyJ` in base64. */
function isKey(key: string): boolean {
  if (key.startsWith("sk-")) return /[A-Z\d]/.test(key);
  if (key.startsWith("eyJ")) return /^[^.]{10,}\.(?:eyJ|[^.]*\.)/.test(key);
  return true;
}

/** Whether what follows `Bearer` or `Basic` is more than a word of prose. */
function isCredential(value: string): boolean {
  return value.length >= 20 || /[\d=]|.[A-Z]/.test(value);
}

/** Replaces values by their names. */
function redactNamed(text: string): string {
  let redacted = "";
  let done = 0;
  NAME.lastIndex = 0;
  for (let match = NAME.exec(text); match !== null; match = NAME.exec(text)) {
    const [, flag, name = "", separator] = match;
    let start = NAME.lastIndex;
    if (!isSecretName(flag ?? name)) continue;
    // "/etc/passwd: permission denied" speaks of a file; a port or a field of JSON has no slash before it.
    if (separator === ":" && text[match.index - 1] === "/" && text[start - 1] === " ") continue;
    if (separator === ":" && SOURCE_FILE.test(name) && /\d/.test(text[start] ?? "")) continue;
    const quote = at(QUOTE, text, start);
    let end: number;
    if (quote !== null) {
      start = QUOTE.lastIndex;
      end = endOfQuoted(text, start, quote);
    } else if (text.startsWith(MARK, start)) {
      end = endOfValue(text, start + MARK.length, name, separator);
    } else if (separator === ":" && /[[{]/.test(text[start] ?? "")) {
      end = endOfNested(text, start);
      // "[a]b" is one value; behind a bracket that closes it, something else begins.
      if (/[^\s,;&)\]}"'<>`\\]/.test(text[end] ?? " ")) {
        end = endOfValue(text, end, name, separator);
      }
    } else end = endOfValue(text, start, name, separator);
    NAME.lastIndex = end;
    if (end === start) continue;
    redacted += text.slice(done, start) + MARK;
    done = end;
  }
  return redacted + text.slice(done);
}

function endOfValue(text: string, start: number, name: string, separator?: string): number {
  const isHeader = separator === ":" && /(?:authori[sz]ation|cookie)$/i.test(name);
  const end = isHeader ? HEADER_END : VALUE_END;
  end.lastIndex = start;
  for (let match = end.exec(text); match !== null; match = end.exec(text)) {
    if (match[1] !== undefined) return match.index;
  }
  return text.length;
}

/**
 * Where a quoted value ends. In a text inside of a text, quotes stand behind backslashes: one level
 * down `\"` ends a value that holds `\\\"`.
 */
function endOfQuoted(text: string, start: number, quote: RegExpExecArray): number {
  const [, { length: depth } = "", char = ""] = quote;
  for (let end = text.indexOf(char, start); end !== -1; end = text.indexOf(char, end + 1)) {
    let backslashes = 0;
    while (end - backslashes > start && text[end - backslashes - 1] === "\\") backslashes++;
    if (backslashes % (2 * (depth + 1)) === depth) return end - depth;
  }
  return text.length;
}

/** Where a nested value ends, behind its last bracket. */
function endOfNested(text: string, start: number): number {
  const token = /[[\]{}]|\\{0,64}["'`]/g;
  token.lastIndex = start;
  let depth = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const quote = at(QUOTE, text, match.index);
    if (quote !== null) {
      token.lastIndex = endOfQuoted(text, QUOTE.lastIndex, quote) + quote[0].length;
    } else depth += /[[{]/.test(match[0]) ? 1 : -1;
    if (depth === 0) return token.lastIndex;
  }
  return text.length;
}

/** The match of a sticky expression at a place. */
function at(pattern: RegExp, text: string, start: number): RegExpExecArray | null {
  pattern.lastIndex = start;
  return pattern.exec(text);
}
