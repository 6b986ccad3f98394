import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { odd, withGateway } from "./scene.ts";

Deno.test("resources are listed through all pages, without those whose URI hides something, and read", async () => {
  await withGateway({}, async ({ client, warnings, records }) => {
    const { resources } = await client.listResources();
    assertEquals(resources.map(({ uri, name }) => [uri, name]), [
      ["note://a", "A\\u202e"],
      ["file:///srv/b.txt", "B"],
      ["note://secret", "Secret"],
    ]);
    for (const what of ["u202e", "\\u000a", "%00", "dot segment", "no scheme", '"name"', "#"]) {
      assertStringIncludes(warnings.join("\n"), what);
    }
    const { resourceTemplates } = await client.listResourceTemplates();
    assertEquals(resourceTemplates.map(({ uriTemplate }) => uriTemplate), ["note://day/{day}"]);
    const { contents, _meta } = await client.readResource({ uri: "note://day/monday" });
    assertEquals(contents, [{ uri: "note://day/monday", text: "content of note://day/monday" }]);
    assertMatch(String(_meta?.["agent-kernel/record_id"]), /^[0-9a-f-]{36}$/);
    assertEquals(await records(), [
      "mcp.list s OK",
      "mcp.list s OK",
      "mcp.read s/note:day/monday OK",
    ]);
  });
});

Deno.test("what no rule could allow is not listed, and reading it is denied with what would be needed", async () => {
  const policy = {
    capabilities: [
      { action: "mcp.list", resource: "s" },
      { action: "mcp.read", resource: ["s/note:*", "s/note:day/**"] },
    ],
    deny: [{ action: "mcp.read", resource: "s/note:secret" }],
  };
  await withGateway({ policy }, async ({ client, records }) => {
    const { resources } = await client.listResources();
    assertEquals(resources.map(({ uri }) => uri), ["note://a"]);
    assertEquals((await client.listTools()).tools, []);
    assertEquals(client.getServerCapabilities()?.prompts, undefined);
    for (
      const [uri, code, said] of [
        ["file:///srv/b.txt", "NO_RULE", /no rule allows mcp.read on "s\/file:\/srv\/b.txt"/],
        ["note://secret", "DENY_RULE", /agent-kernel: not permitted/],
      ] as const
    ) {
      const error = await assertRejects(() => client.readResource({ uri })) as Error & {
        code: number;
        data: Record<string, unknown>;
      };
      assertEquals([error.code, error.data["agent-kernel/code"]], [-32010, code]);
      assertMatch(error.message, said);
    }
    const traversal = await assertRejects(() =>
      client.readResource({ uri: "note://day/%2e%2e/x" })
    );
    assertStringIncludes((traversal as Error).message, "dot segment");
    assertEquals((await records()).slice(-3), [
      "mcp.read s/file:/srv/b.txt DENIED NO_RULE",
      "mcp.read s/note:secret DENIED DENY_RULE",
      "mcp.read  INVALID INVALID_REQUEST",
    ]);
  });
});

Deno.test("a client is told of the resources that it subscribed to, and of no others", async () => {
  await withGateway({}, async ({ client, call, notifications, records }) => {
    await client.subscribeResource({ uri: "note://a" });
    assertEquals(await call("s__update"), '["note://a"]');
    await client.ping();
    assertEquals(notifications, [
      { method: "notifications/resources/updated", params: { uri: "note://a" } },
    ] as never);
    await client.unsubscribeResource({ uri: "note://a" });
    await call("s__update");
    await client.ping();
    assertEquals(notifications.length, 1);
    assertEquals((await records())[0], "mcp.read s/note:a OK");
  });
});

Deno.test("a list of resources without end is refused, and tools of the same server go on", async () => {
  await withGateway({ servers: { s: odd("endless") } }, async ({ client, call, warnings }) => {
    assertEquals((await client.listResources()).resources, []);
    assertMatch(warnings.join(), /more than 100 pages/);
    assertEquals(await call("s__echo", { a: 1 }), '{"a":1}');
  });
});

Deno.test("a resource that two servers list belongs to neither; each keeps its own", async () => {
  const servers = { s: odd(), t: odd() };
  await withGateway({ servers }, async ({ client, records }) => {
    assertEquals((await client.listResources()).resources, []);
    const { message } = await assertRejects(() =>
      client.readResource({ uri: "note://a" })
    ) as Error;
    assertStringIncludes(message, "no server, or more than one");
    assertEquals((await records()).at(-1), "mcp.read  INVALID INVALID_REQUEST");
    const { tools } = await client.listTools();
    assertEquals(tools.filter(({ name }) => name.endsWith("__echo")).length, 2);
  });
});

Deno.test("prompts are listed without the odd ones, got, and completed", async () => {
  await withGateway({}, async ({ client, warnings, records }) => {
    const { prompts } = await client.listPrompts();
    assertEquals(prompts.map(({ name }) => name), ["s__greet"]);
    assertMatch(warnings.join("\n"), /prompts "s__odd" of "s" is left out/);
    const { messages } = await client.getPrompt({ name: "s__greet", arguments: { who: "you" } });
    assertEquals(messages[0]?.content, { type: "text", text: "Hello you" });
    const { completion } = await client.complete({
      ref: { type: "ref/prompt", name: "s__greet" },
      argument: { name: "who", value: "y" },
    });
    assertEquals(completion.values, ['{"type":"ref/prompt","name":"greet"}']);
    const { message } = await assertRejects(() => client.getPrompt({ name: "s__no" })) as Error;
    assertStringIncludes(message, "unknown prompt");
    assertEquals(await records(), [
      "mcp.list s OK",
      "mcp.prompt s/greet OK",
      "mcp.complete s OK",
      "mcp.prompt  INVALID INVALID_REQUEST",
    ]);
  });
});

Deno.test("a prompt is denied by the constraint on its arguments", async () => {
  const policy = {
    capabilities: [
      { action: "mcp.list", resource: "s" },
      { action: "mcp.prompt", resource: "s/*", constraint: { "arguments.who": { in: ["me"] } } },
    ],
  };
  await withGateway({ policy }, async ({ client, records }) => {
    await client.getPrompt({ name: "s__greet", arguments: { who: "me" } });
    await assertRejects(() => client.getPrompt({ name: "s__greet", arguments: { who: "you" } }));
    assertEquals((await records()).slice(-2), [
      "mcp.prompt s/greet OK",
      "mcp.prompt s/greet DENIED CONSTRAINT_UNMET",
    ]);
  });
});
