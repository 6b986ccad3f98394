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
  /** Inside of another link, for example where that redirects to. */
  readonly within?: FoundLink;
}

/** The most links of one text. */
const MAX_LINKS = 1000;

/** A scheme with slashes after it, whichever they are; a special scheme needs none (WHATWG URL, 4.4). */
const SCHEME =
  /(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{1,30}):(?=[\\/]{2})|(?<![A-Za-z0-9+.-])(https?|ftp|file|data|javascript|vbscript|blob|view-source|intent|tel|sms|ws|wss):(?=[^\s\\/])|(?<![A-Za-z0-9+.-])(https?):(?=[\\/])/gi;
const ADDRESS = /[^\s<>()[\],;:"'`|{}=&?/\\@*]+@[^\s<>()[\],;:"'`|{}=&?/\\@*]*[\p{L}\p{N}]/gu;
const BARE =
  /(?<![\p{L}\p{N}@_.\\/-])[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+\.?(?::\d{1,5})?(?:[\\/?#][^\s<>"`]*)?/gu;
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
  // Without one of these nothing is a link, in whatever way it is written.
  if (!/[.:@&%\\/\u3002\uff0e\uff61\uff20\uff1a]/.test(text)) return [];
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
  for (const { 0: all, index } of view.matchAll(SCHEME)) {
    const end = endOf(view, index);
    const text = view.slice(index, end);
    if (/^mailto:/i.test(all)) continue; // Its addresses are found below.
    const outer = taken.find((span) => index >= span.start && index < span.end);
    const within = outer && links.find(({ text }) => text === view.slice(outer.start, outer.end));
    links.push(linkOf(text, within));
    links.push(...redirectsOf(text, links.at(-1) as FoundLink));
    if (outer === undefined) taken.push({ start: index, end });
  }
  for (const { 1: quoted = "" } of view.includes("=") ? view.matchAll(ATTRIBUTE) : []) {
    // A browser drops line breaks and tabs inside of a URL.
    const value = quoted.replace(/^["']|["']$/g, "").replaceAll(/[\t\r\n]/g, "").trim();
    if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(value) && !/^mailto:/i.test(value)) {
      links.push(linkOf(value));
    }
  }
  if (view.includes("@")) {
    for (const { 0: text, index } of view.matchAll(ADDRESS)) {
      if (isTaken(index) && !view.slice(0, index).match(/[?&=][^\s]*$/)) continue;
      const address = text.replace(/^[.]+/, "");
      if (!/@.*\./.test(address)) continue;
      const value = normaliseValue("email", address);
      links.push({ text: address, kind: "email", ...value === undefined ? {} : { value } });
      taken.push({ start: index, end: index + text.length });
    }
  }
  if (/[\\/]{2}/.test(view)) {
    for (const { index } of view.matchAll(RELATIVE)) {
      if (isTaken(index)) continue;
      const end = endOf(view, index);
      const text = view.slice(index, end);
      if (!/^[\\/]{2}[^\\/?#]*[.\]]/.test(text)) continue; // A comment, a path.
      links.push(linkOf(`https:${text}`));
      taken.push({ start: index, end });
    }
  }
  for (const { 0: all, index } of view.matchAll(BARE)) {
    if (isTaken(index)) continue;
    const text = all.slice(0, endOf(all, 0));
    if (isBareLink(text)) links.push(linkOf(`https://${text}`));
  }
  return links;
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
  const run = /[^\s<>"`]*/y;
  run.lastIndex = start;
  let end = start + (run.exec(view)?.[0].length ?? 0);
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
