/**
 * An address of loopback, and how it is written.
 *
 * @module
 */

/** Where it listens. */
export interface ListenAddress {
  /** An address of loopback: `127.0.0.1` or `::1`. */
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/**
 * Reads `HOST:PORT`.
 *
 * @throws {RangeError} It is not an address of loopback with a port.
 */
export function listenAddress(text: string): ListenAddress {
  const [, v4, v6, digits] = /^(?:(127\.0\.0\.1)|\[(::1)\]):(\d{1,5})$/.exec(text) ?? [];
  const hostname = v4 ?? v6;
  const port = Number(digits);
  if (hostname !== undefined && port <= 65_535) return { hostname, port };
  throw new RangeError(
    `Cannot listen at "${text}": expected 127.0.0.1:PORT or [::1]:PORT; other machines reach it through a tunnel, for example that of ssh`,
  );
}

/** As it stands in URLs, in the header `Host`, and among the permissions of Deno. */
export function shownAddress({ hostname, port }: ListenAddress): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
