/**
 * The HTTP provider: `net.http`.
 *
 * @module
 */
import { Provider, type ProviderLimits } from "../../src/worker/provider.ts";
import { credentialOf, type HttpConfig, type HttpSecret } from "./config.ts";

export type { HttpSecret };

/** Options of {@linkcode HttpProvider}. */
export interface HttpOptions extends ProviderLimits {
  /** Most redirects of one request; with 0 the first one is an error. @default 10 */
  readonly maxRedirects?: number;
  /** Most bytes of the body of a request. @default 4194304 */
  readonly maxRequestBytes?: number;
  /** Certificate authorities (PEM) beside those of Deno. @default [] */
  readonly caCerts?: readonly string[];
  /** Credentials by name, added to requests to exactly their hosts. The agent never sees them. @default {} */
  readonly secrets?: Readonly<Record<string, HttpSecret>>;
}

/**
 * Requests over HTTP, in a Worker that may connect only to what the policy names.
 *
 * The policy decides every redirect. The address of every connection is checked: one that is not on
 * the public internet is refused unless the policy names it. Requests without effect share
 * connections. See `docs/http.md`.
 *
 * @example
 * ```ts
 * import { HttpProvider } from "@agent-kernel/kernel/providers/http";
 * import { assertEquals } from "@std/assert";
 *
 * const provider = new HttpProvider({
 *   secrets: { API: { value: "s3cr3t-t0ken", prefix: "Bearer ", hosts: ["api.example.com"] } },
 * });
 * assertEquals(Deno.inspect(provider, { depth: 9 }).includes("s3cr3t"), false);
 * ```
 */
export class HttpProvider extends Provider {
  /**
   * Checks the options, and reads secrets with `env` from the environment.
   *
   * @param options Bounds, certificate authorities, secrets.
   * @throws {TypeError | RangeError} An option is not of the required form.
   */
  constructor(options: HttpOptions = {}) {
    const { maxRedirects = 10, maxRequestBytes = 4 * 1024 * 1024, caCerts = [], secrets = {} } =
      options;
    const { deadlineMs, maxOutputBytes } = options;
    super({
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
      name: "http",
      module: new URL("./worker.ts", import.meta.url),
      actions: { "net.http": {} },
      // Each hop of a redirect is a request of its own.
      records: ["net.http"],
      config: withHiddenSecrets({
        maxRedirects: count(maxRedirects, "maxRedirects"),
        maxRequestBytes: count(maxRequestBytes, "maxRequestBytes"),
        caCerts: [...caCerts],
        credentials: Object.entries(secrets).map(([name, one]) => credentialOf(name, one)),
      }),
    });
  }
}

function count(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`Cannot make provider "http": ${name} is ${value}, expected a whole number`);
}

/** A configuration that shows no secret when it is printed; a structured clone has the values. */
function withHiddenSecrets(config: HttpConfig): HttpConfig {
  const shown = {
    ...config,
    credentials: config.credentials.map((one) => ({ ...one, value: "[secret]" })),
  };
  const show = { value: () => shown };
  return Object.create(
    Object.create(Object.prototype, {
      toJSON: show,
      [Symbol.for("Deno.customInspect")]: { value: () => Deno.inspect(shown, { depth: 9 }) },
      [Symbol.for("nodejs.util.inspect.custom")]: show,
    }),
    Object.getOwnPropertyDescriptors(config),
  );
}
