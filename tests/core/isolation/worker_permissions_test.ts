import { assertEquals } from "@std/assert";
import { stagingPath, workerPermissions } from "../../../src/core/isolation/worker_permissions.ts";
import type { PermissionSet } from "../../../src/core/isolation/permission_set.ts";
import { load } from "../policy/deciding.ts";

const FILES = {
  actions: ["fs.read", "fs.list", "fs.stat", "fs.write", "fs.delete", "fs.mkdir", "fs.move"],
};
const HTTP = { actions: ["net.http"] };
const EXEC = { actions: ["proc.exec"] };
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
