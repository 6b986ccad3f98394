/**
 * Addresses that a URL should reach only when the policy names them.
 *
 * @module
 */

/**
 * Ranges that are not the public internet: those of IANA's special-purpose registries (RFC 6890, RFC
 * 8190) in which there can be machines. The metadata services of cloud providers are among the
 * link-local and unique-local addresses.
 */
export const PRIVATE_NETWORKS: readonly string[] = [
  "0.0.0.0/8", // this network (RFC 791)
  "10.0.0.0/8", // private use (RFC 1918)
  "100.64.0.0/10", // carrier-grade NAT (RFC 6598)
  "127.0.0.0/8", // loopback (RFC 1122)
  "169.254.0.0/16", // link-local, with 169.254.169.254 (RFC 3927)
  "172.16.0.0/12", // private use (RFC 1918)
  "192.0.0.0/24", // protocol assignments (RFC 6890)
  "192.168.0.0/16", // private use (RFC 1918)
  "198.18.0.0/15", // benchmarking (RFC 2544)
  "224.0.0.0/4", // multicast (RFC 5771)
  "240.0.0.0/4", // reserved, with broadcast (RFC 1112)
  "::/128", // unspecified (RFC 4291)
  "::1/128", // loopback (RFC 4291)
  "::ffff:0:0/96", // IPv4-mapped (RFC 4291)
  "64:ff9b::/96", // NAT64 (RFC 6052)
  "64:ff9b:1::/48", // NAT64, local use (RFC 8215)
  "fc00::/7", // unique local, with fd00:ec2::254 (RFC 4193)
  "fe80::/10", // link-local (RFC 4291)
  "ff00::/8", // multicast (RFC 4291)
];

/** IPv6 addresses to deny one by one: Deno 2.9's flags take no IPv6 range. The http provider does. */
const DENIED_IPV6 = [
  "::", // unspecified, reaches loopback
  "::1", // loopback
  "fd00:ec2::254", // metadata service of a cloud provider
];

/**
 * The values of `--deny-net` for the private networks: ranges of IPv4, single addresses of IPv6.
 *
 * @param namedHosts Hosts that the policy names, in canonical form without port. A range that contains
 * one of them is left out.
 */
export function deniedNetworks(namedHosts: readonly string[]): readonly string[] {
  const addresses = namedHosts.flatMap((host) => {
    if (host === "localhost" || host.endsWith(".localhost")) return ["127.0.0.1", "::1"];
    if (host.startsWith("[")) return [host.slice(1, -1)];
    return /^\d+\.\d+\.\d+\.\d+$/.test(host) ? [host] : [];
  });
  const ranges = PRIVATE_NETWORKS.filter((range) => !range.includes(":"));
  return [
    ...ranges.filter((range) => !addresses.some((address) => contains(range, address))),
    ...DENIED_IPV6.filter((address) => !addresses.includes(address)).map((address) =>
      `[${address}]`
    ),
  ];
}

/** Whether a CIDR range contains an IP address, both in canonical text form. */
export function contains(range: string, address: string): boolean {
  const [base = "", length = ""] = range.split("/");
  if (base.includes(":") !== address.includes(":")) return false;
  const bits = base.includes(":") ? 128n : 32n;
  const shift = bits - BigInt(length);
  return toNumber(base) >> shift === toNumber(address) >> shift;
}

function toNumber(address: string): bigint {
  if (!address.includes(":")) {
    return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  }
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce(
    (sum, part) => sum * 65_536n + BigInt(`0x${part}`),
    0n,
  );
}
