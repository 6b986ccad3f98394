import { assert, assertEquals } from "@std/assert";
import type { ProviderError } from "../../../src/worker/mod.ts";
import { Credentials } from "../../../providers/mcp/credentials.ts";
import { StdioTransport } from "../../../providers/mcp/stdio_transport.ts";
import { Workspace } from "../../workspace.ts";

/** Answers each line with what it read at once: how many lines, and this one. */
const SERVER = `
const text = new TextDecoder();
let rest = "";
for await (const chunk of Deno.stdin.readable) {
  const lines = (rest + text.decode(chunk, { stream: true })).split("\\n");
  rest = lines.pop();
  const answers = lines.map((line) => {
    const { id, params } = JSON.parse(line);
    return JSON.stringify({ jsonrpc: "2.0", id, result: { params } }) + "\\n";
  });
  await Deno.stdout.write(new TextEncoder().encode(answers.join("")));
}
`;

function transportTo(ws: Workspace, failures: ProviderError[]): StdioTransport {
  const args = ["run", "-q", "--no-prompt", "--no-config", ws.file("server.js", SERVER)];
  const config = { command: "deno", args, env: {}, timeoutMs: 1_000, pidNamespace: false };
  return new StdioTransport(config, {
    maxMessageBytes: 1024 * 1024,
    credentials: new Credentials({}),
    onFailure: (error) => failures.push(error),
  });
}

// It waits up to 250 ms for whoever holds the output of the ended program open.
const LINGERS = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "StdioTransport sends what comes together in its order, each message once",
  LINGERS,
  async () => {
    using ws = new Workspace();
    const failures: ProviderError[] = [];
    const transport = transportTo(ws, failures);
    const received: unknown[] = [];
    const all = Promise.withResolvers<void>();
    transport.onmessage = (message) => {
      received.push(message);
      if (received.length === 300) all.resolve();
    };
    const closed = new Promise<void>((resolve) => transport.onclose = resolve);
    await transport.start();
    const message = (id: number) => ({
      jsonrpc: "2.0" as const,
      id,
      method: "echo",
      params: { text: "ä".repeat(id) },
    });
    // Some at once, some while the write of the others is under way.
    const sent = Array.from({ length: 200 }, (_, id) => transport.send(message(id)));
    await sent[0];
    for (let id = 200; id < 300; id++) sent.push(transport.send(message(id)));
    await Promise.all(sent);
    await all.promise;
    assertEquals(
      received,
      Array.from({ length: 300 }, (_, id) => ({
        jsonrpc: "2.0",
        id,
        result: { params: message(id).params },
      })),
    );
    await transport.close();
    await closed;
    assertEquals(failures, []);
  },
);

Deno.test(
  "StdioTransport refuses to send once it is closed, and leaves no message waiting",
  LINGERS,
  async () => {
    using ws = new Workspace();
    const transport = transportTo(ws, []);
    await transport.start();
    const sent = Array.from(
      { length: 3 },
      (_, id) =>
        transport.send({ jsonrpc: "2.0", id, method: "echo", params: { text: "x".repeat(1e6) } }),
    );
    await transport.close();
    // Those under way have ended; nobody waits for ever.
    await Promise.all(sent);
    let refused = "";
    await transport.send({ jsonrpc: "2.0", id: 9, method: "echo" })
      .catch((error) => refused = error.message);
    assert(refused.includes("closed"), refused);
  },
);
