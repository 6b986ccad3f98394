/**
 * `net.http`: a request, the redirects that it leads to, and the response at the end.
 *
 * @module
 */
import {
  DeniedError,
  type ProviderContext,
  ProviderError,
  type ProviderRequest,
} from "../../src/worker/mod.ts";
import { ACCEPT_ENCODING, requestBody } from "./body.ts";
import { type HttpConfig, isReserved } from "./config.ts";
import { close, connect } from "./connection.ts";
import { Credentials } from "./credentials.ts";
import { resultOf } from "./result.ts";
import {
  headOf,
  type Outgoing,
  type ResponseHead,
  ResponseReader,
  send,
  valuesOf,
} from "./wire.ts";

/** Longest time that a request may ask for: more than any deadline is no limit. */
const MAX_TIMEOUT_S = 86_400;
const DEFAULT_TIMEOUT_S = 30;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Methods that ask a server to send the request back, headers included, or to be a proxy. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** What the agent gave for one origin, and another must not get. */
const CREDENTIAL_HEADERS = ["authorization", "cookie"];

/** The params of one hop; their body may be dropped on the way. */
type Params = Readonly<Record<string, unknown>>;

/** Where the chain of redirects has come to. */
interface Hop {
  readonly url: URL;
  readonly params: Params;
  /** Whether a redirect has led to another origin. */
  readonly crossed: boolean;
}

/** Carries out one request. */
export async function exchange(
  request: ProviderRequest,
  context: ProviderContext,
): Promise<unknown> {
  const config = context.config as HttpConfig;
  const credentials = credentialsOf(config);
  const seconds = timeoutOf(request.params);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), seconds * 1000);
  const signal = AbortSignal.any([context.signal, timeout.signal]);
  try {
    return await follow(request, { context, config, credentials, signal });
  } catch (error) {
    if (timeout.signal.aborted) {
      const message = `The request did not end within ${seconds} s`;
      throw new ProviderError("DEADLINE_EXCEEDED", message, { cause: error });
    }
    throw withoutSecrets(error, credentials);
  } finally {
    clearTimeout(timer);
  }
}

const known = new WeakMap<HttpConfig, Credentials>();

function credentialsOf(config: HttpConfig): Credentials {
  const credentials = known.get(config) ?? new Credentials(config.credentials);
  known.set(config, credentials);
  return credentials;
}

interface Surroundings {
  readonly context: ProviderContext;
  readonly config: HttpConfig;
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
}

async function follow(
  { target, params }: ProviderRequest,
  surroundings: Surroundings,
): Promise<unknown> {
  const { context, config, credentials, signal } = surroundings;
  let hop: Hop = { url: new URL(target), params, crossed: false };
  for (let redirects = 0;; redirects++) {
    const outgoing = outgoingOf(hop, surroundings);
    const start = headOf(outgoing);
    using connection = closing(
      await connect(hop.url, { named: context.hosts, caCerts: config.caCerts, signal }),
    );
    // A server may answer before it has read everything, and then not read on.
    send(connection.inner, [start, outgoing.body ?? new Uint8Array()]).catch(() => {});
    const reader = new ResponseReader(connection.inner);
    const head = await reader.head();
    const location = redirectOf(head, params);
    if (location === undefined) {
      return await resultOf(head, reader.body(head, outgoing.method), {
        context,
        credentials,
        params,
        ...(redirects === 0 ? {} : { url: hop.url.href }),
      });
    }
    if (redirects === config.maxRedirects) {
      throw new ProviderError(
        "TOO_MANY_REDIRECTS",
        `"${target}" leads to more than ${config.maxRedirects} redirects`,
      );
    }
    hop = await nextHop(hop, head.status, location, surroundings);
  }
}

/** What goes out for a hop: the agent's headers, what they lack, and secrets that are for this origin. */
function outgoingOf(
  { url, params, crossed }: Hop,
  { config, credentials }: Surroundings,
): Outgoing {
  const method = params["method"] as string;
  if (REFUSED_METHODS.has(method)) {
    throw new ProviderError("METHOD_REFUSED", `The method ${method} is not carried out`);
  }
  const headers = headersOf(params);
  const secrets = crossed ? {} : credentials.for(url.origin);
  for (const name of Object.keys(headers)) {
    if (isReserved(name)) {
      throw new ProviderError("HEADER_REFUSED", `The header "${name}" cannot be set by a request`);
    }
    if (Object.hasOwn(secrets, name)) {
      throw new ProviderError(
        "HEADER_REFUSED",
        `The header "${name}" is set by the configuration for ${url.origin}, leave it out`,
      );
    }
  }
  const body = requestBody(params);
  if (body !== undefined && body.bytes.length > config.maxRequestBytes) {
    throw new ProviderError(
      "BODY_TOO_LARGE",
      `The body has ${body.bytes.length} bytes, more than the ${config.maxRequestBytes} that are allowed`,
    );
  }
  return {
    method,
    url,
    headers: {
      accept: "*/*",
      "accept-encoding": ACCEPT_ENCODING,
      "user-agent": "agent-kernel",
      ...(body?.type === undefined ? {} : { "content-type": body.type }),
      ...headers,
      ...secrets,
    },
    ...(body === undefined ? {} : { body: body.bytes }),
  };
}

/** Where a response leads to, as it says itself; `undefined` if the request ends with it. */
function redirectOf({ status, fields }: ResponseHead, params: Params): string | undefined {
  if (!REDIRECTS.has(status) || params["follow_redirects"] === false) return undefined;
  const [location, ...more] = valuesOf(fields, "location");
  if (more.length > 0) {
    throw new ProviderError(
      "RESPONSE_MALFORMED",
      "The response is refused: it leads to two places",
    );
  }
  return location;
}

/** The next hop, as the gate allows it. @throws {DeniedError} It does not; the hop is named. */
async function nextHop(
  from: Hop,
  status: number,
  location: string,
  { context, credentials }: Surroundings,
): Promise<Hop> {
  const denied = (to: string, code: string, reason: string, rule?: string) =>
    new DeniedError(
      code,
      `The redirect from "${from.url.href}" to "${to}" is denied: ${reason}`,
      rule === undefined ? {} : { rule },
    );
  const bytes = Uint8Array.from(location, (char) => char.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  const link = /[\t ]/.test(text) || !URL.canParse(text, from.url.href)
    ? undefined
    : new URL(text, from.url);
  if (link === undefined) throw denied(text, "INVALID_TARGET", "it is no URL");
  if (credentials.isIn(link.href)) {
    throw denied(link.href, "SECRET_IN_REDIRECT", "it would carry a secret on");
  }
  const crossed = from.crossed || link.origin !== from.url.origin;
  const params = paramsBehind(from.params, status, crossed, credentials);
  // INVARIANT: decided are the params with which the hop is carried out, carried out is what was decided.
  const verdict = await context.decide({ target: link.href, params });
  if (!verdict.allowed) throw denied(verdict.target, verdict.code, verdict.reason, verdict.rule);
  return { url: new URL(verdict.target), params, crossed };
}

/** What a redirect leaves of the params (WHATWG Fetch Standard, "HTTP-redirect fetch"). */
function paramsBehind(
  params: Params,
  status: number,
  crossed: boolean,
  credentials: Credentials,
): Params {
  const method = params["method"];
  const becomesGet = status === 303
    ? method !== "GET" && method !== "HEAD"
    : (status === 301 || status === 302) && method === "POST";
  const keeps = (name: string) =>
    !(becomesGet && name.startsWith("content-")) &&
    !(crossed && (CREDENTIAL_HEADERS.includes(name) || credentials.isCarrier(name)));
  const kept: Record<string, unknown> = { ...params };
  if (params["headers"] !== undefined) {
    kept["headers"] = Object.fromEntries(
      Object.entries(headersOf(params)).filter(([name]) => keeps(name)),
    );
  }
  if (becomesGet) {
    kept["method"] = "GET";
    delete kept["body"];
    delete kept["encoding"];
  }
  return kept;
}

/** In the canonical form of the gate: texts, names in lower case. */
function headersOf(params: Params): Readonly<Record<string, string>> {
  return (params["headers"] ?? {}) as Record<string, string>;
}

function timeoutOf({ timeout = DEFAULT_TIMEOUT_S }: Params): number {
  if (typeof timeout === "number" && timeout > 0) return Math.min(timeout, MAX_TIMEOUT_S);
  throw new ProviderError(
    "INVALID_PARAMS",
    'The param "timeout" has to be a positive number of seconds',
  );
}

function closing(inner: Deno.Conn): Disposable & { readonly inner: Deno.Conn } {
  return { inner, [Symbol.dispose]: () => close(inner) };
}

/** The same failure with a message that can be shown. */
function withoutSecrets(error: unknown, credentials: Credentials): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (!credentials.isIn(message)) return error;
  const shown = credentials.redact(message);
  if (error instanceof DeniedError) {
    return new DeniedError(error.code, shown, error.rule === undefined ? {} : { rule: error.rule });
  }
  return new ProviderError(error instanceof ProviderError ? error.code : "PROVIDER_ERROR", shown);
}
