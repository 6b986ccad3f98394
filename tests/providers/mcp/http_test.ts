import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROOT, Workspace } from "../../workspace.ts";
import { textOf, withMcp } from "./scene.ts";

type Respond = (request: Request, message: Message, next: () => Response) => Response;
type Message = { readonly id?: unknown; readonly method?: string };

const TOOL = { name: "tool", inputSchema: { type: "object" } };
const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: "2025-06-18",
    capabilities: { tools: {} },
    serverInfo: { name: "web", version: "1" },
  },
  "tools/list": { tools: [TOOL] },
  "tools/call": { content: [{ type: "text", text: "done" }] },
};

/** Runs a test with a server on loopback that answers calls of its tool in its own way. */
async function withServer(
  respond: Respond,
  body: (url: string, requests: Headers[]) => Promise<void>,
): Promise<void> {
  const requests: Headers[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      requests.push(new Headers(request.headers));
      if (request.method !== "POST") return new Response(null, { status: 405 });
      const message = await request.json() as Message;
      const { id, method = "" } = message;
      const next = () =>
        RESULTS[method] === undefined
          ? new Response(null, { status: 202 })
          : Response.json({ jsonrpc: "2.0", id, result: RESULTS[method] });
      return method === "tools/call" ? respond(request, message, next) : next();
    },
  );
  await body(`http://127.0.0.1:${server.addr.port}/mcp`, requests);
}

function events(...chunks: readonly (string | Error)[]): Response {
  let i = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks[i++];
      if (chunk instanceof Error) controller.error(chunk);
      else if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
  return new Response(stream, { headers: { "content-type": "text/event-stream" } });
}

const MEGABYTE = "x".repeat(1024 * 1024);

function answer(id: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result: RESULTS["tools/call"] });
}

const WORKS: readonly (readonly [what: string, respond: Respond])[] = [
  ["JSON", (_, __, next) => next()],
  ["an event", (_, { id }) => events(`data: ${answer(id)}\n\n`)],
  ["an event in pieces", (_, { id }) => events(": hi\r\n\r", `\ndata: ${answer(id)}\r\n`, "\r\n")],
  [
    "many events before the one",
    (_, { id }) => events(...Array(20).fill(`: ${MEGABYTE}\n\n`), `data: ${answer(id)}\n\n`),
  ],
];
for (const [what, respond] of WORKS) {
  Deno.test(`a tool that is answered over HTTP as ${what} gives its result`, async () => {
    await withServer(respond, async (url) => {
      await withMcp({ servers: { web: { url } } }, async ({ call }) => {
        assertEquals(textOf(await call("web/tool")), "done");
      });
    });
  });
}

const FAILS: readonly (readonly [what: string, respond: Respond, code: string, said: RegExp])[] = [
  ["500", () => new Response("broken", { status: 500 }), "SERVER_DIED", /broken/],
  ["HTML", () => new Response("<p>"), "SERVER_DIED", /[Uu]nexpected content type/],
  ["half of JSON", () => Response.json(7), "PROTOCOL_ERROR", /MCP server "web"/],
  [
    "a stream that breaks off",
    () => events(": hi\n\n", new Error("cut")),
    "SERVER_DIED",
    /broke off/,
  ],
  [
    "an event without an end",
    () => events(...Array(30).fill(`data: ${MEGABYTE}\r\n`)),
    "MESSAGE_TOO_LARGE",
    /more than \d+ bytes/,
  ],
  [
    "JSON without an end",
    () =>
      new Response(new Blob(Array(30).fill(MEGABYTE)), {
        headers: { "content-type": "application/json" },
      }),
    "MESSAGE_TOO_LARGE",
    /more than \d+ bytes/,
  ],
  [
    "a gzip bomb",
    () => {
      const bomb = new Blob(Array(30).fill(MEGABYTE)).stream()
        .pipeThrough(new CompressionStream("gzip"));
      const headers = { "content-type": "application/json", "content-encoding": "gzip" };
      return new Response(bomb, { headers });
    },
    "MESSAGE_TOO_LARGE",
    /more than \d+ bytes/,
  ],
];
for (const [what, respond, code, said] of FAILS) {
  Deno.test(`a server that answers over HTTP with ${what} is a ${code}`, async () => {
    await withServer(respond, async (url) => {
      await withMcp({ servers: { web: { url } }, deadlineMs: 30_000 }, async ({ call }) => {
        const result = await call("web/tool");
        assertEquals([result.status, result.code], ["ERROR", code], result.error);
        assertMatch(result.error ?? "", said);
      });
    });
  });
}

/** Errors in which a server names the token that it was given, without the scheme. */
const TELLING: readonly (readonly [
  what: string,
  respond: (token: string, id: unknown) => Response,
  code: string,
  said: RegExp,
])[] = [
  [
    "a JSON-RPC error",
    (token, id) =>
      Response.json({ jsonrpc: "2.0", id, error: { code: -32001, message: `${token} is old` } }),
    "MCP_ERROR",
    /error -32001: \[Authorization\] is old$/,
  ],
  [
    "401",
    (token) => new Response(`${token} is old`, { status: 401 }),
    "SERVER_DIED",
    /\[Authorization\] is old$/,
  ],
  [
    "500",
    (token) => new Response(`no ${token}`, { status: 500 }),
    "SERVER_DIED",
    /no \[Authorization\]$/,
  ],
  [
    "a long 500",
    (token) => new Response(`${"x".repeat(920)}${token}`.repeat(2), { status: 500 }),
    "SERVER_DIED",
    /x\[Auth/,
  ],
  // The platform's error would quote the first characters of it.
  [
    "what is no JSON",
    (token) => new Response(token, { headers: { "content-type": "application/json" } }),
    "PROTOCOL_ERROR",
    /MCP server "web": Its answer is not valid MCP$/,
  ],
];
for (const [what, respond, code, said] of TELLING) {
  Deno.test(`a server that names its token in ${what} over HTTP does not show it`, async () => {
    const token = "s3cr3t-t0k3n-zyxwvuts";
    const answer: Respond = ({ headers }, { id }) =>
      respond(headers.get("authorization")?.slice("Bearer ".length) ?? "", id);
    await withServer(answer, async (url) => {
      const servers = { web: { url, headers: { Authorization: `Bearer ${token}` } } };
      await withMcp({ servers }, async ({ call, ws }) => {
        const { code: found, error = "" } = await call("web/tool");
        assertEquals(found, code, error);
        assertMatch(error, said);
        for (const text of [error, Deno.readTextFileSync(ws.path("kernel.log"))]) {
          assertEquals(/s3c|k3n|zyx|vuts/.exec(text), null);
        }
      });
    });
  });
}

Deno.test("a server that cannot be reached is told as such", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await withMcp({ servers: { web: { url: `http://127.0.0.1:${port}/` } } }, async ({ call }) => {
    assertEquals((await call("web/tool")).code, "SERVER_UNREACHABLE");
  });
});

Deno.test("headers of the configuration go to the server, and not along with a redirect", async () => {
  const secret = "Bearer s3cr3t-t0k3n";
  await withServer((_, __, next) => next(), async (other, stolen) => {
    const redirect: Respond = () => Response.redirect(other, 307);
    await withServer(redirect, async (url, requests) => {
      const servers = { web: { url, headers: { Authorization: secret } } };
      await withMcp({ servers }, async ({ call }) => {
        const { status, error } = await call("web/tool");
        assertEquals(status, "ERROR");
        assertEquals(error?.includes("s3cr3t"), false);
      });
      assert(requests.length > 2);
      for (const headers of requests) assertEquals(headers.get("authorization"), secret);
    });
    assertEquals(stolen.length, 0);
  });
});

/** A result as a server in another language writes it. */
const numbers = (id: unknown) =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"id":1234567890123456789}}}`;
const NUMBERS: readonly (readonly [what: string, respond: (id: unknown) => Response])[] = [
  [
    "one message",
    (id) => new Response(numbers(id), { headers: { "content-type": "application/json" } }),
  ],
  // The id of an event is no JSON, and stays as it is.
  ["an event", (id) => events(`id: 1234567890123456789\r\ndata: ${numbers(id)}\r\n\r\n`)],
  [
    "an event of two lines",
    (id) =>
      events(
        `data: ${numbers(id).replace("1234567890123456789", "\ndata: 1234567890123456789")}\n\n`,
      ),
  ],
  [
    "an event in pieces",
    (id) => events("data: ", numbers(id).slice(0, 80), numbers(id).slice(80), "\n\n"),
  ],
];
for (const [what, respond] of NUMBERS) {
  Deno.test(`whole numbers beyond 2^53 keep their digits over HTTP: ${what}`, async () => {
    await withServer((_, { id }) => respond(id), async (url) => {
      await withMcp({ servers: { web: { url } } }, async ({ call }) => {
        const { data, error } = await call("web/tool");
        assertEquals(
          data,
          { content: [], structuredContent: { id: "1234567890123456789" } },
          error,
        );
      });
    });
  });
}

Deno.test("a server that answers 401 without a word is told with its status", async () => {
  await withServer(() => new Response(null, { status: 401 }), async (url) => {
    await withMcp({ servers: { web: { url } } }, async ({ call }) => {
      assertEquals((await call("web/tool")).error, 'MCP server "web": HTTP status 401');
    });
  });
});

Deno.test("a server on loopback is reached although HTTP_PROXY is set", async () => {
  const proxied: string[] = [];
  await using proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    proxied.push(url);
    return new Response(null, { status: 502 });
  });
  await withServer((_, __, next) => next(), async (url) => {
    // In a process of its own: Deno reads the variable once.
    const script = `
      import { withMcp, textOf } from "${new URL("./scene.ts", import.meta.url)}";
      await withMcp({ servers: { web: { url: ${JSON.stringify(url)} } } }, async ({ call }) => {
        console.log(textOf(await call("web/tool")));
      });`;
    using ws = new Workspace();
    const { stdout, stderr } = await new Deno.Command("deno", {
      args: [
        "run",
        "-q",
        "--no-prompt",
        "-A",
        `--config=${ROOT}/deno.json`,
        ws.file("main.ts", script),
      ],
      env: { HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}` },
    }).output();
    assertEquals(new TextDecoder().decode(stdout), "done\n", new TextDecoder().decode(stderr));
  });
  assertEquals(proxied, []);
});
