/**
 * Resources of kind `url`: what can be fetched over HTTP.
 *
 * @module
 */
import type { ResourceKind } from "./kind.ts";
import {
  expandBraces,
  type GlobStep,
  MANY,
  ONE,
  parseSegment,
  type Pattern,
  type Step,
} from "./pattern.ts";
import { insideOnly } from "./path.ts";
import { CanonicalError, PatternError } from "./world.ts";

/** Longest URL in UTF-16 code units; RFC 9110 §4.1 asks for at least 8000 octets. */
const MAX_LENGTH = 16_384;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };
/** What the standard trims, drops or encodes: whoever sends it means harm. */
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const BLANK = /[\u0000-\u0020\u007f]/;
/** Markers between the parts of a URL; no label, path segment or query param equals one. */
const DNS = "@dns", IP = "@ip", PORT = ":", QUERY = "?";

/**
 * HTTP(S) URLs in the serialisation of the WHATWG URL Standard, which is also what `fetch` sends,
 * so that no second parser can read them differently.
 */
export const URL_KIND: ResourceKind = {
  name: "url",

  normalise(target) {
    if (target.length > MAX_LENGTH) {
      throw new CanonicalError(`A URL has at most ${MAX_LENGTH} characters`);
    }
    if (BLANK.test(target)) {
      throw new CanonicalError("A URL cannot contain white space or control characters");
    }
    if (!target.isWellFormed()) throw new CanonicalError("A URL has to be well-formed Unicode");
    const authority = /^https?:\/\/([^/?#\\]+)(?=[/?#\\]|$)/i.exec(target)?.[1];
    if (authority === undefined) {
      throw new CanonicalError(`"${shown(target)}" is not of the form http(s)://host/path`);
    }
    if (authority.includes("@")) throw new CanonicalError("A URL cannot carry credentials");
    // The standard turns it into "/".
    if (/^[^?#]*\\/.test(target)) throw new CanonicalError('A URL cannot contain "\\"');
    const url = parse(target);
    const host = canonicalHost(url.hostname);
    const path = canonicalPath(url.pathname);
    const port = url.port === "" ? "" : `:${url.port}`;
    return `${url.protocol}//${host}${port}${path}${canonicalEscapes(url.search)}`;
  },

  resolve: (normalised) => normalised,

  segments(canonical) {
    const url = new URL(canonical);
    const scheme = url.protocol.slice(0, -1);
    const segments = [scheme, ...hostSegments(url.hostname), PORT, url.port || portOf(scheme)];
    for (const name of url.pathname.slice(1).split("/")) segments.push(`/${name}`);
    segments.push(QUERY);
    if (url.search !== "") {
      for (const param of url.search.slice(1).split("&")) segments.push(`&${param}`);
    }
    return segments;
  },

  compile: (pattern) => expandBraces(pattern).flatMap(compileOne),
};

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new CanonicalError(`"${shown(text)}" is not a valid URL`);
  }
}

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function portOf(scheme: string): string {
  return DEFAULT_PORTS[scheme] ?? "";
}

function canonicalHost(hostname: string): string {
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname);
  if (mapped !== null) {
    // The same machine must not have two names (RFC 4291 §2.5.5.2).
    const bits = parseInt(mapped[1] as string, 16) * 0x10000 + parseInt(mapped[2] as string, 16);
    return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
  }
  const host = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
  if (host === "" || host.split(".").includes("") || host.length > 253) {
    throw new CanonicalError(`"${shown(hostname)}" is not a valid host`);
  }
  return host;
}

function canonicalPath(pathname: string): string {
  const path = canonicalEscapes(pathname);
  if (/%(00|0A|0D)/.test(path)) {
    throw new CanonicalError("A URL path cannot contain an encoded NUL or line break");
  }
  for (const segment of path.split("/")) {
    // What a server that decodes before it splits, or that strips ";params", would take for a dot
    // segment: "..%2Fsecret", "..;/".
    if (/(^|%2F|%5C)\.{1,2}($|;|%3B|%2F|%5C)/.test(segment)) {
      throw new CanonicalError(`A URL path cannot hide a dot segment, found "${shown(segment)}"`);
    }
  }
  return path;
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
  if (decode(canonical) !== canonical) {
    throw new CanonicalError(`A URL cannot hide an escape in another, found "${shown(text)}"`);
  }
  return canonical;
}

function hostSegments(host: string): string[] {
  return isAddress(host) ? [IP, host] : [DNS, ...host.split(".")];
}

/** Whether a canonical host is an IP address. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

function compileOne(text: string): Pattern[] {
  if (BLANK.test(text)) {
    throw new PatternError(
      `"${text}" has white space or a control character, expected it encoded, like %20`,
    );
  }
  // INVARIANT: `new URL` reads "\" as "/"; the host would end there, and be another one.
  if (/^https?:\/\/[^/?#]*\\/i.test(text)) {
    throw new PatternError(
      `"${text}" has a "\\" in its host, expected no escapes there, like api.example.com`,
    );
  }
  const parts = /^(https?):\/\/([^/?#:[\]]+|\[[^\]/]*\])(?::([^/?#]*))?(\/[^?#]*)?(?:\?([^#]*))?$/i
    .exec(text);
  if (parts === null) {
    throw new PatternError(
      `"${text}" is not a URL pattern, expected http(s)://host[:port]/path[?query]`,
    );
  }
  const scheme = (parts[1] as string).toLowerCase();
  const host = parts[2] as string;
  const port = parts[3] ?? portOf(scheme);
  if (port !== "*" && !(/^\d+$/.test(port) && Number(port) < 65_536)) {
    throw new PatternError(`"${text}" has the port "${port}", expected a number or "*"`);
  }
  if (parts[4] === undefined && parts[5] !== undefined) {
    throw new PatternError(`"${text}" has a "?" behind its host, expected a path before it`);
  }
  const path = pathSteps(parts[4] ?? "/", text);
  const query = querySteps(parts[5], text);
  const portStep = port === "*" ? ONE : String(Number(port));
  return hostForms(host, text).map(({ steps, reach }) => {
    const head: Step[] = [scheme, ...steps, PORT, portStep];
    const all: Step[] = [...head, ...insideOnly(path), QUERY, ...query];
    const name = reach === "" ? "" : port === "*" ? reach : `${reach}:${Number(port)}`;
    return {
      steps: all,
      denySteps: [...head, ...path, QUERY, ...query],
      reach: name,
      exact: all.every((step) => typeof step === "string"),
    };
  });
}

/** The forms of a host pattern; an empty `reach` means every host. */
function hostForms(host: string, text: string): { steps: Step[]; reach: string }[] {
  if (host.includes("@")) throw new PatternError(`"${text}" carries credentials`);
  if (host === "**") {
    return [{ steps: [DNS, ONE, MANY], reach: "" }, { steps: [IP, ONE], reach: "" }];
  }
  if (!/[*?[]/.test(host) || host.startsWith("[")) {
    const literal = canonicalLiteral(() => canonicalHost(parse(`http://${host}/`).hostname), text);
    return [{ steps: hostSegments(literal), reach: literal }];
  }
  const labels = host.toLowerCase().replace(/\.$/, "").split(".");
  const steps = labels.map((label) =>
    /[*]/.test(label)
      ? parseSegment(label)
      : canonicalLiteral(() => canonicalHost(parse(`http://${label}.test/`).hostname), text)
        .replace(/\.test$/, "")
  );
  if (
    labels.every((label) => /^(\*+|\d+)$/.test(label)) && labels.some((label) => /\d/.test(label))
  ) {
    throw new PatternError(
      `"${text}" could never match: wildcards do not match parts of addresses`,
    );
  }
  // deno-lint-ignore no-control-regex -- everything outside of ASCII is what it looks for
  if (labels.some((label) => label.includes("*") && /[^\x00-\x7f]/.test(label))) {
    throw new PatternError(`"${text}" could never match: canonical hosts are in ASCII (punycode)`);
  }
  if (labels.includes("")) throw new PatternError(`"${text}" has an empty host label`);
  const fixed = steps.slice(steps.findLastIndex((step) => typeof step !== "string") + 1);
  const reach = fixed.length === 0 ? "" : `*.${fixed.join(".")}`;
  const spread = steps.flatMap((step): Step[] => step === MANY ? [ONE, MANY] : [step]);
  return [{ steps: [DNS, ...spread], reach }];
}

function pathSteps(path: string, text: string): Step[] {
  if (/\\(\\|$)/.test(path)) {
    throw new PatternError(
      `"${text}" could never match: canonical URLs have no backslash in their path, and %3F for "?"`,
    );
  }
  const pathLiteral = (literal: string) =>
    // Behind another character, so that dots alone are no dot segment.
    canonicalLiteral(
      () => canonicalEscapes(parse(`http://host/x${literal}`).pathname),
      text,
    ).slice(2);
  const steps = path.slice(1).split("/").map((segment): Step => {
    const step = parseSegment(segment, (literal) => {
      const canonical = canonicalLiteral(
        () => canonicalPath(parse(`http://host/${literal}`).pathname),
        text,
      );
      if (canonical.slice(1).includes("/") || (canonical === "/" && literal !== "")) {
        throw new PatternError(`"${text}" could never match: a canonical path has no "${literal}"`);
      }
      return canonical;
    });
    return typeof step === "string" || step === ONE || step === MANY
      ? step
      : { glob: ["/", ...canonicalGlob(step.glob, pathLiteral)] };
  });
  return steps;
}

/** The literal parts of a glob as they stand in canonical URLs. */
function canonicalGlob(
  steps: readonly GlobStep[],
  canonicalise: (literal: string) => string,
): GlobStep[] {
  const found: GlobStep[] = [];
  let run = "";
  const endRun = () => {
    if (run !== "") {
      found.push(...canonicalise(run));
    }
    run = "";
  };
  for (const step of steps) {
    if (typeof step === "string") run += step;
    else if (typeof step === "object" && /[^\x21-\x7e]/.test(step.text)) {
      throw new PatternError(
        `"[${step.text}]" could never match: canonical URLs encode such characters`,
      );
    } else {
      endRun();
      found.push(step);
    }
  }
  endRun();
  return found;
}

function querySteps(query: string | undefined, text: string): Step[] {
  if (query === undefined) return [MANY];
  if (query === "") return [];
  return query.split("&").map((param): Step => {
    const queryLiteral = (literal: string) =>
      canonicalLiteral(
        () => canonicalEscapes(parse(`http://host/?x${literal}`).search),
        text,
      ).slice(2);
    const step = parseSegment(param, queryLiteral);
    if (step === ONE || step === MANY) return step;
    return typeof step === "string"
      ? `&${step}`
      : { glob: ["&", ...canonicalGlob(step.glob, queryLiteral)] };
  });
}

function canonicalLiteral(make: () => string, text: string): string {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof CanonicalError)) throw error;
    throw new PatternError(`"${text}" could never match: ${error.message}`, { cause: error });
  }
}
