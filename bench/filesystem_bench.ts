/** Files through the permission-scoped Worker. */
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { expect, makeFolder, openKernel } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
const SIZES = [["2.4 KB", 2_400, 640], ["1 MB", 1_000_000, 64]] as const;

Deno.mkdirSync(`${root}/data`);
Deno.mkdirSync(`${root}/out`);
const kernel = await openKernel(root, [
  { action: "fs.read", resource: `${root}/data/**` },
  { action: "fs.write", resource: `${root}/out/**` },
], { providers: [new FilesystemProvider()] });

for (const [size, bytes, ops] of SIZES) {
  const content = "x".repeat(bytes);
  const target = `${root}/data/${bytes}.txt`;
  Deno.writeTextFileSync(target, content);
  for (const callers of [1, 64]) {
    const name = `${size}, ${callers} in flight`;
    workload({
      group: "fs.read through the Worker",
      name,
      baseline: callers === 1 && bytes === 2_400,
      ops,
      callers,
      op: () => expect(kernel, { action: "fs.read", target }, "OK"),
    });
    workload({
      group: "fs.write through the Worker",
      name,
      baseline: callers === 1 && bytes === 2_400,
      ops: ops / 2,
      callers,
      // Over one of as many files as there are callers: none waits for another's file.
      op: (i) =>
        expect(kernel, {
          action: "fs.write",
          target: `${root}/out/${bytes}-${i % 64}.txt`,
          params: { content },
        }, "OK"),
    });
  }
}
