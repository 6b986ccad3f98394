import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { toolDefs } from "@agent-kernel/kernel/providers/mcp";
import { Workspace } from "../../workspace.ts";
import { npmServer, textOf, withMcp } from "./scene.ts";

Deno.test("server-everything over standard input and output: calls, errors, data, images", async () => {
  await withMcp({ servers: { every: npmServer("server-everything") } }, async (scene) => {
    await useEverything(scene.call);
    const tools = await toolDefs(scene.kernel, "every");
    assert(tools.length > 8);
    const echo = tools.find(({ name }) => name === "every__echo");
    assertEquals(echo?.translate({ message: "hi" }).request, {
      action: "mcp.call",
      target: "every/echo",
      params: { arguments: { message: "hi" } },
    });
    const request = echo?.translate({ message: "hi" }).request;
    assert(request);
    assertEquals(textOf(await scene.kernel.submit(request)), "Echo: hi");
  });
});

Deno.test("server-everything over streamable HTTP: the same, and reconnecting after its death", async () => {
  await using first = await HttpServer.start();
  const servers = { every: { url: first.url } };
  await withMcp({ servers }, async ({ call }) => {
    await useEverything(call);
    await first[Symbol.asyncDispose]();
    assertEquals((await call("every/echo", { message: "x" })).code, "SERVER_DIED");
    await using _second = await HttpServer.start(first.port);
    assertEquals(textOf(await call("every/echo", { message: "x" })), "Echo: x");
  });
});

Deno.test("server-filesystem: it reads its folder, and the policy decides about the rest", async () => {
  using ws = new Workspace();
  const note = ws.file("shared/note.txt", "hello");
  const policy = {
    capabilities: [
      {
        action: "mcp.call",
        resource: "fs/read_*",
        constraint: { "arguments.path": { glob: `${ws.path("shared")}/**` } },
      },
    ],
  };
  const servers = { fs: npmServer("server-filesystem", ws.path("shared")) };
  await withMcp({ ws, servers, policy }, async ({ call }) => {
    assertEquals(textOf(await call("fs/read_text_file", { path: note })), "hello");
    assertEquals(
      (await call("fs/read_text_file", { path: "/etc/passwd" })).code,
      "CONSTRAINT_UNMET",
    );
    assertEquals((await call("fs/write_file", { path: note, content: "x" })).code, "NO_RULE");
    const missing = await call("fs/read_text_file", { path: ws.path("shared/none.txt") });
    assertEquals(missing.code, "TOOL_ERROR");
    assertStringIncludes(missing.error ?? "", "ENOENT");
  });
});

Deno.test("server-memory: what one kernel has it remember, the next one is told", async () => {
  using ws = new Workspace();
  const server = {
    ...npmServer("server-memory"),
    env: { MEMORY_FILE_PATH: ws.path("memory.jsonl") },
  };
  const entities = [{ name: "Ada", entityType: "person", observations: ["writes programs"] }];
  await withMcp({ ws, servers: { memory: server } }, async ({ call }) => {
    const { status, error } = await call("memory/create_entities", { entities });
    assertEquals(status, "OK", error);
  });
  await withMcp({ ws, servers: { memory: server } }, async ({ call }) => {
    const { data } = await call("memory/search_nodes", { query: "Ada" });
    const { structuredContent } = data as { structuredContent: { entities: object[] } };
    assertEquals(structuredContent.entities, entities);
  });
});

type Call = Parameters<Parameters<typeof withMcp>[1]>[0]["call"];

async function useEverything(call: Call): Promise<void> {
  assertEquals((await call("every/echo", { message: "hällo" })).data, {
    content: [{ type: "text", text: "Echo: hällo" }],
  });
  const wrong = await call("every/get-sum", { a: 1, b: "x" });
  assertEquals([wrong.status, wrong.code], ["ERROR", "TOOL_ERROR"]);
  const { data } = await call("every/get-structured-content", { location: "Chicago" });
  const { structuredContent } = data as { structuredContent: { temperature: number } };
  assertEquals(typeof structuredContent.temperature, "number");
  const image = await call("every/get-tiny-image");
  const { content } = image.data as { content: { type: string; mimeType?: string }[] };
  assert(content.some(({ type, mimeType }) => type === "image" && mimeType === "image/png"));
  assertEquals((await call("every/none")).code, "UNKNOWN_TOOL");
  const sums = await Promise.all(
    Array.from({ length: 20 }, (_, a) => call("every/get-sum", { a, b: 1 })),
  );
  for (const [i, sum] of sums.entries()) assertStringIncludes(textOf(sum), `is ${i + 1}.`);
}

/** server-everything, listening. */
class HttpServer implements AsyncDisposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;
  readonly #drained: Promise<void>;

  private constructor(port: number, child: Deno.ChildProcess, drained: Promise<void>) {
    this.port = port;
    this.#child = child;
    this.#drained = drained;
  }

  static async start(port = freePort()): Promise<HttpServer> {
    const { command, args } = npmServer("server-everything", "streamableHttp") as {
      command: string;
      args: string[];
    };
    const child = new Deno.Command(command, {
      args,
      env: { PORT: String(port) },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const listening = Promise.withResolvers<void>();
    const drained = (async () => {
      let said = "";
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        said += text;
        if (/listening on port/.test(said)) listening.resolve();
      }
      listening.reject(new Error(`server-everything ended: ${said}`));
    })();
    // A server that neither listens nor ends would be waited for without an end.
    const patience = setTimeout(() => child.kill("SIGKILL"), 60_000);
    try {
      await listening.promise;
    } finally {
      clearTimeout(patience);
    }
    return new HttpServer(port, child, drained);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#drained.catch(() => {/* expected: it was ended */});
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
