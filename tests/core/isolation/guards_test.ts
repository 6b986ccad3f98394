import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Kernel, Provider } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../../workspace.ts";

function keeper(guards: readonly string[]): Provider {
  return new Provider({
    name: "keeper",
    isolation: "none",
    actions: { "keep.it": { kind: "name" } },
    execute: () => null,
    guards,
  });
}

Deno.test("files that a provider guards are not changed by any action, and others are", async () => {
  using ws = new Workspace();
  const kept = ws.file("kept.json", "{}");
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.*", resource: ws.path("**") }] },
    providers: [new FilesystemProvider(), keeper([kept, ws.path("later.json")])],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const submit = (action: string, name: string, params = {}) =>
    kernel.submit({ action, target: ws.path(name), params });
  const denied = await submit("fs.write", "kept.json", { content: "" });
  assertEquals([denied.status, denied.code], ["DENIED", "GUARDED"]);
  assertStringIncludes(denied.error ?? "", "file of the keeper provider");
  assertEquals((await submit("fs.delete", "kept.json")).code, "GUARDED");
  assertEquals((await submit("fs.move", "kept.json", { to: ws.path("a.json") })).code, "GUARDED");
  assertEquals((await submit("fs.write", "later.json", { content: "" })).code, "GUARDED");
  assertEquals((await submit("fs.read", "kept.json")).data, "{}");
  assertEquals((await submit("fs.write", "kept.txt", { content: "" })).status, "OK");
});

Deno.test("a provider guards absolute paths only", () => {
  assertThrows(() => keeper(["kept.json"]), TypeError, "expected absolute paths");
});
