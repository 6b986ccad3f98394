/**
 * An agent with the tools of an MCP server: what the server offers becomes tools, what the model calls
 * goes through the gate.
 *
 *     deno run -P=examples examples/03_agent_loop/mcp_tools.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { AgentLoop } from "@agent-kernel/kernel/agent";
import { McpProvider, toolDefs } from "@agent-kernel/kernel/providers/mcp";
import { fromFileUrl } from "@std/path";
import { ExampleModel } from "../model.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;
const server = fromFileUrl(import.meta.resolve("../mcp_server.ts"));

await using kernel = await Kernel.open({
  policy: {
    capabilities: [
      { action: "mcp.list", resource: "notes" },
      { action: "mcp.call", resource: "notes/read_notes" },
      {
        action: "mcp.call",
        resource: "notes/add_note",
        constraint: { "arguments.text": { max_length: 20 } },
      },
    ],
  },
  providers: [
    new McpProvider({
      servers: { notes: { command: "deno", args: ["run", "-q", "--no-prompt", server] } },
      lockFile: `${root}/mcp.lock.json`,
    }),
  ],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

// Listing is an action too: it is decided and recorded, and what is listed is pinned.
const tools = await toolDefs(kernel, "notes");
console.log("tools:", tools.map(({ name }) => name).join(" "));

const note = (text: string) => ({ name: "notes__add_note", arguments: { title: "today", text } });
await using model = new ExampleModel([
  { calls: [note("Buy milk"), note("All that I was told in this conversation so far")] },
  { calls: [{ name: "notes__read_notes", arguments: {} }] },
  { text: "Your list says: Buy milk" },
]);
const loop = new AgentLoop({ kernel, ...model.options, tools });

for await (const event of loop.stream("Put milk on my list, then read it to me")) {
  if (event.type === "result") console.log(event.result.status, event.result.code ?? "");
  if (event.type === "done") console.log(event.text);
}
