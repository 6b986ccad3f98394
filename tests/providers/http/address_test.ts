import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  canonicalAddress,
  isPublic,
  mayConnect,
  missingRules,
} from "../../../providers/http/address.ts";
import { echo, httpServer, withHttp } from "./servers.ts";
import { ROOT, Workspace } from "../../workspace.ts";

// Each address that is refused stands beside its nearest neighbour that is not.
// deno-fmt-ignore -- a row is a line
const ADDRESSES: readonly (readonly [refused: string, near: string, what: string])[] = [
  ["0.0.0.0", "1.0.0.0", "unspecified"],
  ["10.255.255.255", "11.0.0.0", "private"],
  ["100.64.0.1", "100.63.255.255", "carrier-grade NAT"],
  ["100.127.255.255", "100.128.0.0", "carrier-grade NAT, end"],
  ["127.0.0.1", "126.255.255.255", "loopback"],
  ["127.255.255.254", "128.0.0.0", "loopback, end"],
  ["169.254.169.254", "169.253.255.255", "metadata"],
  ["172.16.0.1", "172.15.255.255", "private"],
  ["172.31.255.255", "172.32.0.0", "private, end"],
  ["192.0.0.8", "192.0.1.0", "protocol assignments"],
  ["192.0.2.1", "192.0.3.0", "documentation"],
  ["192.88.99.1", "192.88.98.255", "6to4 relay"],
  ["192.168.0.1", "192.169.0.0", "private"],
  ["198.18.0.1", "198.17.255.255", "benchmarking"],
  ["198.51.100.7", "198.51.101.0", "documentation"],
  ["203.0.113.7", "203.0.114.0", "documentation"],
  ["224.0.0.1", "223.255.255.255", "multicast"],
  ["255.255.255.255", "223.255.255.254", "broadcast"],
  ["::", "2000::", "unspecified"],
  ["::1", "2606:4700::1", "loopback"],
  ["::127.0.0.1", "2606:4700::7f00:1", "IPv4-compatible"],
  ["::ffff:127.0.0.1", "::ffff:8.8.8.8", "IPv4-mapped"],
  ["::ffff:a9fe:a9fe", "::ffff:808:808", "IPv4-mapped, in hex"],
  ["0:0:0:0:0:ffff:10.0.0.1", "0:0:0:0:0:FFFF:8.8.4.4", "IPv4-mapped, at length"],
  ["::ffff:0:7f00:1", "2606:4700::1:7f00:1", "IPv4-translated"],
  ["64:ff9b::a00:1", "64:ff9b::808:808", "NAT64"],
  ["64:ff9b::", "64:ff9b::100:0", "NAT64 of 0.0.0.0"],
  ["64:ff9b::169.254.169.254", "64:ff9b::8.8.8.8", "NAT64, dotted"],
  ["64:ff9b:1::808:808", "2a00:ff9b:1::808:808", "NAT64, local use"],
  ["100::1", "2001:4860::1", "discard only"],
  ["2001::808:808", "2001:4860::808:808", "Teredo"],
  ["2001:10::1", "2001:200::1", "ORCHID"],
  ["2001:db8::1", "2001:db9::1", "documentation"],
  ["2002:7f00:1::", "2003::", "6to4 of loopback"],
  ["2002:808:808::1", "2001:ffff::1", "6to4"],
  ["3fff::1", "3fff:1000::1", "documentation"],
  ["5f00::1", "3ffe::1", "segment routing"],
  ["fc00::1", "2a00::1", "unique local"],
  ["fd00:ec2::254", "2a00:ec2::254", "metadata"],
  ["fe80::1", "2e80::1", "link-local"],
  ["fec0::1", "2ec0::1", "site-local"],
  ["ff02::1", "2f02::1", "multicast"],
];
for (const [refused, near, what] of ADDRESSES) {
  Deno.test(`isPublic() says no to ${refused} (${what}), and yes to ${near}`, () => {
    assertEquals(isPublic(canonicalAddress(refused) ?? ""), false);
    assertEquals(isPublic(canonicalAddress(near) ?? ""), true);
  });
}

Deno.test("mayConnect() refuses what is no address in a form that it knows", () => {
  for (const address of ["fe80::1%eth0", "", "localhost", "1.2.3", "::g", "1.2.3.4 "]) {
    assertEquals(mayConnect({ host: address, address, port: 80 }, [address]), false, address);
  }
});

// deno-fmt-ignore -- a row is a line
const NAMED: readonly (readonly [host: string, address: string, named: string[], expected: boolean, why: string])[] = [
  ["10.0.0.5", "10.0.0.5", ["10.0.0.5:80"], true, "the address is named"],
  ["10.0.0.5", "10.0.0.5", ["10.0.0.5"], true, "with any port"],
  ["10.0.0.5", "10.0.0.5", ["10.0.0.5:81"], false, "with another port"],
  ["10.0.0.5", "10.0.0.5", ["10.0.0.6:80"], false, "another address is"],
  ["10.0.0.5", "10.0.0.5", [], false, "nothing is"],
  ["10.0.0.5", "::ffff:10.0.0.5", ["10.0.0.5:80"], true, "one machine has one name"],
  ["[::1]", "::1", ["[::1]:80"], true, "IPv6 too"],
  ["[fd00::1]", "fd00:0:0::1", ["[fd00::1]:80"], true, "in whatever form"],
  ["wiki.corp", "10.0.0.5", ["wiki.corp:80"], false, "the name alone says nothing of the address"],
  ["wiki.corp", "10.0.0.5", ["10.0.0.5:80"], false, "the name is not named"],
  ["wiki.corp", "10.0.0.5", ["wiki.corp:80", "10.0.0.5:80"], true, "both are named"],
  ["localhost", "127.0.0.1", ["localhost:80"], true, "localhost means loopback"],
  ["localhost", "::1", ["localhost:80"], true, "on both"],
  ["a.localhost", "127.0.0.1", ["a.localhost:80"], true, "so does what is below it"],
  ["localhost", "10.0.0.5", ["localhost:80"], false, "and nothing else"],
  ["localhost.evil.com", "127.0.0.1", ["localhost.evil.com:80"], false, "only at the end"],
  ["evillocalhost", "127.0.0.1", ["evillocalhost:80"], false, "only a whole label"],
  ["example.com", "93.184.215.14", [], true, "public addresses need no name"],
];
for (const [host, address, named, expected, why] of NAMED) {
  Deno.test(`mayConnect() says ${expected} to ${host} at ${address} with [${named}]: ${why}`, () => {
    assertEquals(mayConnect({ host, address, port: 80 }, named), expected);
  });
}

Deno.test("net.http reaches loopback where a rule names it, by address or as localhost", async () => {
  await using server = httpServer(echo);
  const local = server.origin.replace("127.0.0.1", "localhost");
  await withHttp({ allow: [`${server.origin}/**`, `${local}/**`] }, async (get) => {
    assertEquals((await get(`${server.origin}/a`)).data.status_code, 200);
    assertEquals((await get(`${local}/a`)).data.status_code, 200);
  });
});

Deno.test("net.http looks at the address of the connection: a name that a wildcard allows leads to no private one", async () => {
  let requests = 0;
  await using server = httpServer(() => {
    requests++;
    return new Response("reached");
  });
  await withHttp({ allow: [`http://*:${server.port}/**`] }, async (get) => {
    const { status, code, error } = await get(`http://localhost:${server.port}/a`);
    assertEquals({ status, code }, { status: "DENIED", code: "ADDRESS_DENIED" });
    assertStringIncludes(error ?? "", "127.0.0.1");
  });
  // The same, where a wildcard for everything stands beside the address itself.
  await withHttp(
    { allow: [`http://**:${server.port}/open/**`, `${server.origin}/named/**`] },
    async (get) => {
      assertEquals((await get(`http://localhost:${server.port}/open/a`)).code, "ADDRESS_DENIED");
      assertEquals((await get(`${server.origin}/named/a`)).status, "OK");
    },
  );
  assertEquals(requests, 1);
});

Deno.test("net.http reaches no private address in any disguise", async (t) => {
  let requests = 0;
  await using server = httpServer(() => {
    requests++;
    return new Response("reached");
  });
  const hosts = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "１２７.0.0.1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::1]",
    "[::]",
    "0.0.0.0",
    "0",
    "localhost",
    "LOCALHOST.",
    "ⓛocalhost",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
  ];
  await withHttp({ allow: [`http://**:${server.port}/**`] }, async (get) => {
    for (const host of hosts) {
      await t.step(host, async () => {
        const { status, code } = await get(`http://${host}:${server.port}/`);
        assertEquals({ status, code }, { status: "DENIED", code: "ADDRESS_DENIED" });
      });
    }
  });
  assertEquals(requests, 0);
});

Deno.test("net.http speaks to no port of another service, wherever it is", async () => {
  await withHttp({ allow: ["http://127.0.0.1:*/**"] }, async (get) => {
    const { status, code } = await get("http://127.0.0.1:25/");
    assertEquals({ status, code }, { status: "DENIED", code: "PORT_DENIED" });
    assertEquals((await get("http://127.0.0.1:26/")).code, "CONNECT_FAILED");
  });
});

Deno.test("net.http says the same where the flags of the process deny the address", () => {
  using ws = new Workspace();
  const program = ws.file(
    "main.ts",
    `import { Kernel } from "${ROOT}/mod.ts";
     import { HttpProvider } from "${ROOT}/providers/http/mod.ts";
     const kernel = await Kernel.open({
       policy: { capabilities: [{ action: "net.http", resource: "http://*:8765/**" }] },
       providers: [new HttpProvider()],
       logPath: ${JSON.stringify(ws.path("kernel.log"))},
       onWarning: () => {},
     });
     const { status, code } = await kernel.submit({ action: "net.http", target: "http://localhost:8765/" });
     console.log(status, code);
     await kernel.close();`,
  );
  const { stdout, stderr } = new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      "--no-prompt",
      "--unstable-worker-options",
      `--config=${ROOT}/deno.json`,
      "--allow-read",
      `--allow-write=${ws.root}`,
      "--allow-net",
      "--deny-net=127.0.0.0/8,[::1]",
      program,
    ],
  }).outputSync();
  const text = new TextDecoder();
  assertEquals(text.decode(stdout), "DENIED ADDRESS_DENIED\n", text.decode(stderr));
});

/** The resources of the rules that a denial shows. */
function shownRules(error = ""): string[] {
  return Array.from(error.matchAll(/resource: "([^"]+)"/g), ([, resource]) => resource as string);
}

Deno.test("ADDRESS_DENIED shows the rules to add, and with them the request is allowed", async (t) => {
  await using server = httpServer(echo);
  const { port } = server;
  // deno-fmt-ignore -- a row is a line
  const rows: readonly (readonly [what: string, url: string, allow: string, rules: readonly string[]])[] = [
    ["an address that a wildcard covers", `http://127.0.0.1:${port}/a`, `http://**:${port}/a`, [`http://127.0.0.1:${port}/none`]],
    ["localhost that a wildcard covers", `http://localhost:${port}/a`, `http://**:${port}/a`, [`http://localhost:${port}/none`]],
  ];
  for (const [what, url, allow, rules] of rows) {
    await t.step(what, async () => {
      await withHttp({ allow: [allow] }, async (get) => {
        const { code, error } = await get(url);
        assertEquals([code, shownRules(error)], ["ADDRESS_DENIED", rules]);
      });
      await withHttp({ allow: [allow, ...rules] }, async (get) => {
        assertEquals((await get(url)).status, "OK");
      });
    });
  }
});

Deno.test("missingRules() names what mayConnect() lacks, and no more", () => {
  // deno-fmt-ignore -- a row is a line
  const rows: readonly (readonly [url: string, address: string | undefined, named: readonly string[], expected: readonly string[]])[] = [
    ["https://db.example/x", "10.0.0.5", [], ["https://db.example/none", "https://10.0.0.5/none"]],
    ["https://db.example/x", "10.0.0.5", ["db.example"], ["https://10.0.0.5/none"]],
    ["https://db.example/x", "10.0.0.5", ["db.example:443"], ["https://10.0.0.5/none"]],
    ["https://db.example/x", "10.0.0.5", ["db.example:8443"], ["https://db.example/none", "https://10.0.0.5/none"]],
    ["http://db.example:8080/x", "fd00::5", ["db.example:8080"], ["http://[fd00::5]:8080/none"]],
    ["http://localhost:81/", "127.0.0.1", [], ["http://localhost:81/none"]],
    ["http://localhost:81/", "10.0.0.5", ["localhost:81"], ["http://10.0.0.5:81/none"]],
    ["http://[::1]/", "::1", [], ["http://[::1]/none"]],
    ["http://db.example/", undefined, [], ["http://db.example/none"]],
  ];
  for (const [href, address, named, expected] of rows) {
    const url = new URL(href);
    assertEquals(missingRules(url, address, named), expected);
    if (address === undefined) continue;
    const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
    const hosts = expected.map((rule) => {
      const { hostname, port } = new URL(rule);
      return `${hostname}:${port || (rule.startsWith("https") ? 443 : 80)}`;
    });
    const endpoint = { host: url.hostname, address, port };
    assertEquals(mayConnect(endpoint, named), false);
    assertEquals(mayConnect(endpoint, [...named, ...hosts]), true);
  }
});
