import { assertEquals } from "@std/assert";
import { allowsNetwork, fileView } from "../../src/launch/file_view.ts";
import { load, outsideCheckouts } from "../core/policy/deciding.ts";

interface Row {
  readonly cell: string;
  readonly allow?: readonly object[];
  readonly deny?: readonly object[];
  readonly readable?: readonly object[];
  readonly writable?: readonly object[];
  readonly denied?: readonly object[];
}

const READ = "fs.read";
const folder = (path: string) => ({ path, form: "folder" });
const file = (path: string) => ({ path, form: "file" });

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "nothing" },
  { cell: "a folder", allow: [{ action: READ, resource: "/w/**" }], readable: [folder("/w")] },
  { cell: "a folder to write", allow: [{ action: "fs.write", resource: "/w/**" }], writable: [folder("/w")] },
  { cell: "everything", allow: [{ action: READ, resource: "/**" }], readable: [folder("/")] },
  { cell: "a file", allow: [{ action: READ, resource: "/w/a" }], readable: [file("/w/a")] },
  { cell: "a pattern in a folder", allow: [{ action: READ, resource: "/w/*.csv" }], readable: [{ path: "/w", form: "pattern", depth: 1 }] },
  { cell: "a pattern at any depth", allow: [{ action: READ, resource: "/w/**/*.csv" }], readable: [{ path: "/w", form: "pattern" }] },
  { cell: "a pattern of folders", allow: [{ action: READ, resource: "/w/*/out/**" }], readable: [{ path: "/w", form: "pattern" }] },
  { cell: "what is directly in a folder", allow: [{ action: READ, resource: "/w/*" }], readable: [{ path: "/w", form: "pattern", depth: 1 }] },
  { cell: "both by a wildcard", allow: [{ action: "fs.*", resource: "/w/**" }], readable: [folder("/w")], writable: [folder("/w")] },
  { cell: "to list is not to read", allow: [{ action: ["fs.list", "fs.stat"], resource: "/w/**" }] },
  { cell: "to delete is not to write", allow: [{ action: ["fs.delete", "fs.mkdir"], resource: "/w/**" }] },
  { cell: "a constraint that no mount can check", allow: [{ action: READ, resource: "/w/**", constraint: { length: { max: 5 } } }] },
  { cell: "other kinds", allow: [{ action: "net.http", resource: "https://h/**" }, { action: "mcp.call", resource: "a/**" }] },
  { cell: "a denied folder", deny: [{ action: READ, resource: "/w/**" }], denied: [{ ...folder("/w"), actions: [READ] }] },
  { cell: "a denied file", deny: [{ action: "fs.delete", resource: "/w/a" }], denied: [{ ...file("/w/a"), actions: ["fs.delete"] }] },
  { cell: "a denied pattern", deny: [{ action: [READ, "fs.write"], resource: "/w/*.key" }], denied: [{ path: "/w", form: "pattern", depth: 1, actions: [READ, "fs.write"] }] },
  { cell: "a denied pattern with a constraint", deny: [{ action: "fs.write", resource: "/w/**/*.md", constraint: { content: "x" } }], denied: [{ ...folder("/w"), actions: ["fs.write"] }] },
  { cell: "a denied folder with a constraint", deny: [{ action: "fs.write", resource: "/w/**", constraint: { content: "x" } }], denied: [{ ...folder("/w"), actions: ["fs.write"] }] },
  { cell: "a denied URL", deny: [{ action: "net.http", resource: "https://h/**" }] },
];

for (const { cell, allow = [], deny = [], readable = [], writable = [], denied = [] } of ROWS) {
  Deno.test(`fileView(): ${cell}`, () => {
    const view = fileView(load({ capabilities: allow, deny }));
    assertEquals<unknown>(view, { readable, writable, denied });
  });
}

Deno.test("fileView() has the kernel's own files, to be changed by nobody, secret ones to be read by nobody", () => {
  const guarded = [
    { path: "/w/log/kernel.log", what: "audit log" },
    { path: "/w/key", what: "checkpoint key", secret: true },
  ];
  const { denied } = fileView(load({ capabilities: [] }, { guarded }));
  const changing = ["fs.write", "fs.delete", "fs.mkdir", "fs.move"];
  assertEquals<unknown>(denied, [
    { path: "/w/log/kernel.log", form: "file", actions: changing, guard: true },
    {
      path: "/w/key",
      form: "file",
      actions: ["fs.read", "fs.list", "fs.stat", ...changing],
      guard: true,
    },
  ]);
});

Deno.test("fileView() has both forms of a path that leads through a link", () => {
  const world = {
    base: undefined,
    searchPath: [],
    realPath: (path: string) =>
      /^\/(link|real)/.test(path) ? path.replace(/^\/link/, "/real") : undefined,
    readLink: (path: string) => path === "/link" ? "/real" : undefined,
    list: () => [],
    typeOf: () => undefined,
  };
  const policy = load({ capabilities: [{ action: READ, resource: "/link/**" }] }, {
    world: outsideCheckouts(world),
  });
  assertEquals<unknown>(fileView(policy).readable, [folder("/link"), folder("/real")]);
});

Deno.test("allowsNetwork() is true with any rule for tunnels or requests by plain HTTP", () => {
  const rule = { action: "net.http", resource: "http://h/**" };
  assertEquals(allowsNetwork(load({ capabilities: [rule] })), true);
  const secure = { ...rule, resource: "https://h/**" };
  assertEquals(allowsNetwork(load({ capabilities: [secure] })), false);
  assertEquals(allowsNetwork(load({ capabilities: [{ ...secure, action: "net.connect" }] })), true);
  assertEquals(
    allowsNetwork(load({ capabilities: [{ ...rule, constraint: { method: "GET" } }] })),
    true,
  );
  assertEquals(allowsNetwork(load({ capabilities: [], deny: [rule] })), false);
  assertEquals(allowsNetwork(load({ capabilities: [{ action: READ, resource: "/w/**" }] })), false);
});
