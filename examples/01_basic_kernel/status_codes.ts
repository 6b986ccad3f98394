/**
 * Every way in which a submit can end, with its status and code.
 *
 *     deno run -P=examples examples/01_basic_kernel/status_codes.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/a.txt": "a" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    capabilities: [
      { action: "fs.read", resource: `${root}/**` },
      { action: "fs.write", resource: `${root}/**` },
      { action: "net.http", resource: "https://api.example.com/**", constraint: { method: "GET" } },
    ],
    deny: [{ action: "fs.*", resource: `${root}/private/**`, reason: "that is private" }],
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
});

const requests: [string, ActionRequest][] = [
  ["done", { action: "fs.read", target: `${root}/data/a.txt` }],
  ["no rule allows it", { action: "fs.read", target: "/etc/passwd" }],
  ["a deny rule", { action: "fs.read", target: `${root}/private/diary.txt` }],
  ["constraint unmet", {
    action: "net.http",
    target: "https://api.example.com/",
    params: { method: "POST" },
  }],
  ["the kernel's own file", {
    action: "fs.write",
    target: `${root}/kernel.log`,
    params: { content: "" },
  }],
  ["allowed, but nobody does it", { action: "net.http", target: "https://api.example.com/" }],
  ["the provider failed", { action: "fs.read", target: `${root}/data/missing.txt` }],
  ["malformed", { action: "", target: "x" }],
  ["no canonical form", { action: "fs.read", target: "data/a.txt" }],
];
for (const [what, request] of requests) {
  const { status, code = "", error = "" } = await kernel.submit(request);
  console.log(
    `${status.padEnd(6)} ${code.padEnd(17)} ${what}${
      error === "" ? "" : `: ${error.replaceAll(root, "…")}`
    }`,
  );
}
