import { assertEquals, assertStringIncludes } from "@std/assert";
import { hostile, textOf, withMcp } from "./scene.ts";

const SERVERS = { h: hostile(), other: hostile() };

Deno.test("the target of mcp.call is a server and a tool of it", async () => {
  await withMcp({ servers: SERVERS }, async ({ call }) => {
    assertEquals((await call("h/echo")).status, "OK");
    const wrong = await call("echo");
    assertEquals(wrong.code, "INVALID_TARGET");
    assertStringIncludes(wrong.error ?? "", "must be 'server/tool' format");
    const unknown = await call("constructor/echo");
    assertEquals(unknown.code, "UNKNOWN_SERVER");
    assertStringIncludes(unknown.error ?? "", 'Unknown MCP server: "constructor"');
    assertEquals((await call("h/none")).code, "UNKNOWN_TOOL");
    assertEquals((await call("h/Echo")).code, "UNKNOWN_TOOL");
  });
});

for (
  const [form, params] of [
    ["as params.arguments", { arguments: { path: "/a", n: 1 } }],
    ["as the params", { path: "/a", n: 1 }],
  ] as const
) {
  Deno.test(`a tool gets its arguments when they are given ${form}`, async () => {
    await withMcp({ servers: SERVERS }, async ({ submit }) => {
      assertEquals(textOf(await submit("mcp.call", "h/echo", params)), '{"path":"/a","n":1}');
    });
  });
}

Deno.test("a result is what the tool answered: content, and data if there are any", async () => {
  await withMcp({ servers: SERVERS }, async ({ call }) => {
    const echo = await call("h/echo");
    assertEquals(echo.data, { content: [{ type: "text", text: "{}" }] });
    const structured = await call("h/structured");
    assertEquals(structured.data, { content: [], structuredContent: { n: 1 } });
  });
});

const CONSTRAINED = {
  capabilities: [{
    action: "mcp.call",
    resource: "h/echo",
    constraint: { "arguments.path": { glob: "/work/**" }, "arguments.size": { max: 10 } },
  }],
  deny: [{ action: "mcp.call", resource: "**", constraint: { "arguments.force": true } }],
};
const CASES: readonly (readonly [args: Record<string, unknown>, expected: string | undefined])[] = [
  [{ path: "/work/a", size: 1 }, undefined],
  [{ path: "/work/a", size: 10, force: false }, undefined],
  [{ path: "/etc/passwd", size: 1 }, "CONSTRAINT_UNMET"],
  [{ path: "/work/../etc/passwd", size: 1 }, "CONSTRAINT_UNMET"],
  [{ path: "/work/a", size: 11 }, "CONSTRAINT_UNMET"],
  [{ size: 1 }, "CONSTRAINT_UNMET"],
  [{ path: "/work/a", size: 1, force: true }, "DENY_RULE"],
];
for (const [args, expected] of CASES) {
  Deno.test(`constraints see ${JSON.stringify(args)} in both forms: ${expected ?? "allowed"}`, async () => {
    await withMcp({ servers: SERVERS, policy: CONSTRAINED }, async ({ submit }) => {
      for (const params of [args, { arguments: args }]) {
        const { code, error } = await submit("mcp.call", "h/echo", params);
        assertEquals(code, expected, error);
      }
    });
  });
}

Deno.test("the policy decides by server and tool", async () => {
  const policy = {
    capabilities: [{ action: "mcp.call", resource: "h/*" }],
    deny: [{ action: "mcp.call", resource: "*/die" }],
  };
  await withMcp({ servers: SERVERS, policy }, async ({ call, submit }) => {
    assertEquals((await call("h/echo")).status, "OK");
    assertEquals((await call("h/die")).code, "DENY_RULE");
    assertEquals((await call("other/echo")).code, "NO_RULE");
    assertEquals((await submit("mcp.list", "h")).code, "NO_RULE");
  });
});

Deno.test("concurrent calls share one connection, and get their own answers", async () => {
  await withMcp({ servers: SERVERS }, async ({ call }) => {
    const pids = await Promise.all([
      call("h/instance"),
      call("h/instance"),
      call("other/instance"),
    ]);
    const [a, b, c] = pids.map(textOf);
    assertEquals([a === b, a === c], [true, false]);
    const echoes = await Promise.all(
      Array.from({ length: 100 }, (_, n) => call("h/echo", { n })),
    );
    assertEquals(echoes.map(textOf), Array.from({ length: 100 }, (_, n) => `{"n":${n}}`));
  });
});

Deno.test("whole numbers beyond 2^53 in a result keep their digits", async () => {
  await withMcp({ servers: SERVERS }, async ({ call, ws }) => {
    const { data } = await call("h/numbers");
    assertEquals(data, {
      content: [{ type: "text", text: "id 1234567890123456789" }],
      structuredContent: { id: "1234567890123456789", ids: ["-9007199254740993", 7], near: 0.1 },
    });
    assertEquals(
      Deno.readTextFileSync(ws.path("kernel.log")).includes("1234567890123456800"),
      false,
    );
  });
});
