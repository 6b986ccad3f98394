/**
 * Three providers in a row: fetched, kept, counted. Each in a Worker with its own permissions.
 *
 *     deno run -P=examples examples/06_multi_provider/provider_chaining.ts
 */
import { impliedPermissions, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;

await using server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  () => new Response("to be or not to be\n"),
);
const url = `http://127.0.0.1:${server.addr.port}/hamlet`;
const copy = `${root}/texts/hamlet.txt`;

const options = {
  policy: {
    capabilities: [
      { action: "net.http", resource: url },
      { action: ["fs.write", "fs.read"], resource: `${root}/texts/**` },
      { action: "proc.exec", resource: "wc", constraint: { args: { prefix: ["-w"] } } },
    ],
  },
  providers: [new HttpProvider(), new FilesystemProvider(), new ProcessProvider()],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
};
for (
  const [name, { read, write, net, run }] of Object.entries(impliedPermissions(options).workers)
) {
  const shown = JSON.stringify({ read, write, net, run })
    .replaceAll(root, "…").replace(/:\d+/, ":…");
  console.log(name.padEnd(10), shown);
}

await using kernel = await Kernel.open(options);
const fetched = await kernel.submit({ action: "net.http", target: url });
const { body } = fetched.data as { body: string };
const written = await kernel.submit({
  action: "fs.write",
  target: copy,
  params: { content: body },
});
const counted = await kernel.submit({
  action: "proc.exec",
  target: "wc",
  params: { args: ["-w"], stdin: body },
});
console.log(fetched.status, written.status, counted.status);
console.log("words:", (counted.data as { stdout: string }).stdout.trim());
