/**
 * Connections whose address is checked before the first byte goes out.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { DeniedError, ProviderError } from "../../src/worker/mod.ts";
import { mayConnect } from "./address.ts";
import { addressDenial, foresee, portOf } from "./denial.ts";

/** What a connection is made with. */
export interface ConnectOptions {
  /** Hosts that the policy names literally. */
  readonly named: readonly string[];
  /** Further certificate authorities (PEM). */
  readonly caCerts: readonly string[];
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/** A connection, and the address that was checked. */
export interface CheckedConnection {
  readonly connection: Deno.Conn;
  /** The IP address of the other end. */
  readonly address: string;
}

/**
 * Connects to the host of a URL. The name is resolved once, here.
 *
 * @param url In canonical form.
 * @throws {DeniedError} `PORT_DENIED`; `ADDRESS_DENIED`: the address is not public, and no rule names it.
 * @throws {ProviderError} `CONNECT_FAILED`, `TLS_FAILED`
 */
export async function connect(url: URL, options: ConnectOptions): Promise<CheckedConnection> {
  const { named, caCerts, signal } = options;
  const secure = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  // INVARIANT: what is known to be refused is not tried: whether something listens there is not told.
  const { denied: known } = foresee(url, { named, isHttp: true });
  if (known !== undefined) throw new DeniedError(known.code, known.reason);
  const tcp = await open(url, hostname, options);
  using guard = new CloseOnAbort(tcp, signal);
  try {
    // INVARIANT: the address that is checked is the one of the connection that is used. A name that
    // resolves to another address a moment later changes nothing.
    const { remoteAddr } = tcp;
    if (remoteAddr.transport !== "tcp") throw denied(url, "an unknown address", named);
    const address = remoteAddr.hostname;
    assertAllowed(url, address, named);
    if (!secure) return { connection: tcp, address };
    const tls = await Deno.startTls(tcp, {
      hostname,
      caCerts: [...caCerts],
      alpnProtocols: ["http/1.1"],
    });
    guard.connection = tls;
    await tls.handshake();
    return { connection: tls, address };
  } catch (error) {
    close(guard.connection);
    if (error instanceof ProviderError) throw error;
    const message = `Cannot speak TLS with "${url.host}": ${messageOf(error)}`;
    throw new ProviderError("TLS_FAILED", message, { cause: error });
  }
}

/** Closes a connection. A connection that is closed already is left as it is. */
export function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Closes a connection when a signal is aborted, until it is disposed of. */
export class CloseOnAbort implements Disposable {
  /** What is closed. */
  connection: Deno.Conn;
  readonly #signal: AbortSignal;
  readonly #abort = () => close(this.connection);

  constructor(connection: Deno.Conn, signal: AbortSignal) {
    this.connection = connection;
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.#abort();
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

async function open(
  url: URL,
  hostname: string,
  { named, signal }: ConnectOptions,
): Promise<Deno.TcpConn> {
  const port = portOf(url);
  signal.throwIfAborted();
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    signal.throwIfAborted();
    // The flags of the process deny private networks after the name was resolved.
    if (error instanceof Deno.errors.NotCapable) {
      throw denied(url, "an address that is denied to this process", named);
    }
    const message = `Cannot connect to "${hostname}" port ${port}: ${messageOf(error)}`;
    throw new ProviderError("CONNECT_FAILED", message, { cause: error });
  }
}

function assertAllowed(url: URL, address: string, named: readonly string[]): void {
  const endpoint = { host: url.hostname, address, port: portOf(url) };
  if (!mayConnect(endpoint, named)) throw denied(url, address, named);
}

function denied(url: URL, address: string, named: readonly string[]): DeniedError {
  return new DeniedError("ADDRESS_DENIED", addressDenial(url, address, named));
}
