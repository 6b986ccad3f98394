/**
 * Which addresses a URL may lead to.
 *
 * @module
 */
import { contains, PRIVATE_NETWORKS } from "../../src/launch/private_networks.ts";

/** Further ranges that hold no machine of the public internet. */
const OTHER_NETWORKS = [
  "192.0.2.0/24", // documentation (RFC 5737)
  "192.88.99.0/24", // 6to4 relays (RFC 7526)
  "198.51.100.0/24", // documentation (RFC 5737)
  "203.0.113.0/24", // documentation (RFC 5737)
  "2001::/23", // protocol assignments, with Teredo (RFC 2928, RFC 4380)
  "2001:db8::/32", // documentation (RFC 3849)
  "2002::/16", // 6to4, which leads to an IPv4 address (RFC 3056)
  "3fff::/20", // documentation (RFC 9637)
];
/** The only IPv6 range for public addresses; the rest has special meanings (RFC 4291). */
const GLOBAL_IPV6 = "2000::/3";
/** Translates to the IPv4 address in its last 32 bits (RFC 6052). */
const NAT64 = "64:ff9b::/96";

/** The path of a rule that names a host or an address, and is to allow nothing else. */
const UNUSED_PATH = "/none";

/** A host of a URL, and the address that it leads to. */
export interface Endpoint {
  /** The host of the URL, as it stands there. */
  readonly host: string;
  /** The IP address. */
  readonly address: string;
  readonly port: number;
}

/**
 * Whether an address is on the public internet, or is one that the policy names. To name it, both the
 * URL's host and the address have to stand literally in rules: who controls the DNS of a name cannot
 * choose the address then.
 *
 * @param endpoint Host, address and port.
 * @param named The hosts that the policy names literally.
 * @returns Whether a connection is allowed.
 */
export function mayConnect(
  { host, address, port }: Endpoint,
  named: readonly string[],
): boolean {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return false;
  if (isPublic(canonical)) return true;
  const isNamed = (name: string) => named.includes(name) || named.includes(`${name}:${port}`);
  if (!isNamed(host)) return false;
  return isNamed(literalOf(canonical)) || isLocalName(host) && isLoopback(canonical);
}

/**
 * The resources that rules have to name, so that a connection to an address is allowed. The request
 * itself is allowed already, so that they open no path that is in use.
 *
 * @param url What is asked for.
 * @param address Where its host leads to, in canonical form; `undefined` if that is not known.
 * @param named The hosts that the policy names literally.
 * @returns At least one resource. A host name at a private address needs two: one that names the host,
 * and one that names the address.
 */
export function missingRules(
  { protocol, hostname, port }: URL,
  address: string | undefined,
  named: readonly string[],
): string[] {
  const suffix = port === "" ? "" : `:${port}`;
  const own = `${protocol}//${hostname}${suffix}${UNUSED_PATH}`;
  if (address === undefined || (isLocalName(hostname) && isLoopback(address))) return [own];
  const literal = literalOf(address);
  if (literal === hostname) return [own];
  const number = port || (protocol === "https:" ? "443" : "80");
  const isNamed = named.includes(hostname) || named.includes(`${hostname}:${number}`);
  return [...(isNamed ? [] : [own]), `${protocol}//${literal}${suffix}${UNUSED_PATH}`];
}

/** Whether a canonical address is one of the public internet. */
export function isPublic(address: string): boolean {
  const inside = (range: string) => contains(range, address);
  if (inside(NAT64)) return isPublic(embedded(address));
  if (address.includes(":") && !inside(GLOBAL_IPV6)) return false;
  return !PRIVATE_NETWORKS.some(inside) && !OTHER_NETWORKS.some(inside);
}

/** The one form of an address; IPv4 also where it is mapped into IPv6. `undefined` if it is none. */
export function canonicalAddress(address: string): string | undefined {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) return address;
  const url = `http://[${address}]/`;
  if (!URL.canParse(url)) return undefined;
  const canonical = new URL(url).hostname.slice(1, -1);
  return contains("::ffff:0:0/96", canonical) ? embedded(canonical) : canonical;
}

/** The IPv4 address in the last 32 bits of a canonical IPv6 address. */
function embedded(address: string): string {
  const tail = address.slice(address.lastIndexOf("::") + 2).split(":");
  const [high = "0", low = "0"] = ["0", "0", ...tail.filter((part) => part !== "")].slice(-2);
  return [high, low].map((part) => parseInt(part, 16))
    .flatMap((part) => [part >> 8, part & 255]).join(".");
}

/** A canonical address as it stands in a URL. */
function literalOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Whether a name leads to the machine itself (RFC 6761 §6.3). */
export function isLocalName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}

function isLoopback(address: string): boolean {
  return contains("127.0.0.0/8", address) || address === "::1";
}
