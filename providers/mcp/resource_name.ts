/**
 * The URI of a resource of a server, as the name that a policy decides about.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";
import { escape } from "../../src/visible_text.ts";

/** Most characters of a URI. */
const MAX_URI = 2048;
// https://www.rfc-editor.org/rfc/rfc3986#section-3.1
const SCHEME = /^([a-z][a-z0-9+.-]*):(\/\/)?/i;
/** What a person would not see, or take for something else. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Z}\p{Cs}\p{Co}\p{DI}\\]/u;
/** Stands for a segment that is empty. A URI has no `%` without two digits behind it. */
const EMPTY = "%";
/** A server may decode a URI more than once. */
const MAX_DECODED = 4;

/**
 * The target of `mcp.read`: `files` and `file:///srv/a.txt` are `files/file:/srv/a.txt`, `notes` and
 * `note://today` are `notes/note:today`. Behind the colon comes the authority, which may be empty. No two
 * URIs have the same name.
 *
 * @param server The name of the server.
 * @param uri As the server lists it.
 * @throws {ProviderError} `INVALID_URI`: it has no such name, because it is no URI, has characters that do not
 * show, or dot segments in any number of encodings (a server might take them for another resource).
 */
export function resourceName(server: string, uri: string): string {
  const [start = "", scheme = "", slashes] = SCHEME.exec(uri) ?? [];
  const problem = start === "" ? "it does not begin with a scheme" : problemOf(uri);
  if (problem !== undefined) throw invalid(uri, problem);
  const rest = uri.slice(start.length);
  if (slashes === undefined && rest.startsWith("/")) {
    throw invalid(uri, 'a path needs "//" before its authority');
  }
  // Without "//" there is no authority: "%" stands in its place, which no authority is.
  const [first = "", ...more] = slashes === undefined
    ? [EMPTY, ...rest.split("/")]
    : rest.split("/");
  const segments = more.map((segment) => segment === "" ? EMPTY : segment);
  return [server, `${scheme.toLowerCase()}:${first}`, ...segments].join("/");
}

/**
 * The server and the URI of a target of `mcp.read`.
 *
 * @throws {ProviderError} `INVALID_TARGET`: it is not the name of a resource.
 */
export function resourceOf(target: string): { readonly server: string; readonly uri: string } {
  const [server = "", head = "", ...more] = target.split("/");
  const [, scheme, first] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(head) ?? [];
  const segments = more.map((segment) => segment === EMPTY ? "" : segment);
  const uri = first === EMPTY
    ? `${scheme}:${segments.join("/")}`
    : `${scheme}://${[first, ...segments].join("/")}`;
  // INVARIANT: what is read is what was decided: the name of the URI is the target.
  if (scheme === undefined || server === "" || nameOrNone(server, uri) !== target) {
    throw new ProviderError(
      "INVALID_TARGET",
      `The target "${
        escape(target)
      }" of mcp.read is no resource, expected a server and a URI, like ` +
        "files/file:/srv/a.txt for file:///srv/a.txt",
    );
  }
  return { server, uri };
}

function nameOrNone(server: string, uri: string): string | undefined {
  try {
    return resourceName(server, uri);
  } catch {
    return undefined; // It has none: the target is not the name of a resource.
  }
}

function problemOf(uri: string): string | undefined {
  if (uri.length > MAX_URI) return `it has more than ${MAX_URI} characters`;
  if (UNSEEN.test(uri) || uri.normalize("NFC") !== uri) {
    return "it has spaces, backslashes, or characters that do not show as themselves";
  }
  if (/%(?![0-9a-f]{2})/i.test(uri)) return 'it has a "%" that encodes nothing';
  let decoded = uri.replace(/[?#].*$/s, "");
  for (let round = 0; round <= MAX_DECODED; round++) {
    if (/(^|[/\\])\.\.?([/\\]|$)/.test(decoded.replace(SCHEME, ""))) return "it has a dot segment";
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    if (/[\u0000-\u001f\u007f]/.test(decoded)) return "it has an encoded control character";
    const next = decoded.replace(
      /%[0-7][0-9a-f]/gi,
      (code) => String.fromCharCode(parseInt(code.slice(1), 16)),
    );
    if (next === decoded) return undefined;
    decoded = next;
  }
  return "it is encoded many times over";
}

function invalid(uri: string, why: string): ProviderError {
  const shown = escape(uri.length > 200 ? `${uri.slice(0, 200)}…` : uri);
  return new ProviderError("INVALID_URI", `"${shown}" is no URI of a resource: ${why}`);
}
