/** The least MCP server that answers: JSON-RPC 2.0 by lines on standard input and output, one tool. */
import { TextLineStream } from "@std/streams";

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: object };
}

const ANSWERS: Readonly<Record<string, (message: Message) => unknown>> = {
  initialize: ({ params }) => ({
    protocolVersion: params?.protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "bench", version: "1.0.0" },
  }),
  "tools/list": () => ({ tools: [{ name: "echo", inputSchema: { type: "object" } }] }),
  "tools/call": ({ params }) => ({
    content: [{ type: "text", text: JSON.stringify(params?.arguments) }],
  }),
  ping: () => ({}),
};

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(
  new TextLineStream(),
);
for await (const line of lines) {
  const message: Message = JSON.parse(line);
  const answer = ANSWERS[message.method ?? ""];
  if (message.id === undefined || answer === undefined) continue;
  const text = JSON.stringify({ jsonrpc: "2.0", id: message.id, result: answer(message) });
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
