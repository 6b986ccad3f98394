/**
 * Connections whose address was checked before the first byte goes out.
 *
 * @module
 */
import { DeniedError, ProviderError } from "../../src/worker/mod.ts";
import { mayConnect } from "./address.ts";

/** What a connection is made with. */
export interface ConnectOptions {
  /** Hosts that the policy names literally. */
  readonly named: readonly string[];
  /** Further certificate authorities (PEM). */
  readonly caCerts: readonly string[];
  /** Ends the connection, also while it is in use. */
  readonly signal: AbortSignal;
}

/**
 * Ports of services that take lines of an HTTP request for commands: those that `fetch` refuses too
 * (WHATWG Fetch Standard, "bad port").
 */
// deno-fmt-ignore -- a table
const BAD_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
  103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
  512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
  995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
  6669, 6679, 6697, 10080,
]);

/** A connection to the host of a canonical URL. The name is resolved once, here. */
export async function connect(url: URL, options: ConnectOptions): Promise<Deno.Conn> {
  const { named, caCerts, signal } = options;
  const secure = url.protocol === "https:";
  const port = Number(url.port || (secure ? 443 : 80));
  const host = url.hostname;
  const hostname = host.replace(/^\[|\]$/g, "");
  if (BAD_PORTS.has(port)) {
    throw new DeniedError("PORT_DENIED", `Port ${port} belongs to a service that is not HTTP`);
  }
  const isLiteral = hostname !== host || /^\d+\.\d+\.\d+\.\d+$/.test(host);
  if (isLiteral) assertAllowed(host, hostname, port, named);
  const tcp = await open(hostname, port, signal);
  try {
    // INVARIANT: the address that is checked is the one of the connection that is used, so that a
    // name that resolves to something else a moment later changes nothing.
    const { remoteAddr } = tcp;
    if (remoteAddr.transport !== "tcp") throw denied(host, "an unknown address");
    assertAllowed(host, remoteAddr.hostname, port, named);
    if (!secure) return tcp;
    const tls = await Deno.startTls(tcp, {
      hostname,
      caCerts: [...caCerts],
      alpnProtocols: ["http/1.1"],
    });
    closeOnAbort(tls, signal);
    await tls.handshake();
    return tls;
  } catch (error) {
    close(tcp);
    if (error instanceof ProviderError) throw error;
    throw failure("TLS_FAILED", `Cannot speak TLS with "${url.host}"`, error);
  }
}

/** Closes a connection; that it is closed already is no error. */
export function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function open(hostname: string, port: number, signal: AbortSignal): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  try {
    const connection = await Deno.connect({ hostname, port, signal });
    closeOnAbort(connection, signal);
    return connection;
  } catch (error) {
    signal.throwIfAborted();
    // The flags of the process deny private networks after the name was resolved.
    if (error instanceof Deno.errors.NotCapable) {
      throw denied(hostname, "an address that is denied");
    }
    throw failure("CONNECT_FAILED", `Cannot connect to "${hostname}" port ${port}`, error);
  }
}

function closeOnAbort(connection: Deno.Conn, signal: AbortSignal): void {
  signal.addEventListener("abort", () => close(connection), { once: true });
}

function assertAllowed(
  host: string,
  address: string,
  port: number,
  named: readonly string[],
): void {
  if (!mayConnect({ host, address, port }, named)) throw denied(host, address);
}

function denied(host: string, address: string): DeniedError {
  return new DeniedError(
    "ADDRESS_DENIED",
    `Host "${host}" leads to ${address}, which is not on the public internet; a rule has to name ` +
      "that address literally",
  );
}

function failure(code: string, what: string, error: unknown): ProviderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ProviderError(code, `${what}: ${reason}`, { cause: error });
}
