/**
 * The action of the HTTP provider, and the one form of its params: a constraint cannot be passed by
 * spelling them otherwise.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";
import { CanonicalError } from "../core/resource/world.ts";

type Params = Readonly<Record<string, unknown>>;

/** A token of RFC 9110, section 5.6.2: methods and names of header fields. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a field value may not hold (RFC 9110, section 5.5): a line break would begin another field. */
// deno-lint-ignore no-control-regex -- control characters are what it is about
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Of `net.http`: the method in upper case; names of headers in lower case, each once. */
export function httpParams(params: Params): Params {
  const { method, headers } = params;
  if (typeof method !== "string" || !TOKEN.test(method)) {
    throw new CanonicalError('The param "method" has to be an HTTP method, like "GET"');
  }
  const canonical = { ...params, method: method.toUpperCase() };
  return headers === undefined ? canonical : { ...canonical, headers: fields(headers) };
}

/** The same of constraints on `net.http`: what is equal to `get` is equal to `GET`. */
export function httpConstraint(constraint: Params): Params {
  const entries = Object.entries(constraint).map(([param, condition]): [string, unknown] => {
    if (param === "method") return [param, upperCase(condition)];
    return [param.startsWith("headers.") ? param.toLowerCase() : param, condition];
  });
  if (new Set(entries.map(([param]) => param)).size < entries.length) {
    throw new CanonicalError("A header is named twice, once in upper and once in lower case");
  }
  return Object.fromEntries(entries);
}

/** All texts in a condition; its keys are operators. */
function upperCase(condition: unknown): unknown {
  if (typeof condition === "string") return condition.toUpperCase();
  if (Array.isArray(condition)) return condition.map(upperCase);
  if (condition === null || typeof condition !== "object") return condition;
  return Object.fromEntries(
    Object.entries(condition).map(([operator, operand]) => [operator, upperCase(operand)]),
  );
}

function fields(headers: unknown): Params {
  if (headers === null || typeof headers !== "object" || Array.isArray(headers)) {
    throw new CanonicalError('The param "headers" has to be an object of texts');
  }
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    if (!TOKEN.test(name)) {
      throw new CanonicalError(`The header ${JSON.stringify(name)} has a name that HTTP forbids`);
    }
    if (typeof value !== "string" || CONTROL.test(value)) {
      throw new CanonicalError(`The header "${name}" has to be a text without control characters`);
    }
    return [name.toLowerCase(), value.trim()];
  });
  const names = new Set(entries.map(([name]) => name));
  if (names.size < entries.length) {
    throw new CanonicalError('The param "headers" names a header twice');
  }
  return Object.fromEntries(entries);
}

/**
 * `net.http`: one HTTP request. `net.connect`: a tunnel to a host and port, whatever goes through it;
 * its target is `https://host:port/`.
 */
export const HTTP_ACTIONS: ActionTable = {
  "net.http": {
    kind: "url",
    defaults: { method: "GET" },
    canonicalParams: httpParams,
    canonicalConstraint: httpConstraint,
    params: ["method", "headers", "body", "encoding", "timeout", "follow_redirects", "max_bytes"],
  },
  "net.connect": { kind: "url", params: [] },
};
