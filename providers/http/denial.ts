/**
 * What is refused of a URL beside the policy, and what is known of that before a connection is made.
 *
 * @module
 */
import { canonicalAddress, isLocalName, mayConnect, missingRules } from "./address.ts";

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

/** Why no request goes to a port; `undefined` if one may. */
function portDenial(port: number): string | undefined {
  return BAD_PORTS.has(port) ? `Port ${port} belongs to a service that is not HTTP` : undefined;
}

/**
 * Why no connection to an address is made, and the rules to add.
 *
 * @param address Where the host leads to, or a description of that.
 * @param named The hosts that the policy names literally.
 */
export function addressDenial(url: URL, address: string, named: readonly string[]): string {
  const rules = missingRules(url, canonicalAddress(address), named)
    .map((resource) => `{ action: net.http, resource: "${resource}" }`);
  return `Host "${url.hostname}" leads to ${address}, which is not on the public internet; to allow ` +
    `it, name it literally, with a path that opens nothing else: add ${rules.join(" and ")}`;
}

/** Whether the host of a URL is an address, and no name. */
function isLiteral({ hostname }: URL): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The port of a URL, also where the URL leaves it out. */
export function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

/** What is known of a URL before a connection is made. */
export interface Foresight {
  /** Set if it will be refused for certain: the code and the reason. */
  readonly denied?: { readonly code: string; readonly reason: string };
  /** What is going to be looked at, a sentence; absent if nothing can fail any more. */
  readonly checked?: string;
}

/** The addresses of names that lead to this machine (RFC 6761 §6.3). */
const LOOPBACK = "127.0.0.1";

/**
 * What will be refused of a URL that the policy allows. Resolves nothing.
 *
 * @param url In canonical form.
 * @param named The hosts that the policy names literally.
 * @param isHttp Whether a request is made, for which some ports are refused, or only a connection.
 */
export function foresee(
  url: URL,
  { named, isHttp }: { readonly named: readonly string[]; readonly isHttp: boolean },
): Foresight {
  const port = portOf(url);
  const { hostname: host } = url;
  const ofPort = isHttp ? portDenial(port) : undefined;
  if (ofPort !== undefined) return { denied: { code: "PORT_DENIED", reason: ofPort } };
  const address = isLiteral(url)
    ? host.replace(/^\[|\]$/g, "")
    : isLocalName(host)
    ? LOOPBACK
    : undefined;
  if (address !== undefined) {
    if (mayConnect({ host, address, port }, named)) return {};
    return { denied: { code: "ADDRESS_DENIED", reason: addressDenial(url, address, named) } };
  }
  const isNamed = named.includes(host) || named.includes(`${host}:${port}`);
  const unless = isNamed
    ? "unless a rule names that address literally, as one names the host"
    : "unless rules name both the host and that address literally";
  return {
    checked:
      `the address of "${host}", when the connection is made: one that is not on the public ` +
      `internet is ADDRESS_DENIED, ${unless}`,
  };
}
