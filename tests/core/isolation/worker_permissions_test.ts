import { assertEquals } from "@std/assert";
import {
  namedHosts,
  processPermissions,
  stagingPath,
  workerPermissions,
} from "../../../src/core/isolation/worker_permissions.ts";
import type { PermissionSet } from "../../../src/core/isolation/permission_set.ts";
import { PRIVATE_NETWORKS } from "../../../src/launch/private_networks.ts";
import { load } from "../policy/deciding.ts";

const FILES = {
  actions: ["fs.read", "fs.list", "fs.stat", "fs.write", "fs.delete", "fs.mkdir", "fs.move"],
};
const HTTP = { actions: ["net.http"] };
const EXEC = { actions: ["proc.exec"] };
/** IPv6 ranges cannot be written as flags of Deno 2.9, so that those are tried in a real process. */
const RANGES = PRIVATE_NETWORKS.filter((range) => !range.includes(":"));
const NONE: PermissionSet = { read: [], write: [], net: [], run: [] };

// deno-fmt-ignore -- a row is a line
const WORKERS: readonly { cell: string; rules: object[]; deny?: object[]; needs: { actions: string[] }; expected: Partial<PermissionSet> }[] = [
  { cell: "no rule", rules: [], needs: FILES, expected: {} },
  { cell: "a folder to read", rules: [{ action: "fs.read", resource: "/w/**" }], needs: FILES, expected: { read: ["/w"] } },
  { cell: "a file to read", rules: [{ action: "fs.read", resource: "/w/a" }], needs: FILES, expected: { read: ["/w/a"] } },
  { cell: "a folder to write", rules: [{ action: "fs.write", resource: "/w/**" }], needs: FILES, expected: { read: ["/w"], write: ["/w"] } },
  { cell: "a file to write, with its staging path", rules: [{ action: "fs.write", resource: "/w/a" }], needs: FILES, expected: { read: ["/w/.a.agent-kernel", "/w/a"], write: ["/w/.a.agent-kernel", "/w/a"] } },
  { cell: "one level", rules: [{ action: "fs.read", resource: "/w/*" }], needs: FILES, expected: { read: ["/w"] } },
  { cell: "names with an ending", rules: [{ action: "fs.read", resource: "/w/a/*.txt" }], needs: FILES, expected: { read: ["/w/a"] } },
  { cell: "a wildcard in the middle", rules: [{ action: "fs.read", resource: "/w/*/a/b" }], needs: FILES, expected: { read: ["/w"] } },
  { cell: "braces", rules: [{ action: "fs.read", resource: "/w/{a,b}/**" }], needs: FILES, expected: { read: ["/w/a", "/w/b"] } },
  { cell: "escaped wildcards", rules: [{ action: "fs.read", resource: "/w/\\*/**" }], needs: FILES, expected: { read: ["/w/*"] } },
  { cell: "the whole disk", rules: [{ action: "fs.read", resource: "/**" }], needs: FILES, expected: { read: ["/"] } },
  { cell: "a folder within a folder", rules: [{ action: "fs.read", resource: ["/w/**", "/w/a/**", "/wx/**"] }], needs: FILES, expected: { read: ["/w", "/wx"] } },
  { cell: "all file actions", rules: [{ action: "fs.*", resource: "/w/**" }], needs: FILES, expected: { read: ["/w"], write: ["/w"] } },
  { cell: "other actions than the provider's", rules: [{ action: "fs.write", resource: "/w/**" }], needs: { actions: ["fs.read"] }, expected: {} },
  { cell: "a constraint, which changes nothing", rules: [{ action: "fs.read", resource: "/w/**", constraint: { a: 1 } }], needs: FILES, expected: { read: ["/w"] } },
  { cell: "a folder that is denied", rules: [{ action: "fs.read", resource: ["/w/**", "/w/d/a"] }, { action: "fs.read", resource: "/x/d/**" }], deny: [{ action: "fs.read", resource: "/x/d/**" }], needs: FILES, expected: { read: ["/w"] } },
  { cell: "a host", rules: [{ action: "net.http", resource: "https://h.example/**" }], needs: HTTP, expected: { net: ["h.example:443"] } },
  { cell: "a host without TLS", rules: [{ action: "net.http", resource: "http://h.example/**" }], needs: HTTP, expected: { net: ["h.example:80"] } },
  { cell: "a port", rules: [{ action: "net.http", resource: "https://h.example:8443/a" }], needs: HTTP, expected: { net: ["h.example:8443"] } },
  { cell: "any port", rules: [{ action: "net.http", resource: "https://h.example:*/a" }], needs: HTTP, expected: { net: ["h.example"] } },
  { cell: "subdomains", rules: [{ action: "net.http", resource: "https://*.h.example/**" }], needs: HTTP, expected: { net: ["*.h.example:443"] } },
  { cell: "deep subdomains", rules: [{ action: "net.http", resource: "https://**.h.example/**" }], needs: HTTP, expected: { net: ["*.h.example:443"] } },
  { cell: "a part of a label", rules: [{ action: "net.http", resource: "https://api-*.h.example/**" }], needs: HTTP, expected: { net: ["*.h.example:443"] } },
  { cell: "a wildcard between labels", rules: [{ action: "net.http", resource: "https://a.*.h.example/**" }], needs: HTTP, expected: { net: ["*.h.example:443"] } },
  { cell: "an IDN", rules: [{ action: "net.http", resource: "https://bücher.example/**" }], needs: HTTP, expected: { net: ["xn--bcher-kva.example:443"] } },
  { cell: "an address", rules: [{ action: "net.http", resource: "http://0x7f.1:8080/**" }], needs: HTTP, expected: { net: ["127.0.0.1:8080"] } },
  { cell: "an IPv6 address", rules: [{ action: "net.http", resource: "http://[0::1]:8080/**" }], needs: HTTP, expected: { net: ["[::1]:8080"] } },
  { cell: "every host", rules: [{ action: "net.http", resource: "https://**/**" }], needs: HTTP, expected: { net: true } },
  { cell: "a command", rules: [{ action: "proc.exec", resource: "/bin/ls" }], needs: EXEC, expected: { run: ["/bin/ls"] } },
  { cell: "a bare command", rules: [{ action: "proc.exec", resource: "ls" }], needs: EXEC, expected: { run: ["/bin/ls"] } },
  { cell: "a command, for another provider", rules: [{ action: "proc.exec", resource: "/bin/ls" }], needs: FILES, expected: {} },
  { cell: "a name", rules: [{ action: "mcp.call", resource: "**" }], needs: { actions: ["mcp.call"] }, expected: {} },
];

for (const { cell, rules, deny = [], needs, expected } of WORKERS) {
  Deno.test(`workerPermissions() pins what a Worker holds for ${cell}`, () => {
    const policy = load({ capabilities: rules, deny });
    assertEquals(workerPermissions(policy, needs), { ...NONE, ...expected });
  });
}

Deno.test("workerPermissions() adds what the provider's configuration needs", () => {
  const policy = load({ capabilities: [{ action: "fs.read", resource: "/w/**" }] });
  const permissions = { read: ["/own", "/w/a"], net: ["h:1"] };
  assertEquals(workerPermissions(policy, { ...FILES, permissions }), {
    ...NONE,
    read: ["/own", "/w"],
    net: ["h:1"],
  });
});

const ALL_OF_W = { action: "fs.*", resource: "/w/**" };
// deno-fmt-ignore -- a row is a line
const DENIALS: readonly { cell: string; rules?: object[]; deny: object[]; own?: Partial<PermissionSet>; read: string[]; write: string[]; why: string }[] = [
  { cell: "a folder, to all actions", deny: [{ action: "fs.*", resource: "/w/d/**" }], read: ["/w/d"], write: ["/w/d"], why: "nothing there is allowed" },
  { cell: "a folder, to writing", rules: [{ action: ["fs.read", "fs.write"], resource: "/w/**" }], deny: [{ action: "fs.write", resource: "/w/d/**" }], read: [], write: ["/w/d"], why: "reading is still allowed" },
  { cell: "a folder, to one of two writing actions", deny: [{ action: "fs.write", resource: "/w/d/**" }], read: [], write: [], why: "deleting is still allowed" },
  { cell: "a folder, to reading", rules: [{ action: ["fs.read", "fs.write"], resource: "/w/**" }], deny: [{ action: "fs.read", resource: "/w/d/**" }], read: [], write: [], why: "writing reads too" },
  { cell: "a folder, on a condition", deny: [{ action: "fs.*", resource: "/w/d/**", constraint: { a: 1 } }], read: [], write: [], why: "otherwise it is allowed" },
  { cell: "what lies one level deep", deny: [{ action: "fs.*", resource: "/w/d/*" }], read: [], write: [], why: "deeper is allowed" },
  { cell: "what lies two levels deep", deny: [{ action: "fs.*", resource: "/w/d/*/*" }], read: [], write: [], why: "one level deep is allowed" },
  { cell: "what lies two levels deep or deeper", deny: [{ action: "fs.*", resource: "/w/d/*/**" }], read: [], write: [], why: "files one level deep are allowed" },
  { cell: "names below a folder", deny: [{ action: "fs.*", resource: "/w/d/**/x" }], read: [], write: [], why: "other names are allowed" },
  { cell: "a file", deny: [{ action: "fs.*", resource: "/w/a" }], read: [], write: [], why: "Deno would deny what is below, too" },
  { cell: "a folder outside", deny: [{ action: "fs.*", resource: "/x/**" }], read: [], write: [], why: "it is not allowed anyway" },
  { cell: "the allowed folder itself", deny: [{ action: "fs.*", resource: "/w/**" }], read: [], write: [], why: "then it is not granted at all" },
  { cell: "a folder with the kernel's own files", deny: [{ action: "fs.*", resource: "/w/d/**" }], own: { read: ["/w/d/log"], write: ["/w/d/log"] }, read: [], write: [], why: "the kernel needs them" },
  { cell: "a folder, with a command in it allowed", rules: [ALL_OF_W, { action: "proc.exec", resource: "/w/d/tool" }], deny: [{ action: "fs.*", resource: "/w/d/**" }], read: [], write: ["/w/d"], why: "its path has to be resolved" },
];

for (const { cell, rules = [ALL_OF_W], deny, own, read, write, why } of DENIALS) {
  Deno.test(`processPermissions() has denials for reading ${JSON.stringify(read)} and writing ${JSON.stringify(write)} for ${cell}: ${why}`, () => {
    const set = processPermissions(load({ capabilities: rules, deny }), [FILES, EXEC], own);
    assertEquals(set.deny, { read, write, net: [] });
  });
}

Deno.test("processPermissions() pins the union for a policy of every kind", () => {
  const policy = load({
    capabilities: [
      { action: ["fs.read", "fs.list"], resource: "/w/**" },
      { action: "fs.write", resource: "/w/out/**" },
      { action: "net.http", resource: "https://h.example/**" },
      { action: "proc.exec", resource: "ls" },
      { action: "mcp.call", resource: "server/**" },
    ],
    deny: [{ action: "fs.*", resource: "/w/out/keys/**" }],
  });
  assertEquals(
    processPermissions(policy, [FILES, HTTP, EXEC], { read: ["/own.log"], write: ["/own.log"] }),
    {
      allow: {
        read: ["/bin/ls", "/own.log", "/w"],
        write: ["/own.log", "/w/out"],
        net: ["h.example:443"],
        run: ["/bin/ls"],
      },
      deny: { read: [], write: ["/w/out/keys"], net: processPermissions(policy, [HTTP]).deny.net },
    },
  );
});

Deno.test("processPermissions() grants nothing that no provider carries out, but reading what is named", () => {
  const policy = load({
    capabilities: [
      { action: "fs.write", resource: "/w/**" },
      { action: "net.http", resource: "https://h.example/**" },
      { action: "proc.exec", resource: "/bin/ls" },
    ],
  });
  assertEquals(processPermissions(policy, []).allow, { ...NONE, read: ["/bin/ls", "/w"] });
});

// deno-fmt-ignore -- a row is a line
const NETWORKS: readonly { cell: string; resource: string | string[]; open: string[] }[] = [
  { cell: "a public host", resource: "https://h.example/**", open: [] },
  { cell: "every host", resource: "https://**/**", open: [] },
  { cell: "an address of the machine", resource: "http://127.0.0.1:8080/**", open: ["127.0.0.0/8"] },
  { cell: "the name of the machine", resource: "http://localhost:8080/**", open: ["127.0.0.0/8"] },
  { cell: "a name below localhost", resource: "http://app.localhost/**", open: ["127.0.0.0/8"] },
  { cell: "a name that ends like localhost", resource: "http://notlocalhost/**", open: [] },
  { cell: "any port of an address", resource: "http://10.1.2.3:*/**", open: ["10.0.0.0/8"] },
  { cell: "the metadata service", resource: "http://169.254.169.254/**", open: ["169.254.0.0/16"] },
  { cell: "a public address", resource: "http://93.184.216.34/**", open: [] },
];

for (const { cell, resource, open } of NETWORKS) {
  Deno.test(`processPermissions() opens ${open.join(", ") || "no private network"} for ${cell}`, () => {
    const policy = load({ capabilities: [{ action: "net.http", resource }] });
    assertEquals(
      RANGES.filter((range) => !processPermissions(policy, [HTTP]).deny.net.includes(range)),
      open,
    );
  });
}

Deno.test("processPermissions() opens no private network for a deny rule", () => {
  const policy = load({
    capabilities: [{ action: "net.http", resource: "https://h.example/**" }],
    deny: [{ action: "net.http", resource: "http://127.0.0.1/**" }],
  });
  const denied = processPermissions(policy, [HTTP]).deny.net;
  assertEquals(RANGES.filter((range) => !denied.includes(range)), []);
});

Deno.test("stagingPath() is a name of at most 255 bytes beside the file", () => {
  assertEquals(stagingPath("/w/a.txt"), "/w/.a.txt.agent-kernel");
  assertEquals(stagingPath("/a"), "/.a.agent-kernel");
  for (
    const name of [
      "a".repeat(255),
      "é".repeat(127),
      "\u{1f600}".repeat(63),
      `a${"\u{1f600}".repeat(63)}`,
    ]
  ) {
    const staged = stagingPath(`/w/${name}`);
    assertEquals(staged.slice(0, 3), "/w/");
    assertEquals(staged.isWellFormed(), true, name.slice(0, 4));
    const bytes = new TextEncoder().encode(staged.slice(3)).length;
    assertEquals(bytes <= 255 ? 255 : bytes, 255, name.slice(0, 4));
  }
});

// deno-fmt-ignore -- a row is a line
const NAMED_HOSTS: readonly { cell: string; resource: string | string[]; deny?: object[]; expected: string[] }[] = [
  { cell: "a name", resource: "https://api.example.com/v1/**", expected: ["api.example.com:443"] },
  { cell: "names with ports, each once", resource: ["http://h.example:8080/a", "http://h.example:8080/b"], expected: ["h.example:8080"] },
  { cell: "any port", resource: "http://h.example:*/**", expected: ["h.example"] },
  { cell: "an address in its one form", resource: ["http://127.1/**", "http://[::ffff:a00:1]/**"], expected: ["10.0.0.1:80", "127.0.0.1:80"] },
  { cell: "an address of IPv6", resource: "http://[0:0::1]:81/**", expected: ["[::1]:81"] },
  { cell: "braces", resource: "https://{a,b}.example/**", expected: ["a.example:443", "b.example:443"] },
  { cell: "no wildcard", resource: ["https://*.example.com/**", "https://a.*.example/**", "https://**/**", "http://*/**"], expected: [] },
  { cell: "no denied host", resource: "https://a.example/**", deny: [{ action: "net.http", resource: "http://10.0.0.1/**" }], expected: ["a.example:443"] },
];
for (const { cell, resource, deny = [], expected } of NAMED_HOSTS) {
  Deno.test(`namedHosts() of ${cell}`, () => {
    const policy = load({
      capabilities: [
        { action: "net.http", resource },
        { action: "fs.read", resource: "/w/**" },
      ],
      deny,
    });
    assertEquals(namedHosts(policy, ["net.http"]), expected);
    assertEquals(namedHosts(policy, ["fs.read"]), []);
  });
}
