/**
 * The links and addresses in a text, as whoever opens the text may follow them.
 *
 * Found are URLs with a scheme (RFC 3986, WHATWG URL) and without one (a name below a known top-level domain,
 * `www.`, `//host`), e-mail addresses, the links of Markdown and HTML, `mailto:` with what it copies to, and URLs
 * that are inside of others. A text is read in several ways, see {@linkcode viewsOf}. In doubt something is a
 * link: a file name like `notes.md` is one, because mail programs make one of it.
 *
 * @module
 */
import { normaliseValue } from "./normalise.ts";
import { MAX_TEXT, viewsOf } from "./text_views.ts";
import { isTopLevelDomain } from "./top_level_domains.ts";

/** A link or an address. */
export interface FoundLink {
  /** As it stands in the text, or in one of its readings. */
  readonly text: string;
  /** A canonical URL or address; missing if it has none, and then nobody knows where it leads. */
  readonly value?: string;
  readonly kind: "url" | "email";
  /** Written without a scheme: it may be meant with `http:` too. @default false */
  readonly isBare?: true;
  /** Inside of another link, for example where that redirects to. */
  readonly within?: FoundLink;
}

/** The most links of one text. */
const MAX_LINKS = 1000;

/** Schemes that lead somewhere without slashes after them; the first two need none (WHATWG URL, 4.4). */
const BARE_SCHEME =
  /^(?:https?|ftp|file|data|javascript|vbscript|blob|view-source|intent|tel|sms|wss?)$/i;
const SCHEME_CHARACTER = /[A-Za-z0-9+.-]/;
/** What an address is not: it ends there. */
const NO_ADDRESS = /[\s<>()[\],;:"'`|{}=&?/\\@*]/;
const LABEL = /[\p{L}\p{N}_-]/u;
/** A name without a scheme, from its first letter. */
const BARE =
  /[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+\.?(?::\d{1,5})?(?:[\\/?#][^\s<>"`]{0,16500})?/uy;
/** Longer than any URL that has a canonical form. */
const RUN = /[^\s<>"`]{0,16500}/y;
/** Without one of these nothing is a link, in whatever way it is written. */
const MAYBE = /[:@&%\\<]|\/\/|[^\0-\x7f]|[\w-]\.[\w-]/;
/** `//host`: a browser takes the scheme of the page. */
const RELATIVE = /(?<![:\p{L}\p{N}\\/])[\\/]{2}[\p{L}\p{N}[][^\s<>"`]*/gu;
const ATTRIBUTE =
  /\b(?:href|src|srcset|action|formaction|background|poster|cite|data|ping|content)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)/gi;

/**
 * Finds links and addresses.
 *
 * @param text Of any form: plain, Markdown, HTML.
 * @returns Each once; `undefined` if the text is longer than 1 MiB, or has more than 1,000 of them.
 */
export function linksIn(text: string): FoundLink[] | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const found = new Map<string, FoundLink>();
  if (!MAYBE.test(text)) return [];
  const hosts = new Set<string>();
  for (const view of viewsOf(text)) {
    const isDecoded = view !== text && text.includes("%");
    for (const link of linksOf(view)) {
      const key = `${link.kind} ${link.value ?? link.text}`;
      if (found.has(key)) continue;
      // The same link with its escapes resolved is not another one.
      const host = link.kind === "url" && link.value !== undefined
        ? new URL(link.value).host
        : undefined;
      if (isDecoded && host !== undefined && hosts.has(host)) continue;
      if (host !== undefined) hosts.add(host);
      found.set(key, link);
      if (found.size > MAX_LINKS) return undefined;
    }
  }
  return Array.from(found.values());
}

/** A range of a text that is a link. */
interface Span {
  readonly start: number;
  readonly end: number;
}

function linksOf(view: string): FoundLink[] {
  const links: FoundLink[] = [];
  const taken: Span[] = [];
  const isTaken = (index: number) => taken.some(({ start, end }) => index >= start && index < end);
  const isFull = () => links.length > MAX_LINKS;
  for (const start of schemesIn(view)) {
    if (isFull()) break;
    const end = endOf(view, start);
    const text = view.slice(start, end);
    const outer = taken.find((span) => start >= span.start && start < span.end);
    const within = outer && links.find(({ text }) => text === view.slice(outer.start, outer.end));
    const link = linkOf(text, within);
    links.push(link, ...redirectsOf(text, link));
    if (outer === undefined) taken.push({ start, end });
  }
  for (const { 1: quoted = "" } of view.includes("<") ? view.matchAll(ATTRIBUTE) : []) {
    if (isFull()) break;
    // A browser drops line breaks and tabs inside of a URL.
    const value = quoted.replace(/^["']|["']$/g, "").replaceAll(/[\t\r\n]/g, "").trim();
    if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(value) && !/^mailto:/i.test(value)) {
      links.push(linkOf(value));
    }
  }
  for (const { start, end } of addressesIn(view)) {
    if (isFull()) break;
    // Behind a "?" an address is what a link hands on, even if it stands in one.
    if (isTaken(start) && !/[?&=]\S*$/.test(view.slice(Math.max(0, start - 2048), start))) continue;
    const address = view.slice(start, end).replace(/^[.]+/, "");
    if (!/@.*\./.test(address)) continue;
    const value = normaliseValue("email", address);
    links.push({ text: address, kind: "email", ...value === undefined ? {} : { value } });
    taken.push({ start, end });
  }
  for (const { index } of /[\\/]{2}/.test(view) ? view.matchAll(RELATIVE) : []) {
    if (isFull()) break;
    if (isTaken(index)) continue;
    const end = endOf(view, index);
    const text = view.slice(index, end);
    if (!/^[\\/]{2}[^\\/?#]*[.\]]/.test(text)) continue; // A comment, a path.
    links.push(linkOf(`https:${text}`));
    taken.push({ start: index, end });
  }
  for (const { start, end } of namesIn(view)) {
    if (isFull()) break;
    if (isTaken(start)) continue;
    const name = view.slice(start, end);
    const text = name.slice(0, endOf(name, 0));
    if (isBareLink(text)) links.push({ ...linkOf(`https://${text}`), isBare: true });
  }
  return links;
}

/** Where schemes begin: the letters before a ":" behind which something goes on. */
function* schemesIn(view: string): Generator<number> {
  for (let at = view.indexOf(":"); at !== -1; at = view.indexOf(":", at + 1)) {
    let start = at;
    while (start > 0 && at - start < 32 && SCHEME_CHARACTER.test(view[start - 1] ?? "")) start--;
    while (start < at && !/[A-Za-z]/.test(view[start] ?? "")) start++;
    const scheme = view.slice(start, at);
    if (scheme === "" || /^mailto$/i.test(scheme)) continue; // The addresses of a mail are found by themselves.
    const next = view.slice(at + 1, at + 3);
    const isLink = /^[\\/]{2}/.test(next)
      ? scheme.length > 1
      : BARE_SCHEME.test(scheme) && /^\S/.test(next) &&
        (/^[^\\/]/.test(next) || /^https?$/i.test(scheme));
    if (isLink) yield start;
  }
}

/** What stands around each "@". */
function* addressesIn(view: string): Generator<Span> {
  for (let at = view.indexOf("@"); at !== -1; at = view.indexOf("@", at + 1)) {
    let start = at;
    while (start > 0 && at - start < 256 && !NO_ADDRESS.test(view[start - 1] ?? "")) start--;
    let end = at + 1;
    while (end < view.length && end - at < 512 && !NO_ADDRESS.test(view[end] ?? "")) end++;
    while (
      end > at + 1 && !/[\p{L}\p{N}]/u.test(view[end - 1] ?? "") &&
      !/[\ud800-\udfff]/.test(view[end - 1] ?? "")
    ) end--;
    if (start < at && end > at + 1) yield { start, end };
  }
}

/** Names with a dot between letters or digits, with what follows them. */
function* namesIn(view: string): Generator<Span> {
  let tested = 0;
  for (let at = view.indexOf("."); at !== -1; at = view.indexOf(".", at + 1)) {
    if (at < tested || !isLabel(view, at - 1) || !isLabel(view, at + 1)) continue;
    let start = at;
    while (start > tested && (view[start - 1] === "." || isLabel(view, start - 1))) start--;
    while (view[start] === ".") start++;
    const isPart = start > 0 && /[@\\/]/.test(view[start - 1] ?? "");
    BARE.lastIndex = start;
    const length = isPart ? 0 : BARE.exec(view)?.[0].length ?? 0;
    tested = at + 1;
    if (length === 0) continue;
    tested = start + length;
    yield { start, end: start + length };
  }
}

function isLabel(view: string, index: number): boolean {
  const code = view.charCodeAt(index);
  if (code < 128) {
    return code >= 97 && code <= 122 || code >= 48 && code <= 57 || code >= 65 && code <= 90 ||
      code === 45 || code === 95;
  }
  // Letters beyond the basic plane are two halves.
  return code >= 0xd800 && code < 0xe000 || LABEL.test(view[index] ?? "");
}

/** A name without a scheme that is taken for a link. */
function isBareLink(text: string): boolean {
  const [name = ""] = /^[^\\/?#:]*/.exec(text) ?? [];
  const host = name.toLowerCase().replace(/\.$/, "");
  const last = host.slice(host.lastIndexOf(".") + 1);
  const hasMore = name.length < text.length;
  if (/^[\d.]+$/.test(host)) return hasMore && host.split(".").length === 4;
  return isTopLevelDomain(last) || host.startsWith("www.") ||
    hasMore && /^[a-z]{2,}$/.test(last) && /[:/]/.test(text.charAt(name.length));
}

/** Where a link ends, as GitHub Flavored Markdown (6.9) and CommonMark (6.3) have it. */
function endOf(view: string, start: number): number {
  RUN.lastIndex = start;
  let end = start + (RUN.exec(view)?.[0].length ?? 0);
  if (view.slice(start - 2, start) === "](" || view.slice(start - 1, start) === "(") {
    let depth = 0;
    for (let i = start; i < end; i++) {
      if (view[i] === "(") depth++;
      else if (view[i] === ")" && depth-- === 0) end = i;
    }
  }
  if (view[start - 1] === "'") {
    const quote = view.indexOf("'", start);
    if (quote !== -1 && quote < end) end = quote;
  }
  for (;;) {
    const last = view[end - 1] ?? "";
    const open = last === ")" ? "(" : last === "]" ? "[" : undefined;
    const link = view.slice(start, end);
    const unbalanced = open !== undefined && link.split(last).length > link.split(open).length;
    if (end > start && (/[.,;:!?'*_~}|]/.test(last) || unbalanced)) end--;
    else return end;
  }
}

function linkOf(text: string, within?: FoundLink): FoundLink {
  const value = /^(https?|wss?):/i.test(text) ? normaliseValue("url", text) : undefined;
  return {
    text,
    kind: "url",
    ...value === undefined ? {} : { value },
    ...within === undefined ? {} : { within },
  };
}

/** Where a query may lead on to without a scheme: `?next=//host`, `?u=host.com/x`. */
function redirectsOf(text: string, within: FoundLink): FoundLink[] {
  const query = /[?#&;=]/.test(text) ? text.slice(text.search(/[?#&;=]/)) : "";
  return query.split(/[?#&;]/).flatMap((pair) => {
    const value = pair.slice(pair.indexOf("=") + 1);
    if (/^[\\/]{2}[^\\/]/.test(value)) return linkOf(`https:${value}`, within);
    return /^[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)+([:/].*)?$/u.test(value) && isBareLink(value)
      ? linkOf(`https://${value}`, within)
      : [];
  });
}
