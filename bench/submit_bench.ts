/** What a submit costs, from the call to the record. */
import { dirname, fromFileUrl } from "@std/path";
import { Kernel } from "../mod.ts";
import { FilesystemProvider } from "../providers/filesystem/mod.ts";

const base = `${dirname(dirname(fromFileUrl(import.meta.url)))}/.tmp`;
Deno.mkdirSync(base, { recursive: true });
const root = Deno.makeTempDirSync({ dir: base, prefix: "bench-" });
Deno.mkdirSync(`${root}/data`);
Deno.writeTextFileSync(`${root}/data/2400.txt`, "x".repeat(2_400));
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

const kernel = await Kernel.open({
  policy: { capabilities: [{ action: ["fs.read", "fs.write"], resource: `${root}/data/**` }] },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

const denied = { action: "fs.read", target: "/etc/passwd" };
const read = { action: "fs.read", target: `${root}/data/2400.txt` };
const write = {
  action: "fs.write",
  target: `${root}/data/out.txt`,
  params: { content: "x".repeat(500) },
};

for (
  const [name, request] of [["denied", denied], ["fs.read of 2.4 KB", read], [
    "fs.write of 500 bytes",
    write,
  ]] as const
) {
  Deno.bench({
    name: `${name}, 1 caller`,
    group: name,
    baseline: true,
    fn: async () => void (await kernel.submit(request)),
  });
  Deno.bench({
    name: `${name}, 64 callers (64 submits an iteration)`,
    group: name,
    fn: async () =>
      void (await Promise.all(Array.from({ length: 64 }, () => kernel.submit(request)))),
  });
}
