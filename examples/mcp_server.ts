/**
 * A small MCP server for the examples: it keeps notes in memory. It speaks the protocol by hand, so
 * that it runs without permissions and without packages.
 */
const notes = new Map<string, string>();
// Whoever writes a server decides what a model is told of it.
const description = Deno.args[0] ?? "Adds a note under a title";

const text = { type: "string" };
const TOOLS = [
  {
    name: "add_note",
    description,
    inputSchema: {
      type: "object",
      properties: { title: text, text },
      required: ["title", "text"],
    },
  },
  { name: "read_notes", description: "Reads all notes", inputSchema: { type: "object" } },
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly name?: string;
    readonly uri?: string;
    readonly arguments?: Record<string, string>;
  };
}

function call({ name, arguments: args = {} }: NonNullable<Message["params"]>): object {
  if (name === "add_note") notes.set(String(args.title), String(args.text));
  return { content: [{ type: "text", text: JSON.stringify(Object.fromEntries(notes)) }] };
}

function answer({ method, params = {} }: Message): object {
  if (method === "tools/list") return { tools: TOOLS };
  if (method === "tools/call") return call(params);
  if (method === "resources/list") {
    return { resources: ["today", "diary"].map((name) => ({ uri: `note://${name}`, name })) };
  }
  if (method === "resources/read") {
    return { contents: [{ uri: params.uri, text: `What ${params.uri} says` }] };
  }
  return {
    protocolVersion: "2025-06-18",
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: "notes", version: "1.0.0" },
  };
}

let rest = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const message: Message = JSON.parse(line);
    if (message.id === undefined) continue;
    console.log(JSON.stringify({ jsonrpc: "2.0", id: message.id, result: answer(message) }));
  }
}
