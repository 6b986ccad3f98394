/**
 * Connections of programs to the network, made outside of the sandbox to an address that was checked.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { mayConnect } from "../http/address.ts";
import { foresee } from "../http/denial.ts";

/** Why no connection was made. */
export class DialError extends Error {
  override name = "DialError";
  /** `ADDRESS_DENIED` or `CONNECT_FAILED`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a connection is made with. */
export interface DialOptions {
  /** Hosts that the policy names literally: what is not on the public internet has to be one. */
  readonly named: readonly string[];
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/**
 * Connects to the host and port of a canonical URL. The name is resolved once, here.
 *
 * @throws {DialError} There is no connection, or not to an address that is allowed.
 */
export async function dial(url: URL, { named, signal }: DialOptions): Promise<Deno.TcpConn> {
  const host = url.hostname;
  const port = portOf(url);
  const hostname = host.replace(/^\[|\]$/g, "");
  const assertAllowed = (address: string) => {
    if (mayConnect({ host, address, port }, named)) return;
    throw new DialError(
      "ADDRESS_DENIED",
      `Host "${host}" leads to ${address}, which is not on the public internet, expected a rule that ` +
        "names the host and that address literally",
    );
  };
  // INVARIANT: what is known to be refused is not tried: whether something listens there is not told.
  const { denied } = foresee(url, { named, isHttp: false });
  if (denied !== undefined) throw new DialError(denied.code, denied.reason);
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port, signal });
  } catch (error) {
    // The flags of the process deny private networks after the name was resolved.
    const isDenied = error instanceof Deno.errors.NotCapable;
    throw new DialError(
      isDenied ? "ADDRESS_DENIED" : "CONNECT_FAILED",
      `Cannot connect to "${host}" port ${port}: ${messageOf(error)}`,
      { cause: error },
    );
  }
  try {
    // INVARIANT: the address that is checked is the one of the connection that is used, so that a
    // name that resolves to something else a moment later changes nothing.
    assertAllowed(connection.remoteAddr.hostname);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** The port of a URL, also where it is the default one. */
export function portOf(url: URL): number {
  return Number(url.port || (url.protocol === "https:" ? 443 : 80));
}
