import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { hostile, textOf, withMcp } from "./scene.ts";

/** Calls during which a server misbehaves, and how they end. */
const CALLS: readonly (readonly [tool: string, code: string, said: RegExp])[] = [
  ["die", "SERVER_DIED", /ended with exit code 3; .*standard error: "my last words/],
  ["garbage", "PROTOCOL_ERROR", /sent what is no message: "\\u202eno message"/],
  ["no json-rpc", "PROTOCOL_ERROR", /sent what is no message/],
  ["flood", "PROTOCOL_ERROR", /10000 messages that nobody had asked for/],
  ["flood of requests", "PROTOCOL_ERROR", /does not read the answers/],
  ["huge", "MESSAGE_TOO_LARGE", /more than \d+ bytes/],
  ["large", "RESULT_INVALID", /too large/],
  ["deep", "RESULT_INVALID", /nested too deeply/],
  ["prototype", "RESULT_INVALID", /"__proto__" is not allowed/],
  ["no result", "PROTOCOL_ERROR", /has no list of content blocks/],
  ["odd content", "PROTOCOL_ERROR", /has no list of content blocks/],
  ["a task", "PROTOCOL_ERROR", /has no list of content blocks/],
  ["be over quota", "MCP_ERROR", /error -32000: quota is used up$/],
  ["refuse", "MCP_ERROR", /error -32001: no\\u202e\\u001b\[2J$/],
  ["fail", "TOOL_ERROR", /failed: bad\\u202e luck$/],
];
for (const [tool, code, said] of CALLS) {
  Deno.test(`a server that answers with "${tool}" is a ${code}, and the next call works`, async () => {
    await withMcp({ servers: { h: hostile() } }, async ({ call }) => {
      const result = await call(`h/${tool}`);
      assertEquals([result.status, result.code], ["ERROR", code], result.error);
      assertMatch(result.error ?? "", said);
      assertEquals(textOf(await call("h/echo", { a: 1 })), '{"a":1}');
    });
  });
}

const NEAR_MISSES: readonly (readonly [tool: string, text: string])[] = [
  ["trickle", "after the trickle"],
  ["flood of errors", "after the flood"],
  ["wrong id", "mine"],
  ["twice", "first"],
];
for (const [tool, text] of NEAR_MISSES) {
  Deno.test(`a server that answers with "${tool}" is put up with`, async () => {
    await withMcp({ servers: { h: hostile() } }, async ({ call }) => {
      assertEquals(textOf(await call(`h/${tool}`)), text);
      assertEquals(textOf(await call("h/echo")), "{}");
    });
  });
}

/** Servers that cannot be used from the start. */
const STARTS: readonly (readonly [mode: string, code: string, said: RegExp])[] = [
  ["dies at once", "SERVER_DIED", /exit code 1; .*"cannot find my configuration"/],
  ["garbage first", "PROTOCOL_ERROR", /no message: "x"/],
  ["old", "PROTOCOL_ERROR", /MCP server "h"/],
  ["endless pages", "PROTOCOL_ERROR", /more than 100 pages/],
];
for (const [mode, code, said] of STARTS) {
  Deno.test(`a server in the mode "${mode}" is a ${code}`, async () => {
    await withMcp({ servers: { h: hostile(mode) } }, async ({ call }) => {
      const result = await call("h/echo");
      assertEquals([result.status, result.code], ["ERROR", code], result.error);
      assertMatch(result.error ?? "", said);
    });
  });
}

for (const mode of ["banner", "two pages", "always changed"]) {
  Deno.test(`a server with "${mode}" is used`, async () => {
    await withMcp({ servers: { h: hostile(mode) } }, async ({ call }) => {
      assertEquals(textOf(await call("h/echo")), "{}");
      assertEquals(textOf(await call("h/echo")), "{}");
    });
  });
}

for (const mode of ["never initializes", "never lists"]) {
  Deno.test(`calls of a server that ${mode} end at their deadline`, async () => {
    await withMcp({ servers: { h: hostile(mode) }, deadlineMs: 300 }, async ({ call }) => {
      const results = await Promise.all([call("h/echo"), call("h/echo")]);
      for (const { code } of results) {
        assert(["DEADLINE_EXCEEDED", "SERVER_UNRESPONSIVE"].includes(code ?? ""), code);
      }
    });
  });
}

const DEADLINE_MS = 30_000;

Deno.test("a call that is not answered ends at its deadline, and the server is told", async () => {
  const timer = new ManualTimer();
  await withMcp({ servers: { h: hostile() }, timer }, async ({ call }) => {
    const waiting = call("h/never");
    const before = textOf(await call("h/instance"));
    timer.pass(DEADLINE_MS);
    assertEquals((await waiting).code, "DEADLINE_EXCEEDED");
    assertEquals(JSON.parse(textOf(await call("h/cancelled"))).length, 1);
    assertEquals(textOf(await call("h/instance")), before, "the connection is the same");
  });
});

Deno.test("a server that hangs is given up, and started anew", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const timer = new ManualTimer();
  await withMcp({ servers: { h: hostile() }, timer }, async ({ call }) => {
    const before = textOf(await call("h/instance"));
    const hanging = call("h/hang", { port: listener.addr.port });
    using connection = await listener.accept();
    timer.pass(DEADLINE_MS);
    assertEquals((await hanging).code, "DEADLINE_EXCEEDED");
    assertEquals((await call("h/instance")).code, "SERVER_UNRESPONSIVE");
    assertEquals(await connection.read(new Uint8Array(1)), null, "it was killed");
    const after = textOf(await call("h/instance"));
    assertMatch(after, /^[0-9a-f-]{36}$/);
    assert(after !== before);
  });
});

for (const mode of ["good", "refuses pings"]) {
  Deno.test(`a server in the mode "${mode}" that answers a ping is not given up`, async () => {
    const timer = new ManualTimer();
    await withMcp({ servers: { h: hostile(mode) }, timer }, async ({ call }) => {
      const before = textOf(await call("h/instance"));
      const waiting = call("h/never");
      assertEquals(textOf(await call("h/instance")), before);
      timer.pass(DEADLINE_MS);
      assertEquals((await waiting).code, "DEADLINE_EXCEEDED");
      // Asked one after the other, they are answered after the ping.
      for (let i = 0; i < 3; i++) assertEquals(textOf(await call("h/instance")), before);
    });
  });
}

Deno.test("an error of one call leaves the connection and the calls in flight alone", async () => {
  const timer = new ManualTimer();
  await withMcp({ servers: { h: hostile() }, timer }, async ({ call }) => {
    const before = textOf(await call("h/instance"));
    const waiting = call("h/never");
    assertEquals((await call("h/be over quota")).code, "MCP_ERROR");
    assertEquals(textOf(await call("h/instance")), before, "the connection is the same");
    timer.pass(DEADLINE_MS);
    assertEquals((await waiting).code, "DEADLINE_EXCEEDED");
  });
});

Deno.test("a server that dies takes the calls in flight with it, and no later ones", async () => {
  await withMcp({ servers: { h: hostile() } }, async ({ call }) => {
    const before = textOf(await call("h/instance"));
    const [waiting, dying] = await Promise.all([call("h/never"), call("h/die")]);
    assertEquals([waiting.code, dying.code], ["SERVER_DIED", "SERVER_DIED"]);
    const [a, b] = await Promise.all([call("h/instance"), call("h/instance")]);
    assertEquals(textOf(a), textOf(b), "both use one new connection");
    assert(textOf(a) !== before);
  });
});

Deno.test("a server that asks for samples, roots and answers of the user gets nothing", async () => {
  await withMcp({ servers: { h: hostile() } }, async ({ call }) => {
    const replies = JSON.parse(textOf(await call("h/ask")));
    assertEquals(
      replies.map((
        { id, error, result }: Record<string, { code?: number }>,
      ) => [id, error?.code, result]),
      [["a", -32601, undefined], ["b", -32601, undefined], ["c", -32601, undefined]],
    );
  });
});

Deno.test("a server sees only the environment that its configuration lists", async () => {
  Deno.env.set("PLANTED_SECRET", "hunter2");
  Deno.env.set("HANDED_ON", "yes");
  const server = { ...hostile(), env: { GIVEN: "1" }, inheritEnv: ["HANDED_ON", "NOT_SET"] };
  const servers = { own: server, shared: { ...server, pidNamespace: false } };
  await withMcp({ servers }, async ({ call }) => {
    for (const [name, more] of [["shared", {}], ["own", { PWD: Deno.cwd() }]] as const) {
      const found = JSON.parse(textOf(await call(`${name}/environment`)));
      // Deno gives these two to itself.
      for (const name of ["DENO_NODE_SHIM_ACTIVE", "PATH"]) delete found[name];
      assertEquals(found, { GIVEN: "1", HANDED_ON: "yes", ...more });
    }
  });
});

/** Errors in which a server names its credentials, some where the text is cut. */
const TELLING: readonly (readonly [tool: string, code: string, said: RegExp])[] = [
  ["die", "SERVER_DIED", /my last words .*\[TOKEN\]/],
  ["die at length", "SERVER_DIED", /standard error: "\[TOKEN\]\.{2000,}"$/],
  ["garbage at length", "PROTOCOL_ERROR", /"x{190}\[TOKEN\]xxx"$/],
  ["fail at length", "TOOL_ERROR", /x{1990}\[TOKEN\]$/],
  ["tell token", "MCP_ERROR", /\[TOKEN\] has expired$/],
];
for (const [tool, code, said] of TELLING) {
  Deno.test(`a server that answers with "${tool}" shows no part of its credentials`, async () => {
    const server = { ...hostile(), env: { TOKEN: "s3cr3t-t0k3n-zyxwvuts" } };
    await withMcp({ servers: { h: server } }, async ({ call, ws }) => {
      const { code: found, error = "" } = await call(`h/${tool}`);
      assertEquals(found, code, error);
      assertMatch(error, said);
      for (const text of [error, Deno.readTextFileSync(ws.path("kernel.log"))]) {
        assertEquals(/s3c|k3n|zyx|vuts/.exec(text), null);
      }
    });
  });
}

Deno.test("what a server writes to standard error is shown without its credentials", async () => {
  const server = { ...hostile(), env: { TOKEN: "s3cr3t-t0k3n" } };
  await withMcp({ servers: { h: server } }, async ({ call, ws }) => {
    const { error } = await call("h/die");
    assertStringIncludes(error ?? "", "my last words \\u001b[2J[TOKEN]");
    assertEquals(Deno.readTextFileSync(ws.path("kernel.log")).includes("s3cr3t"), false);
  });
});

Deno.test("a server runs where its configuration says", async () => {
  await withMcp({ servers: { h: { ...hostile(), cwd: "/usr" } } }, async ({ call }) => {
    assertEquals(textOf(await call("h/folder")), "/usr");
  });
});

Deno.test("a server is dead when the kernel is closed, whatever it is doing", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const timer = new ManualTimer();
  const connection = await withMcp({ servers: { h: hostile() }, timer }, async ({ call }) => {
    const hanging = call("h/hang", { port: listener.addr.port });
    const accepted = await listener.accept();
    timer.pass(DEADLINE_MS);
    assertEquals((await hanging).code, "DEADLINE_EXCEEDED");
    return accepted;
  });
  assertEquals(await connection.read(new Uint8Array(1)), null, "what it held was closed");
  connection.close();
});

/** In Python, because Deno keeps its standard output open. */
const CLOSING = `
import json, os, sys, time
for line in sys.stdin:
    message = json.loads(line)
    tool = {"name": "close", "inputSchema": {"type": "object"}}
    result = {
        "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "closing", "version": "1"}},
        "tools/list": {"tools": [tool]},
    }.get(message["method"])
    if message["method"] == "tools/call":
        os.close(1)
        time.sleep(600)
    if result:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
`;

Deno.test("a server that closes its output and lives on is a SERVER_DIED", async () => {
  // In a PID namespace bubblewrap holds the output open; there the deadline ends the call.
  const server = { command: "python3", args: ["-c", CLOSING], pidNamespace: false };
  await withMcp({ servers: { h: server } }, async ({ call }) => {
    const { code, error } = await call("h/close");
    assertEquals(code, "SERVER_DIED");
    assertMatch(error ?? "", /closed its output/);
  });
});
