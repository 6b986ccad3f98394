/**
 * `net.http`: a request, the redirects that it leads to, and the response at the end.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { SharedTimer } from "../../src/system_timer.ts";
import {
  DeniedError,
  type ProviderContext,
  ProviderError,
  type ProviderRequest,
} from "../../src/worker/mod.ts";
import { SilenceTimeout } from "../silence_timeout.ts";
import { ACCEPT_ENCODING, requestBody } from "./body.ts";
import { type HttpConfig, isReserved } from "./config.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { Credentials } from "./credentials.ts";
import { resultOf } from "./result.ts";
import { type Outgoing, type ResponseHead, valuesOf } from "./wire.ts";

/** Most seconds that a request may ask for; the deadline of the provider is shorter. */
const MAX_TIMEOUT_S = 86_400;
const DEFAULT_TIMEOUT_S = 30;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Methods that ask a server to be a proxy, or to send the request back with its headers. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** Headers that the agent gave for one origin, and that another origin must not get. */
const CREDENTIAL_HEADERS = ["authorization", "cookie"];
/** Methods without an effect (RFC 9110, section 9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** Schemes that authenticate the connection, and so every later request on it (RFC 4559). */
const CONNECTION_AUTHENTICATION = /^(negotiate|ntlm)\b/i;

/** Of all requests and idle connections: nearly every time-out is taken back. */
const TIMER = new SharedTimer();

/** The params of one hop. A redirect may drop the body. */
type Params = Readonly<Record<string, unknown>>;

/** One request in a chain of redirects. */
interface Hop {
  readonly url: URL;
  readonly params: Params;
  /** Whether a redirect has led to another origin. */
  readonly crossed: boolean;
}

/**
 * Carries out one request.
 *
 * @returns The `data` of the result.
 * @throws {DeniedError} The policy denies a redirect or the address of a host.
 * @throws {ProviderError} With one of the codes in `docs/http.md`; no message holds a secret.
 */
export async function exchange(
  request: ProviderRequest,
  context: ProviderContext,
): Promise<unknown> {
  const session = sessionOf(context.config as HttpConfig);
  const { credentials } = session;
  const seconds = timeoutOf(request.params);
  using timeout = new SilenceTimeout(seconds * 1000, TIMER, context.signal);
  try {
    return await follow(request, { ...session, context, signal: timeout.signal });
  } catch (error) {
    if (timeout.passed) {
      const message = `The request did not end within ${seconds} s`;
      throw new ProviderError("DEADLINE_EXCEEDED", message, { cause: error });
    }
    throw withoutSecrets(error, credentials);
  }
}

/** What the requests of one configuration share. */
interface Session {
  readonly config: HttpConfig;
  readonly credentials: Credentials;
  readonly pool: ConnectionPool;
}

const sessions = new WeakMap<HttpConfig, Session>();

function sessionOf(config: HttpConfig): Session {
  const session = sessions.get(config) ??
    { config, credentials: new Credentials(config.credentials), pool: new ConnectionPool(TIMER) };
  sessions.set(config, session);
  return session;
}

/** What one request is carried out with. */
interface Exchange extends Session {
  readonly context: ProviderContext;
  readonly signal: AbortSignal;
}

async function follow(
  { target, params }: ProviderRequest,
  exchange: Exchange,
): Promise<unknown> {
  const { context, config, credentials, pool, signal } = exchange;
  const { caCerts } = config;
  let hop: Hop = { url: new URL(target), params, crossed: false };
  for (let redirects = 0;; redirects++) {
    const outgoing = outgoingOf(hop, exchange);
    using response = await pool.request(outgoing, { named: context.hosts, caCerts, signal });
    const { head } = response;
    const location = redirectOf(head, params);
    if (location === undefined) {
      return await resultOf(head, response.body(), {
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
    hop = await nextHop(hop, head.status, location, exchange);
  }
}

/** The request of a hop: the agent's headers, default headers, and the secrets for this origin. */
function outgoingOf(
  { url, params, crossed }: Hop,
  { config, credentials }: Exchange,
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
  const all = {
    accept: "*/*",
    "accept-encoding": ACCEPT_ENCODING,
    "user-agent": "agent-kernel",
    ...(body?.type === undefined ? {} : { "content-type": body.type }),
    ...headers,
    ...secrets,
  };
  const keepAlive = body === undefined && mayShareConnection(method, all);
  return {
    method,
    url,
    headers: all,
    keepAlive,
    ...(body === undefined ? {} : { body: body.bytes }),
  };
}

/**
 * Whether a request without a body may share a connection with others.
 *
 * INVARIANT: no request with a body does. A server that ignores a body takes its bytes for the next
 * request (CL.0 request smuggling), which no rule has decided; after "connection: close" there is no
 * next request. And only what has no effect is sent again when an idle connection turns out closed.
 */
function mayShareConnection(method: string, headers: Readonly<Record<string, string>>): boolean {
  return SAFE_METHODS.has(method) &&
    !CONNECTION_AUTHENTICATION.test(headers["authorization"] ?? "") &&
    // "x-http-method-override" and the like make another method of it.
    !Object.keys(headers).some((name) => name.includes("method"));
}

/** The `location` of a redirect; `undefined` if the response is the result. */
function redirectOf({ status, fields }: ResponseHead, params: Params): string | undefined {
  if (!REDIRECTS.has(status) || params["follow_redirects"] === false) return undefined;
  const [location, ...more] = valuesOf(fields, "location");
  if (more.length > 0) {
    throw new ProviderError(
      "RESPONSE_MALFORMED",
      "The response is refused: it has two locations",
    );
  }
  return location;
}

/** The next hop. @throws {DeniedError} The policy denies it; the message names it. */
async function nextHop(
  from: Hop,
  status: number,
  location: string,
  { context, credentials }: Exchange,
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
  if (link === undefined) throw denied(text, "INVALID_TARGET", "it is not a URL");
  if (credentials.isIn(link.href)) {
    throw denied(link.href, "SECRET_IN_REDIRECT", "it would carry a secret on");
  }
  const crossed = from.crossed || link.origin !== from.url.origin;
  const params = paramsAfter(from.params, status, crossed, credentials);
  // INVARIANT: decided are the params with which the hop is carried out, carried out is what was decided.
  const decision = await context.decide({ target: link.href, params });
  if (!decision.allowed) {
    throw denied(decision.target, decision.code, decision.reason, decision.rule);
  }
  return { url: new URL(decision.target), params, crossed };
}

/** The params after a redirect (WHATWG Fetch Standard, "HTTP-redirect fetch"). */
function paramsAfter(
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

/** The headers in the canonical form of the gate: strings, names in lower case. */
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

/** The same failure with secrets replaced in its message. */
function withoutSecrets(error: unknown, credentials: Credentials): unknown {
  const message = messageOf(error);
  if (!credentials.isIn(message)) return error;
  const shown = credentials.redact(message);
  if (error instanceof DeniedError) {
    return new DeniedError(error.code, shown, error.rule === undefined ? {} : { rule: error.rule });
  }
  return new ProviderError(error instanceof ProviderError ? error.code : "PROVIDER_ERROR", shown);
}
