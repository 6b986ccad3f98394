/**
 * Deleting: a file, an empty folder; never what is kept by a deny rule, and never a tree at once.
 *
 *     deno run -P=examples examples/05_providers/fs_delete.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "work/a.tmp": "",
  "work/b.tmp": "",
  "work/keep/contract.pdf": "",
  "work/full/c.tmp": "",
});
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - { action: fs.delete, resource: ${root}/work/** }
deny:
  - { id: keep, action: fs.delete, resource: "${root}/work/keep/**", reason: contracts are kept }
`,
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: `${root}/work`,
});

for (const target of ["a.tmp", "a.tmp", "keep/contract.pdf", "full", "full/c.tmp", "full", "."]) {
  const { status, data, error } = await kernel.submit({ action: "fs.delete", target });
  console.log(target, "→", status, error?.replaceAll(root, "…") ?? data);
}
const left = Array.from(Deno.readDirSync(`${root}/work`), ({ name }) => name).sort();
console.log("left:", left.join(", "));
