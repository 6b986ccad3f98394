import { assertEquals } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

// A kernel that was not told of the store finds it beside its log, where the command line left it.
Deno.test("the default snapshot store is neither read nor changed, its neighbour is", async () => {
  using ws = new Workspace();
  const blob = ws.file("w/kernel.log.snapshots/blobs/0", "what a file held before");
  const near = ws.file("w/kernel.log-snapshots", "a file");
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.*", resource: ws.path("w/**") }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("w/kernel.log"),
    onWarning: () => {},
  });
  for (const action of ["fs.read", "fs.stat", "fs.write", "fs.delete"]) {
    const params = action === "fs.write" ? { content: "x" } : {};
    assertEquals((await kernel.submit({ action, target: blob, params })).code, "GUARDED", action);
    assertEquals((await kernel.submit({ action, target: near, params })).status, "OK", action);
  }
  assertEquals(Deno.readTextFileSync(blob), "what a file held before");
});
