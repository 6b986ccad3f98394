/**
 * The smallest kernel: one rule, one action that it allows, one that it does not.
 *
 *     deno run -P=examples examples/01_basic_kernel/hello_kernel.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/hello.txt": "Hello, kernel!" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - action: fs.read
    resource: ${root}/data/**
`,
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
});

const allowed = await kernel.submit({ action: "fs.read", target: `${root}/data/hello.txt` });
console.log(allowed.status, allowed.data);

const denied = await kernel.submit({ action: "fs.read", target: "/etc/passwd" });
console.log(denied.status, denied.error);
