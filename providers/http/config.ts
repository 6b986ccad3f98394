/**
 * The configuration of the HTTP provider, checked and as its Worker gets it.
 *
 * @module
 */

/** A credential that requests carry without the agent knowing it. */
export interface HttpSecret {
  /** The header that carries it. @default "authorization" */
  readonly header?: string;
  /** The credential itself. Either this or `env` is required. */
  readonly value?: string;
  /** The environment variable that holds it, read once; the process needs `--allow-env` for it. */
  readonly env?: string;
  /** Text before it in the header, for example `"Bearer "`. @default "" */
  readonly prefix?: string;
  /**
   * The only hosts that get it: `host` or `host:port` (over HTTPS), or an origin. An origin of plain
   * HTTP has to be on loopback, as in `"http://127.0.0.1:8080"`.
   */
  readonly hosts: readonly string[];
}

/** A secret in the form that the Worker uses. */
export interface Credential {
  readonly name: string;
  /** In lower case. */
  readonly header: string;
  readonly prefix: string;
  readonly value: string;
  readonly origins: readonly string[];
}

/** The configuration in the form that the Worker gets. */
export interface HttpConfig {
  readonly maxRedirects: number;
  readonly maxRequestBytes: number;
  readonly caCerts: readonly string[];
  readonly credentials: readonly Credential[];
}

/** A shorter secret would be redacted in places where it is an ordinary word. */
const MIN_SECRET_LENGTH = 8;

/**
 * Checks a secret, and reads it from the environment if it names a variable.
 *
 * @param name The name of the secret, for messages.
 * @throws {TypeError | RangeError} It is not of the required form. The message never shows its value.
 */
export function credentialOf(name: string, secret: HttpSecret): Credential {
  const { header = "authorization", prefix = "", hosts } = secret;
  const wrong = (what: string) => new RangeError(`Cannot use secret "${name}": ${what}`);
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name)) throw wrong("expected a name of letters, digits, _.-");
  if (!/^[A-Za-z0-9-]+$/.test(header) || isReserved(header.toLowerCase())) {
    throw wrong(`the header "${header}" cannot be set`);
  }
  if (!Array.isArray(hosts) || hosts.length === 0) throw wrong("it has no hosts");
  const value = secret.value ?? valueFromEnvironment(name, secret.env);
  if (value.length < MIN_SECRET_LENGTH) {
    throw wrong(`its value is shorter than ${MIN_SECRET_LENGTH} characters`);
  }
  if (!/^[\x20-\x7e]+$/.test(prefix + value) || value.trim() !== value) {
    throw wrong("its value cannot stand in a header");
  }
  const origins = hosts.map((host) => originOf(host, wrong));
  return { name, header: header.toLowerCase(), prefix, value, origins };
}

/**
 * Whether a request may not set a header: it belongs to the connection or to the framing of messages
 * (RFC 9110, section 7.6.1), or only browsers may send it (`sec-*`).
 */
export function isReserved(header: string): boolean {
  return RESERVED.has(header) || /^(proxy|sec)-/.test(header);
}

const RESERVED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "cookie2",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function valueFromEnvironment(name: string, variable: string | undefined): string {
  if (variable === undefined) {
    throw new TypeError(`Cannot use secret "${name}": it has neither "value" nor "env"`);
  }
  const value = Deno.env.get(variable);
  if (value === undefined || value === "") {
    throw new TypeError(
      `Cannot use secret "${name}": the environment variable "${variable}" is not set`,
    );
  }
  return value;
}

function originOf(host: string, wrong: (what: string) => RangeError): string {
  const text = host.includes("://") ? host : `https://${host}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // INVARIANT: whole hosts only; a pattern could name one that somebody else owns.
  if (
    url === undefined || url.hostname === "" || /[*?@]/.test(host) || url.pathname !== "/" ||
    url.search !== "" || url.hash !== "" || url.hostname.endsWith(".")
  ) {
    throw wrong(
      `"${host}" is not a host, expected for example "api.example.com" or "127.0.0.1:8080"`,
    );
  }
  const isLocal = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) {
    throw wrong(`"${host}" is not HTTPS, the secret could be read on the network`);
  }
  return url.origin;
}
