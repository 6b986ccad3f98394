/**
 * Writing: whole files, all or nothing, within what the policy says of path and content.
 *
 *     deno run -P=examples examples/05_providers/fs_write.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "out/old.txt": "old" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - action: fs.write
    resource: ${root}/out/**/*.txt
    constraint: { content: { max_bytes: 20 } }
  - { action: [fs.mkdir, fs.move, fs.read, fs.delete], resource: ${root}/out/** }
  # A move writes its goal, and nobody looks at what is moved: where content is limited, it is denied.
  - { action: fs.write, resource: ${root}/out/archive/** }
`,
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: `${root}/out`,
});

const requests: ActionRequest[] = [
  { action: "fs.write", target: "new/deep/a.txt", params: { content: "hällo" } },
  { action: "fs.write", target: "b.txt", params: { content: "AAEC", encoding: "base64" } },
  { action: "fs.write", target: "old.txt", params: { content: "x".repeat(21) } },
  { action: "fs.write", target: "run.sh", params: { content: "rm -rf /" } },
  { action: "fs.write", target: "../kernel.log", params: { content: "" } },
  { action: "fs.mkdir", target: "archive" },
  { action: "fs.move", target: "old.txt", params: { to: "archive/old.txt" } },
  { action: "fs.move", target: "b.txt", params: { to: "/tmp/b.txt" } },
];
for (const request of requests) {
  const { status, code, data, error } = await kernel.submit(request);
  const { action, target } = request;
  console.log(action, target, "→", status, code ?? data, error?.replaceAll(root, "…") ?? "");
}
console.log("moved:", Deno.readTextFileSync(`${root}/out/archive/old.txt`));
