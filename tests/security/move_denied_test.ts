/**
 * A move reads and deletes its source and writes its goal: each of these has to be allowed, so that nothing
 * is read, removed or replaced by moving it that could not be otherwise.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

interface Rule {
  readonly action: string | readonly string[];
  readonly resource: string;
  readonly constraint?: object;
}

interface Row {
  readonly cell: string;
  readonly deny: readonly Rule[];
  readonly from: string;
  readonly to: string;
  /** The action that the denied move amounts to; `undefined` if it is allowed. */
  readonly deniedAs?: string;
  readonly why: string;
}

/** A move, and what it amounts to. */
const WHOLE_MOVE = ["fs.move", "fs.read", "fs.delete", "fs.write"];

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "no deny rule", deny: [], from: "w/a", to: "w/b", why: "all that it amounts to is allowed" },
  { cell: "a secret out", deny: [{ action: "fs.read", resource: "w/secret/**" }], from: "w/secret/f", to: "w/b", deniedAs: "fs.read", why: "it could be read there" },
  { cell: "a file into a folder that may not be read", deny: [{ action: "fs.read", resource: "w/secret/**" }], from: "w/a", to: "w/secret/b", why: "nothing is read of it" },
  { cell: "a secret within its folder", deny: [{ action: "fs.read", resource: "w/secret/**" }], from: "w/secret/f", to: "w/secret/g", deniedAs: "fs.read", why: "it could be called what is not denied" },
  { cell: "a file that may not be deleted", deny: [{ action: "fs.delete", resource: "w/kept/**" }], from: "w/kept/f", to: "w/b", deniedAs: "fs.delete", why: "it would be gone there" },
  { cell: "a file to where nothing may be deleted", deny: [{ action: "fs.delete", resource: "w/kept/**" }], from: "w/a", to: "w/kept/b", why: "nothing is deleted there" },
  { cell: "a file over one that may not be written", deny: [{ action: "fs.write", resource: "w/fixed/**" }], from: "w/a", to: "w/fixed/f", deniedAs: "fs.write", why: "its content would be another" },
  { cell: "a new file to where nothing may be written", deny: [{ action: "fs.write", resource: "w/fixed/**" }], from: "w/a", to: "w/fixed/new", deniedAs: "fs.write", why: "it would be made there" },
  { cell: "a file from where nothing may be written", deny: [{ action: "fs.write", resource: "w/fixed/**" }], from: "w/fixed/f", to: "w/b", why: "to keep it takes a rule for fs.delete" },
  { cell: "by rules for all actions", deny: [{ action: "fs.*", resource: "w/secret/**" }], from: "w/secret/f", to: "w/b", deniedAs: "fs.move", why: "the rule is one for fs.move" },
  { cell: "a file that may not be listed", deny: [{ action: ["fs.list", "fs.stat"], resource: "w/secret/**" }], from: "w/secret/f", to: "w/b", why: "a move tells nothing of it" },
  { cell: "a secret by a linked folder", deny: [{ action: "fs.read", resource: "w/secret/**" }], from: "w/linked/f", to: "w/b", deniedAs: "fs.read", why: "it really is the secret" },
  { cell: "to a fixed folder by a linked one", deny: [{ action: "fs.write", resource: "w/secret/**" }], from: "w/a", to: "w/linked/new", deniedAs: "fs.write", why: "it really is the fixed folder" },
  { cell: "by a climb", deny: [{ action: "fs.read", resource: "w/secret/**" }], from: "w/kept/../secret/f", to: "w/b", deniedAs: "fs.read", why: "dots go first" },
  { cell: "a deny rule for other bytes", deny: [{ action: "fs.read", resource: "w/secret/**", constraint: { encoding: "base64" } }], from: "w/secret/f", to: "w/b", deniedAs: "fs.read", why: "a move carries the bytes, in no encoding" },
  { cell: "a deny rule for reading as text", deny: [{ action: "fs.read", resource: "w/secret/**", constraint: { encoding: "utf-8" } }], from: "w/secret/f", to: "w/b", deniedAs: "fs.read", why: "a move carries the bytes, in no encoding" },
  { cell: "a deny rule for content", deny: [{ action: "fs.write", resource: "w/fixed/**", constraint: { content: { glob: "*PRIVATE KEY*" } } }], from: "w/a", to: "w/fixed/new", deniedAs: "fs.write", why: "nobody looks at what is moved" },
  { cell: "a deny rule for no content", deny: [{ action: "fs.write", resource: "w/fixed/**", constraint: { content: { exists: false } } }], from: "w/a", to: "w/fixed/new", deniedAs: "fs.write", why: "it cannot be decided either" },
  { cell: "a deny rule for content elsewhere", deny: [{ action: "fs.write", resource: "w/kept/**", constraint: { content: { glob: "*PRIVATE KEY*" } } }], from: "w/a", to: "w/fixed/new", why: "it does not speak of the goal" },
];

for (const { cell, deny, from, to, deniedAs, why } of ROWS) {
  const verb = deniedAs === undefined ? "is allowed" : "is denied";
  Deno.test(`fs.move of ${cell} ${verb}, because ${why}`, async () => {
    using ws = new Workspace();
    for (const name of ["w/a", "w/secret/f", "w/kept/f", "w/fixed/f"]) ws.file(name, name);
    ws.link("w/linked", "secret");
    await using kernel = await Kernel.open({
      policy: {
        capabilities: [{ action: WHOLE_MOVE, resource: ws.path("w/**") }],
        deny: deny.map((rule) => ({ ...rule, resource: ws.path(rule.resource) })),
      },
      providers: [new FilesystemProvider()],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
    });
    const params = { to: `${ws.root}/${to}`, overwrite: true };
    const result = await kernel.submit({ action: "fs.move", target: `${ws.root}/${from}`, params });
    assertEquals(result.status, deniedAs === undefined ? "OK" : "DENIED", JSON.stringify(result));
    if (deniedAs === undefined) return;
    assertEquals([result.code, result.rule], ["DENY_RULE", "deny[0]"]);
    const reason = result.error ?? "";
    if (deniedAs !== "fs.move") assertStringIncludes(reason, `fs.move is also ${deniedAs}`);
    assertEquals(Deno.readTextFileSync(ws.path("w/a")), "w/a");
    assertEquals(Deno.readTextFileSync(ws.path("w/secret/f")), "w/secret/f");
  });
}

Deno.test("what denies a move through a link says where the link leads", async () => {
  using ws = new Workspace();
  ws.file("w/secret/f");
  ws.link("w/linked", "secret");
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{ action: WHOLE_MOVE, resource: ws.path("w/**") }],
      deny: [{ action: "fs.read", resource: ws.path("w/secret/**") }],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const { error = "" } = await kernel.submit({
    action: "fs.move",
    target: ws.path("w/linked/f"),
    params: { to: ws.path("w/b") },
  });
  assertStringIncludes(error, `leads to "${ws.path("w/secret/f")}"`);
});

for (const lacking of ["fs.read", "fs.delete", "fs.write"]) {
  for (const constraint of [undefined, { encoding: "utf-8" }, { content: { max_length: 10 } }]) {
    const how = constraint === undefined ? "not allowed" : "allowed for some params only";
    Deno.test(`fs.move is denied where ${lacking} is ${how}: ${JSON.stringify(constraint)}`, async () => {
      using ws = new Workspace();
      ws.file("w/a", "precious");
      const resource = ws.path("w/**");
      const partly = { action: lacking, resource, constraint: constraint ?? { to: "x" } };
      await using kernel = await Kernel.open({
        policy: {
          capabilities: [
            { action: WHOLE_MOVE.filter((action) => action !== lacking), resource },
            ...constraint === undefined ? [] : [partly],
          ],
        },
        providers: [new FilesystemProvider()],
        logPath: ws.path("kernel.log"),
        onWarning: () => {},
      });
      const { status, error = "" } = await kernel.submit({
        action: "fs.move",
        target: ws.path("w/a"),
        params: { to: ws.path("w/b") },
      });
      // The encoding has a default: what is not asked for is as it is without params.
      const isMet = lacking !== "fs.delete" && constraint !== undefined && "encoding" in constraint;
      assertEquals(status, isMet ? "OK" : "DENIED");
      if (!isMet) assertStringIncludes(error, `fs.move is also ${lacking} of`);
    });
  }
}

Deno.test("what may be moved but not read cannot be moved to where it may be read", async () => {
  using ws = new Workspace();
  ws.file("w/private/f", "secret");
  ws.folder("w/public");
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: ["fs.move", "fs.delete", "fs.write"], resource: ws.path("w/**") },
        { action: "fs.read", resource: ws.path("w/public/**") },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const moved = await kernel.submit({
    action: "fs.move",
    target: ws.path("w/private/f"),
    params: { to: ws.path("w/public/f") },
  });
  assertEquals([moved.status, moved.code], ["DENIED", "NO_RULE"]);
  assertEquals(Deno.readTextFileSync(ws.path("w/private/f")), "secret");
});
