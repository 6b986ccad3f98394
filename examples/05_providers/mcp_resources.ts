/**
 * Resources of an MCP server: each is decided by its server and its URI.
 *
 *     deno run -P=examples examples/05_providers/mcp_resources.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { McpProvider, resourceName } from "@agent-kernel/kernel/providers/mcp";
import { fromFileUrl } from "@std/path";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "policy.yaml": `
version: 1
capabilities:
  - { action: mcp.list, resource: notes }
  - { action: mcp.read, resource: "notes/note:*" }
deny:
  - { action: mcp.read, resource: "notes/note:diary", reason: diaries are private }
`,
});
const { root } = workspace;
const script = fromFileUrl(import.meta.resolve("../mcp_server.ts"));

await using kernel = await Kernel.open({
  policy: `${root}/policy.yaml`,
  providers: [
    new McpProvider({
      servers: { notes: { command: "deno", args: ["run", "-q", "--no-prompt", script] } },
      lockFile: `${root}/mcp.lock.json`,
    }),
  ],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

const { data } = await kernel.submit({
  action: "mcp.list",
  target: "notes",
  params: { kind: "resources" },
});
const { resources } = data as { resources: { uri: string }[] };
for (const uri of [...resources.map(({ uri }) => uri), "file:///etc/passwd"]) {
  const target = resourceName("notes", uri);
  const { status, data, error } = await kernel.submit({ action: "mcp.read", target });
  console.log(`${uri} is ${target}:`, status, error ?? JSON.stringify(data));
}
