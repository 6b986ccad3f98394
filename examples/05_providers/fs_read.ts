/**
 * Reading: text, bytes, a part of a file, folders; and what a miss looks like.
 *
 *     deno run -P=examples examples/05_providers/fs_read.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "Grüße aus dem Kernel", "data/sub/b.txt": "b" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - { action: [fs.read, fs.stat], resource: ${root}/data/** }
  - { action: fs.list, resource: [${root}/data, ${root}/data/**] }
`,
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: `${root}/data`,
});

const requests: ActionRequest[] = [
  { action: "fs.read", target: "a.txt" },
  { action: "fs.read", target: "a.txt", params: { encoding: "base64" } },
  { action: "fs.read", target: "a.txt", params: { offset: 7, length: 3 } },
  { action: "fs.read", target: "a.txt", params: { max_bytes: 5 } },
  { action: "fs.list", target: "." },
  { action: "fs.read", target: "none.txt" },
  { action: "fs.read", target: "../kernel.log" },
];
for (const request of requests) {
  const { status, data, truncated, error } = await kernel.submit(request);
  const { action, target, params = {} } = request;
  const what = `${action} ${target} ${JSON.stringify(params)}`;
  console.log(what, "→", status, error?.replaceAll(root, "…") ?? data, truncated ? "(cut)" : "");
}
