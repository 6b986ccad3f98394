import { assertEquals } from "@std/assert";
import type { PermissionSet } from "../../src/core/isolation/permission_set.ts";
import { PRIVATE_NETWORKS } from "../../src/launch/private_networks.ts";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import { load } from "../core/policy/deciding.ts";

const FILES = {
  actions: ["fs.read", "fs.list", "fs.stat", "fs.write", "fs.delete", "fs.mkdir", "fs.move"],
};
const HTTP = { actions: ["net.http"] };
const EXEC = { actions: ["proc.exec"] };
/** Flags of Deno 2.9 take no IPv6 ranges; real_process_test.ts tries those in a real process. */
const RANGES = PRIVATE_NETWORKS.filter((range) => !range.includes(":"));
const NONE: PermissionSet = { read: [], write: [], net: [], run: [] };

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
