/** The relay against a Worker that sends what it likes. */
import { assertEquals } from "@std/assert";
import { McpRelay, type RelayClient } from "../../../providers/mcp/relay.ts";
import type { FromPort } from "../../../providers/mcp/relay_message.ts";

interface Scene {
  readonly relay: McpRelay;
  /** Sends as the Worker, and gives what the client was told and what came back. */
  send(...messages: unknown[]): Promise<unknown[]>;
  readonly answers: unknown[];
}

async function withRelay(calling: boolean, body: (scene: Scene) => Promise<void>): Promise<void> {
  const told: unknown[] = [];
  const answers: unknown[] = [];
  {
    await using relay = new McpRelay({ asks: ["mcp.sample", "fs.read"] });
    const client: RelayClient = {
      isCalling: () => calling,
      ask: ({ action, server }) => Promise.resolve({ result: { action, server } }),
      told: (message) => void told.push(message),
    };
    using _client = relay.add(client);
    const worker = new BroadcastChannel(relay.config.channel);
    let arrived = () => {};
    worker.onmessage = ({ data }) => {
      answers.push(data);
      arrived();
    };
    const send = async (...messages: unknown[]) => {
      for (const message of messages) worker.postMessage(message);
      // Answered behind all others.
      const last = Promise.withResolvers<void>();
      arrived = () => (answers.at(-1) as { id?: string }).id === "last" && last.resolve();
      worker.postMessage({
        type: "ask",
        id: "last",
        server: "s",
        method: "roots/list",
        params: {},
      });
      await last.promise;
      answers.pop();
      return told.splice(0);
    };
    await body({ relay, send, answers });
    worker.close();
  }
}

Deno.test("a relay hands on messages of the known forms, and no others", async () => {
  await withRelay(true, async ({ relay, send, answers }) => {
    assertEquals(relay.config.asks, ["mcp.sample"]);
    const good: FromPort[] = [
      { type: "progress", call: "c", progress: 1 },
      { type: "log", server: "s", level: "info", data: { a: 1 } },
      { type: "changed", server: "s", what: "tools" },
      { type: "ended", server: "s", code: 1, signal: null },
    ];
    assertEquals(await send(...good), good);
    const bad = [
      ...[null, 7, "x", [], {}, { type: "toString" }, { type: "__proto__" }],
      ...[{ type: "progress", call: 1, progress: 1 }, { type: "log", server: "s", level: 1 }],
      { type: "log", server: "s", level: "info", data: "x".repeat(2 * 1024 * 1024) },
      { type: "changed", what: "tools" },
      { type: "ask", id: "a", server: "s", method: "tools/call", params: {} },
      { type: "ask", id: "b", server: "s", method: "roots/list", params: 7 },
      { type: "cancel", call: "c" },
    ];
    assertEquals(await send(...bad), []);
    assertEquals(answers, []);
    await send({ type: "ask", id: "q", server: "s", method: "sampling/createMessage", params: {} });
    assertEquals(answers, [
      { type: "answer", id: "q", result: { action: "mcp.sample", server: "s" } },
    ]);
  });
});

Deno.test("log messages and questions of a server that no client calls reach none", async () => {
  await withRelay(false, async ({ send, answers }) => {
    const log = { type: "log", server: "s", level: "info", data: 1 };
    const ask = { type: "ask", id: "q", server: "s", method: "elicitation/create", params: {} };
    assertEquals(await send(log, ask), []);
    const [{ error }] = answers as [{ error: { message: string } }];
    assertEquals(error.message.startsWith("there is no call of a client"), true);
  });
});
