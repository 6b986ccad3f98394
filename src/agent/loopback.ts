/**
 * Hosts on this machine, which a proxy of the environment cannot reach.
 *
 * @module
 */

/** A client of `fetch` that uses no proxy; to be closed. */
export type DirectClient = Deno.HttpClient;

/**
 * A client of `fetch` that connects to a host on loopback itself, whatever `HTTP_PROXY` says: a proxy
 * would look for the host on its own machine. Deno reads the proxy variables when a client is made,
 * and has no option to ignore them; a TCP "proxy" that is the host itself has that effect.
 *
 * @param address URL of the host.
 * @returns The client, to be closed; `undefined` if the host is not on loopback, or is asked by https.
 */
export function loopbackClient(address: string): DirectClient | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  if (protocol !== "http:" || !isLoopback(hostname)) return undefined;
  return Deno.createHttpClient({
    proxy: { transport: "tcp", hostname, port: Number(port || 80) },
  });
}

/**
 * Whether a host name means this machine: `localhost` and names below it (RFC 6761),
 * `127.0.0.0/8`, `::1`.
 *
 * @param hostname As in {@linkcode URL.hostname}.
 */
export function isLoopback(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
