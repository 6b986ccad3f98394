/**
 * The form of canonical targets, by kind: what a search for targets has to know of them.
 *
 * @module
 */
import type { KindName } from "../core/resource/kind.ts";
import type { Characters, Grammar } from "./language.ts";

const MARKERS = /^[\0/]$/;
const FILE: Characters = {
  prefix: "",
  allows: (character) => !MARKERS.test(character),
  min: 1,
  without: [".", ".."],
};
const NAME: Characters = { ...FILE, allows: (character) => /^[^\p{Cc}/]$/u.test(character) };
// More than there is, never less: what is found is made canonical and looked at again.
const LABEL: Characters = {
  prefix: "",
  allows: (character) => /^[!-~]$/.test(character) && !/[A-Z#%/:<>?@[\\\]^|.*]/.test(character),
  min: 1,
};
const PATH_SEGMENT: Characters = {
  prefix: "/",
  allows: (character) => /^[!-~]$/.test(character) && !/[/?#]/.test(character),
  min: 0,
  without: ["/.", "/.."],
};
const PARAM: Characters = {
  prefix: "&",
  allows: (character) => /^[!-~]$/.test(character) && !/[&#]/.test(character),
  min: 1,
};

/** Ports, the usual ones first. */
const PORTS = [443, 80, 8443, 8080, 3000]
  .concat(Array.from({ length: 4000 }, (_, i) => 10_000 + i)).map(String);
/** Addresses for examples (RFC 5737, RFC 3849). */
const ADDRESSES = [
  ...["192.0.2", "198.51.100", "203.0.113"].flatMap((net) =>
    Array.from({ length: 254 }, (_, i) => `${net}.${i + 1}`)
  ),
  "[2001:db8::1]",
];

const ON_PATHS: Grammar = {
  start: "path",
  accepts: () => true,
  shapes: { path: [{ phase: "path", open: FILE }] },
};

/** The form of canonical targets by kind. */
export const GRAMMARS: Readonly<Record<KindName, Grammar>> = {
  path: ON_PATHS,
  command: ON_PATHS,
  name: {
    start: "start",
    accepts: (phase) => phase === "name",
    shapes: {
      start: [{ phase: "name", open: NAME }],
      name: [{ phase: "name", open: NAME }],
    },
  },
  url: {
    start: "scheme",
    accepts: (phase) => phase === "no query" || phase === "query",
    shapes: {
      "scheme": [{ phase: "marker", fixed: ["https", "http"] }],
      "marker": [{ phase: "host", fixed: ["@dns"] }, { phase: "address", fixed: ["@ip"] }],
      "host": [{ phase: "hosts", open: LABEL }],
      "hosts": [{ phase: "hosts", open: LABEL }, { phase: "port", fixed: [":"] }],
      "address": [{ phase: "addressed", pool: ADDRESSES }],
      "addressed": [{ phase: "port", fixed: [":"] }],
      "port": [{ phase: "path", pool: PORTS }],
      "path": [{ phase: "paths", open: PATH_SEGMENT }],
      "paths": [{ phase: "paths", open: PATH_SEGMENT }, { phase: "no query", fixed: ["?"] }],
      "no query": [
        { phase: "query", open: PARAM },
        { phase: "empty query", fixed: ["&"] },
      ],
      // "?" and one empty param is the URL without query.
      "empty query": [
        { phase: "query", open: PARAM },
        { phase: "query", fixed: ["&"] },
      ],
      "query": [{ phase: "query", open: PARAM }, { phase: "query", fixed: ["&"] }],
    },
  },
};

/** The canonical target of segments. */
export function targetOf(kind: KindName, segments: readonly string[]): string {
  if (kind === "name") return segments.join("/");
  if (kind !== "url") return `/${segments.join("/")}`;
  const [scheme = "", , ...rest] = segments;
  const at = rest.indexOf(":");
  const query = rest.indexOf("?", at);
  const port = rest[at + 1] ?? "";
  const isUsual = port === (scheme === "https" ? "443" : "80");
  const params = rest.slice(query + 1).map((param) => param.slice(1)).join("&");
  return `${scheme}://${rest.slice(0, at).join(".")}${isUsual ? "" : `:${port}`}${
    rest.slice(at + 2, query).join("")
  }${params === "" ? "" : `?${params}`}`;
}
