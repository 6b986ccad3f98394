import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { contains, deniedNetworks, PRIVATE_NETWORKS } from "../../src/launch/private_networks.ts";

// deno-fmt-ignore -- a row is a line
const RANGES: readonly { range: string; address: string; expected: boolean }[] = [
  { range: "10.0.0.0/8", address: "10.255.255.255", expected: true },
  { range: "10.0.0.0/8", address: "11.0.0.0", expected: false },
  { range: "10.0.0.0/8", address: "9.255.255.255", expected: false },
  { range: "172.16.0.0/12", address: "172.16.0.0", expected: true },
  { range: "172.16.0.0/12", address: "172.31.255.255", expected: true },
  { range: "172.16.0.0/12", address: "172.32.0.0", expected: false },
  { range: "172.16.0.0/12", address: "172.15.255.255", expected: false },
  { range: "100.64.0.0/10", address: "100.127.255.255", expected: true },
  { range: "100.64.0.0/10", address: "100.128.0.0", expected: false },
  { range: "127.0.0.0/8", address: "::1", expected: false },
  { range: "224.0.0.0/4", address: "239.1.2.3", expected: true },
  { range: "0.0.0.0/0", address: "255.255.255.255", expected: true },
  { range: "1.2.3.4/32", address: "1.2.3.4", expected: true },
  { range: "1.2.3.4/32", address: "1.2.3.5", expected: false },
  { range: "::1/128", address: "::1", expected: true },
  { range: "::1/128", address: "::", expected: false },
  { range: "::/128", address: "::", expected: true },
  { range: "fc00::/7", address: "fd00:ec2::254", expected: true },
  { range: "fc00::/7", address: "fe00::1", expected: false },
  { range: "fe80::/10", address: "fe80::1", expected: true },
  { range: "fe80::/10", address: "febf:ffff::", expected: true },
  { range: "fe80::/10", address: "fec0::", expected: false },
  { range: "::ffff:0:0/96", address: "::ffff:7f00:1", expected: true },
  { range: "::ffff:0:0/96", address: "::7f00:1", expected: false },
  { range: "64:ff9b::/96", address: "64:ff9b::a00:1", expected: true },
  { range: "ff00::/8", address: "1:2:3:4:5:6:7:8", expected: false },
];
for (const { range, address, expected } of RANGES) {
  Deno.test(`contains() says ${expected} for ${address} in ${range}`, () => {
    assertEquals(contains(range, address), expected);
  });
}

Deno.test("contains() agrees with comparing the bits", () => {
  const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  const bits = (one: number[]) => one.map((part) => part.toString(2).padStart(8, "0")).join("");
  fc.assert(
    fc.property(octets, octets, fc.integer({ min: 0, max: 32 }), (base, address, length) => {
      assertEquals(
        contains(`${base.join(".")}/${length}`, address.join(".")),
        bits(base).slice(0, length) === bits(address).slice(0, length),
      );
    }),
  );
});

const PRIVATE = [
  "127.0.0.1",
  "10.1.2.3",
  "172.20.0.1",
  "192.168.1.1",
  "169.254.169.254",
  "100.100.100.200",
  "0.0.0.0",
  "255.255.255.255",
  "224.0.0.1",
  "192.0.0.192",
  "::1",
  "::",
  "fd00:ec2::254",
  "fe80::1",
  "::ffff:7f00:1",
  "64:ff9b::a9fe:a9fe",
  "ff02::1",
];
for (const address of PRIVATE) {
  Deno.test(`PRIVATE_NETWORKS holds ${address}`, () => {
    assert(PRIVATE_NETWORKS.some((range) => contains(range, address)));
  });
}

for (
  const address of [
    "93.184.216.34",
    "8.8.8.8",
    "1.1.1.1",
    "172.32.0.1",
    "100.63.255.255",
    "169.253.1.1",
    "192.167.1.1",
    "2606:2800:220:1::1",
    "2001:4860:4860::8888",
  ]
) {
  Deno.test(`PRIVATE_NETWORKS leaves out ${address}, which is public`, () => {
    assertEquals(PRIVATE_NETWORKS.filter((range) => contains(range, address)), []);
  });
}

Deno.test("deniedNetworks() leaves out only the range of an address that is named", () => {
  const all = deniedNetworks([]);
  const open = (...hosts: string[]) => {
    const denied = deniedNetworks(hosts);
    return all.filter((one) => !denied.includes(one));
  };
  const loopback6 = all.filter((one) => one.replace(/[[\]]/g, "").replace("/128", "") === "::1");
  assertEquals(loopback6.length, 1);
  assertEquals(open("h.example", "localhost.example", "10.0.0.1.example"), []);
  assertEquals(open("10.0.0.1"), ["10.0.0.0/8"]);
  assertEquals(open("93.184.216.34"), []);
  assertEquals(open("[::1]"), loopback6);
  assertEquals(open("localhost"), ["127.0.0.0/8", ...loopback6]);
  assertEquals(open("*.example", "*.localhost"), ["127.0.0.0/8", ...loopback6]);
});

Deno.test("deniedNetworks() has the IPv4 ranges that are no public internet, and gives them to Deno", () => {
  // A red pin means: decide whether the second line of defence may change, then the CHANGELOG.
  assertEquals(deniedNetworks([]).filter((one) => !one.includes(":")), [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
  ]);
});
