/**
 * Resources of kind `url`: what can be fetched over HTTP.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { ResourceKind } from "./kind.ts";
import {
  expandBraces,
  type GlobStep,
  insideOnly,
  MANY,
  ONE,
  parseSegment,
  type Pattern,
  type Step,
} from "./pattern.ts";
import { CanonicalError, canonicalOrError, PatternError } from "./world.ts";

/** Longest URL in UTF-16 code units; RFC 9110 §4.1 asks for at least 8000 octets. */
const MAX_LENGTH = 16_384;
/** Markers between the parts of a URL; no label, path segment or query param equals one. */
const DNS = "@dns", IP = "@ip", PORT = ":", QUERY = "?";

/**
 * HTTP(S) URLs in the serialisation of the WHATWG URL Standard, which is also what `fetch` sends,
 * so that no second parser can read them differently.
 */
export const URL_KIND: ResourceKind = {
  normalise: canonicalUrl,

  resolve: (normalised) => normalised,

  segments(canonical) {
    const url = new URL(canonical);
    const scheme = url.protocol.slice(0, -1);
    const names = url.pathname.slice(1).split("/").map((name) => `/${name}`);
    const params = url.search === "" ? [] : url.search.slice(1).split("&");
    const head = [scheme, ...hostSegments(url.hostname), PORT, url.port || portOf(scheme)];
    return [...head, ...names, QUERY, ...params.map((param) => `&${param}`)];
  },

  compile: (pattern) => expandBraces(pattern).flatMap(compileOne),
};

/** What a URL must not contain as it is given. */
const REFUSED: readonly (readonly [RegExp, what: string])[] = [
  // What the standard trims, drops or encodes: whoever sends it means harm.
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  [/[\u0000-\u0020\u007f]/, "white space or control characters, expected them encoded, like %20"],
  [/\p{Surrogate}/u, "half of a Unicode character"],
  [/^[^/]*\/\/[^/?#\\]*@/, "credentials"],
  // The standard turns it into "/".
  [/^[^?#]*\\/, 'a "\\" before its query'],
];
/** What its path must not contain in canonical form. */
const REFUSED_IN_PATH: typeof REFUSED = [
  [/%(00|0A|0D)/, "an encoded NUL or line break in its path"],
  // What a server that decodes before it splits, or that strips ";params", would take for a dot
  // segment: "..%2Fsecret", "..;/".
  [/(\/|%2F|%5C)\.{1,2}($|;|%3B|\/|%2F|%5C)/, "a hidden dot segment in its path"],
];

function canonicalUrl(target: string): string {
  if (target.length > MAX_LENGTH) {
    throw new CanonicalError(`A URL has at most ${MAX_LENGTH} characters`);
  }
  check(target, REFUSED);
  const url = /^https?:\/\/[^/?#]/i.test(target) ? URL.parse(target) : null;
  if (url === null) {
    throw new CanonicalError(`"${shown(target)}" is not a URL of the form http(s)://host/path`);
  }
  const path = canonicalEscapes(url.pathname);
  check(path, REFUSED_IN_PATH);
  const port = url.port === "" ? "" : `:${url.port}`;
  const query = canonicalEscapes(url.search);
  return `${url.protocol}//${canonicalHost(url.hostname)}${port}${path}${query}`;
}

function check(text: string, refused: typeof REFUSED): void {
  const [, what] = refused.find(([expression]) => expression.test(text)) ?? [];
  if (what !== undefined) throw new CanonicalError(`A URL cannot contain ${what}`);
}

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function portOf(scheme: string): string {
  return scheme === "https" ? "443" : "80";
}

function canonicalHost(hostname: string): string {
  const [, high, low = ""] = /^\[::ffff:([0-9a-f]+):([0-9a-f]+)\]$/.exec(hostname) ?? [];
  // The same machine must not have two names (RFC 4291 §2.5.5.2).
  if (high !== undefined) return new URL(`http://0x${high}${low.padStart(4, "0")}`).hostname;
  const host = hostname.replace(/\.$/, "");
  if (host.split(".").includes("") || host.includes("*") || host.length > 253) {
    throw new CanonicalError(`"${shown(hostname)}" is not a valid host`);
  }
  return host;
}

/** Decodes what encodes an unreserved character (RFC 3986 §6.2.2.2), once; upper-cases the rest. */
function canonicalEscapes(text: string): string {
  if (!text.includes("%")) return text;
  const decode = (encoded: string) =>
    encoded.replace(/%([0-9a-f]{2})/gi, (escape, hex: string) => {
      const char = String.fromCharCode(parseInt(hex, 16));
      return /[A-Za-z0-9._~-]/.test(char) ? char : escape.toUpperCase();
    });
  const canonical = decode(text);
  // "%%33e" would become "%3e", and mean something else to whoever decodes next.
  if (decode(canonical) === canonical) return canonical;
  throw new CanonicalError(`A URL cannot hide an escape in another, found "${shown(text)}"`);
}

function hostSegments(host: string): string[] {
  const isAddress = host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
  return isAddress ? [IP, host] : [DNS, ...host.split(".")];
}

/** A pattern is a canonical URL with holes in it: the holes are filled, and put back afterwards. */
function compileOne(text: string): Pattern[] {
  const { scheme, host, port, path, query } = partsOf(text);
  const isLiteral = !host.includes("*") || host.startsWith("[");
  const labels = isLiteral ? [] : host.split(".").map(parseSegment);
  const names = path.slice(1).split("/").map(parseSegment);
  const params = query === "" ? [] : query?.split("&").map(parseSegment);

  // The name stands for each wildcard while the rest is made canonical. No pattern holds a part of
  // its own hash, in whatever spelling; and "g" is no hexadecimal digit, so it completes no escape.
  const hole = `g${hash("sha256", text).slice(0, 12)}`;
  const filled = (steps: readonly Step[]) => steps.map((step) => withHoles(step, hole));
  const authority = `${isLiteral ? host : filled(labels).join(".")}:${port === "*" ? "" : port}`;
  const pathAndQuery = `/${filled(names).join("/")}?${filled(params ?? []).join("&")}`;
  const canonical = canonicalOrError(() => canonicalUrl(`${scheme}://${authority}${pathAndQuery}`));
  if (canonical instanceof CanonicalError) throw neverMatches(text, canonical.message);
  const url = new URL(canonical);
  const refill = (steps: readonly Step[], canonical: readonly string[], before = "") =>
    steps.map((step, i) => putBack(step, canonical[i] ?? "", { hole, before }));

  const canonicalLabels = isLiteral ? [] : url.hostname.split(".");
  const canonicalNames = url.pathname.slice(1).split("/");
  if (
    canonicalLabels.length !== labels.length || canonicalNames.length !== names.length ||
    canonicalNames.some((name, i) => name === "" && names[i] !== "")
  ) {
    throw neverMatches(text, "its canonical form has other segments");
  }
  const pathSteps = refill(names, canonicalNames, "/");
  const querySteps: Step[] = params === undefined
    ? [MANY]
    : refill(params, url.search.slice(1).split("&"), "&");
  const portStep: Step = port === "*" ? ONE : url.port || portOf(scheme);
  return hostForms(isLiteral ? url.hostname : refill(labels, canonicalLabels)).map(
    (hostSteps): Pattern => {
      const head: Step[] = [scheme, ...hostSteps, PORT, portStep];
      const steps = [...head, ...insideOnly(pathSteps), QUERY, ...querySteps];
      const denySteps = [...head, ...pathSteps, QUERY, ...querySteps];
      const exact = steps.every((step) => typeof step === "string");
      return { steps, denySteps, reach: reachOf(hostSteps, portStep), exact };
    },
  );
}

/**
 * Scheme, host, port, path and query of a pattern.
 * INVARIANT: no "\" in the host. `new URL` reads it as "/"; the host would end there, and be another.
 */
const PARTS =
  /^(https?):\/\/([^/?#:[\]\\]+|\[[^\]/]*\])(?::(\*|\d+))?(?:(\/[^?#]*)(?:\?([^#]*))?)?$/i;

function partsOf(text: string) {
  const [found, scheme = "", given = "", port = "", path = "/", query] = PARTS.exec(text) ?? [];
  if (found === undefined) {
    throw new PatternError(
      `"${text}" is not a URL pattern, expected http(s)://host[:port]/path[?query], no escapes in the host`,
    );
  }
  const host = given.toLowerCase().replace(/\.$/, "");
  if (host.includes("*") && /^[*\d.]*\d[*\d.]*$/.test(host)) {
    throw neverMatches(text, "wildcards do not match parts of addresses");
  }
  // deno-lint-ignore no-control-regex -- everything outside of ASCII is what it looks for
  if (/[^\x00-\x7f][^.]*\*|\*[^.]*[^\x00-\x7f]/.test(host)) {
    throw neverMatches(text, "canonical hosts are in ASCII (punycode)");
  }
  return { scheme: scheme.toLowerCase(), host, port, path, query };
}

function neverMatches(text: string, why: string): PatternError {
  return new PatternError(`"${text}" could never match: ${why}`);
}

function withHoles(step: Step, hole: string): string {
  if (typeof step === "string") return step;
  if (step === ONE || step === MANY) return hole;
  return step.glob.map((one) => typeof one === "string" ? one : hole).join("");
}

/** The step with its literal parts as they stand in canonical URLs. */
function putBack(
  step: Step,
  canonical: string,
  { hole, before }: { readonly hole: string; readonly before: string },
): Step {
  if (typeof step === "string") return before + canonical;
  if (step === ONE || step === MANY) return step;
  const wildcards = step.glob.filter((one) => typeof one !== "string");
  for (const one of wildcards) {
    if (typeof one === "object" && /[^\x21-\x7e]/.test(one.text)) {
      throw neverMatches(`[${one.text}]`, "canonical URLs encode such characters");
    }
  }
  const literals = canonical.split(hole);
  const glob = literals.flatMap((text, i): GlobStep[] => [...text, ...wildcards.slice(i, i + 1)]);
  return { glob: [...before, ...glob] };
}

/** The segments of a literal host, or the steps of a host pattern, which matches no address. */
function hostForms(host: string | readonly Step[]): Step[][] {
  if (typeof host === "string") return [hostSegments(host)];
  if (host.length === 1 && host[0] === MANY) return [[DNS, ONE, MANY], [IP, ONE]];
  return [[DNS, ...host.flatMap((step): Step[] => step === MANY ? [ONE, MANY] : [step])]];
}

/** The narrowest value of Deno's `net` permission; empty for every host. */
function reachOf([, ...host]: readonly Step[], port: Step): string {
  const fixed = host.slice(host.findLastIndex((step) => typeof step !== "string") + 1);
  if (fixed.length === 0) return "";
  const name = `${fixed.length === host.length ? "" : "*."}${fixed.join(".")}`;
  return port === ONE ? name : `${name}:${String(port)}`;
}
