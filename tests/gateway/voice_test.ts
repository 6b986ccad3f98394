/** What servers say beside their answers, and what they ask: handed on within bounds, decided, recorded. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { type ConnectedClient, odd, until, USES, withGateway } from "./scene.ts";

const ASKS = ["mcp.sample", "mcp.elicit", "mcp.roots"];
const CAPABILITIES = { sampling: {}, elicitation: { form: {}, url: {} }, roots: {} };

/** Has a client answer, and count what it was asked. */
function answering({ client }: ConnectedClient): unknown[] {
  const asked: unknown[] = [];
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
    asked.push(params.messages[0]?.content);
    return { model: "m", role: "assistant", content: { type: "text", text: "hello" } };
  });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return { action: "accept", content: { nick: "Ada" } };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => {
    asked.push("roots");
    return { roots: [{ uri: "file:///srv" }] };
  });
  return asked;
}

Deno.test("a client gets progress of its call, and log messages from its level on without credentials", async () => {
  await withGateway({}, async ({ client, call, notifications }) => {
    const progress: unknown[] = [];
    await client.callTool({ name: "s__progress", arguments: {} }, undefined, {
      onprogress: (one) => void progress.push(one),
    });
    assertEquals(progress, [1, 2, 3].map((progress) => ({ progress, total: 3 })));
    await client.setLoggingLevel("info");
    assertEquals(await call("s__log"), "logged");
    assertEquals(notifications, [{
      method: "notifications/message",
      params: { level: "error", logger: "s", data: { what: "token [TOKEN]" } },
    }] as never);
  });
});

Deno.test("a call that the client cancels ends at the server, and is on record", async () => {
  await withGateway({}, async ({ client, call, records }) => {
    await call("s__echo");
    const controller = new AbortController();
    const waiting = client.callTool({ name: "s__never", arguments: {} }, undefined, {
      signal: controller.signal,
    }).catch((error) => String(error));
    // Answered behind the call that is not.
    await call("s__echo");
    controller.abort("changed my mind");
    assertMatch(String(await waiting), /changed my mind/);
    await until(async () => (await records()).length >= 4);
    assertEquals((await records()).slice(-2), [
      "mcp.call s/echo OK",
      "mcp.call s/never FAILED CANCELLED",
    ]);
    assertEquals(await call("s__cancelled"), "[true]");
  });
});

Deno.test("a list that changed is told, and the new tool can be called", async () => {
  await withGateway({}, async ({ client, call, notifications }) => {
    const before = (await client.listTools()).tools.length;
    await call("s__grow");
    await until(() => notifications.length > 0);
    assertEquals(notifications.map(({ method }) => method), ["notifications/tools/list_changed"]);
    assertEquals((await client.listTools()).tools.length, before + 1);
    assertEquals(await call("s__more1"), "called");
  });
});

Deno.test("a server that says time and again that its tools changed is asked a bounded number of times", async () => {
  await withGateway({ servers: { s: odd("lists and changes") } }, async (scene) => {
    const { client, call, notifications, warnings } = scene;
    await client.listTools();
    await call("s__change for ever".replaceAll(" ", "_"));
    await until(() => warnings.length > 0);
    assertStringIncludes(warnings.join(), "time and again");
    const listings = Number(await call("s__listings"));
    assert(listings <= 70, `${listings} listings`);
    assertEquals(notifications, [], "nothing has changed");
  });
});

Deno.test("floods and results that are too large end a call, and the next one works", async () => {
  await withGateway({}, async ({ client, call, notifications, records }) => {
    assertEquals(await call("s__log_flood"), "after the flood");
    assert(notifications.length > 0 && notifications.length <= 1000, `${notifications.length}`);
    const big = await client.callTool({ name: "s__big", arguments: {} });
    assertEquals([big.isError, big._meta?.["agent-kernel/code"]], [true, "MESSAGE_TOO_LARGE"]);
    assertEquals(await call("s__echo"), "{}");
    assertEquals((await records()).slice(-2), [
      "mcp.call s/big FAILED MESSAGE_TOO_LARGE",
      "mcp.call s/echo OK",
    ]);
  });
});

Deno.test("what a server asks is denied and recorded unless a rule allows it; the server is told why", async () => {
  await withGateway({ capabilities: CAPABILITIES }, async (scene) => {
    const asked = answering(scene);
    for (
      const [tool, action] of [["sample", "mcp.sample"], ["name", "mcp.elicit"], [
        "roots",
        "mcp.roots",
      ]]
    ) {
      assertStringIncludes(await scene.call(`s__${tool}`), `no rule allows ${action}`);
    }
    assertEquals(asked, []);
    const asks = (await scene.records()).filter((line) => !line.startsWith("mcp.call"));
    assertEquals(asks, [
      "mcp.list s OK",
      "mcp.sample s DENIED NO_RULE",
      "mcp.elicit s DENIED NO_RULE",
      "mcp.roots s DENIED NO_RULE",
    ]);
  });
});

Deno.test("what a rule allows is handed to the client, which sees who asks, and its answer to the server", async () => {
  await withGateway({ actions: [...USES, ...ASKS], capabilities: CAPABILITIES }, async (scene) => {
    const asked = answering(scene);
    assertStringIncludes(await scene.call("s__sample"), '"text":"hello"');
    assertEquals(JSON.parse(await scene.call("s__name")), {
      action: "accept",
      content: { nick: "Ada" },
    });
    assertEquals(JSON.parse(await scene.call("s__roots")), { roots: [{ uri: "file:///srv" }] });
    assertEquals(asked, [
      { type: "text", text: "Say hello" },
      'MCP server "s": Who\\u202e are you?',
      "roots",
    ]);
    for (const action of ASKS) assert((await scene.records()).includes(`${action} s OK`), action);
    // No request can name a client.
    const params = { mcp_client: "x" };
    const direct = await scene.kernel.submit({ action: "mcp.sample", target: "s", params });
    assertEquals([direct.status, direct.code], ["ERROR", "NO_CLIENT"]);
  });
});

Deno.test("no rule lets a server ask for a password, or show a URL that is not https", async () => {
  await withGateway({ actions: [...USES, ...ASKS], capabilities: CAPABILITIES }, async (scene) => {
    const asked = answering(scene);
    assertStringIncludes(await scene.call("s__password"), "it asks for what is secret");
    assertStringIncludes(await scene.call("s__url"), "its URL is not one with https:");
    assertEquals(asked, []);
    assertEquals(
      (await scene.records()).filter((line) => line.startsWith("mcp.elicit")),
      Array(2).fill("mcp.elicit s DENIED ELICITATION_REFUSED"),
    );
  });
});

Deno.test("a client that does not say that it can is not asked", async () => {
  await withGateway({ actions: [...USES, ...ASKS] }, async ({ call, records }) => {
    for (const tool of ["sample", "name", "roots"]) {
      assertStringIncludes(await call(`s__${tool}`), "The client does not say that it can");
    }
    assert((await records()).includes("mcp.sample s FAILED CLIENT_CANNOT"));
  });
});

Deno.test("a server that asks in a loop is ended, with a bounded number of records", async () => {
  for (const actions of [USES, [...USES, ...ASKS]]) {
    await withGateway({ actions, capabilities: CAPABILITIES }, async (scene) => {
      answering(scene);
      const { client, call, records } = scene;
      await call("s__echo");
      const looped = await client.callTool({ name: "s__sample_for_ever", arguments: {} });
      assertEquals(looped._meta?.["agent-kernel/code"], "PROTOCOL_ERROR");
      const asks = (await records()).filter((line) => line.startsWith("mcp.sample"));
      assert(asks.length > 10 && asks.length <= 32, `${asks.length}`);
      assertEquals(await call("s__echo"), "{}");
    });
  }
});

Deno.test("a question goes to the client whose call it is about; where that is unclear, to none", async () => {
  await withGateway({ actions: [...USES, ...ASKS], capabilities: CAPABILITIES }, async (scene) => {
    const first = answering(scene);
    const other = await scene.connect(CAPABILITIES);
    const second = answering(other);
    assertStringIncludes(await other.call("s__sample"), "hello");
    assertEquals([first.length, second.length], [0, 1]);
    const controller = new AbortController();
    const waiting = scene.client.callTool({ name: "s__never", arguments: {} }, undefined, {
      signal: controller.signal,
    }).catch(() => {});
    // Answered behind the call that is not.
    await scene.call("s__echo");
    assertStringIncludes(await other.call("s__sample"), "several clients have calls");
    assertEquals([first.length, second.length], [0, 1]);
    controller.abort();
    await waiting;
  });
});

Deno.test("a dead, a denied and a slow server take no other along", async () => {
  const timer = new ManualTimer();
  const servers = {
    ...{ s: odd(), denied: odd() },
    dead: { command: "/bin/sh", args: ["-c", "exit 1"] },
    slow: { command: "/bin/sh", args: ["-c", "read line; read line"], timeoutMs: 600_000 },
  };
  const policy = {
    capabilities: [
      { action: "mcp.list", resource: ["s", "dead", "slow"] },
      { action: "mcp.call", resource: "**" },
    ],
  };
  await withGateway({ servers, policy, timer }, async ({ client, call, warnings, records }) => {
    let names: string[] = [];
    // The slow one is given up each time; the others are there the second time at the latest.
    while (names.length === 0) {
      let isListed = false;
      client.listTools().then(({ tools }) => {
        names = tools.map(({ name }) => name);
        isListed = true;
      });
      await until(async () => {
        if ((await records()).length >= 3) timer.pass(15_000);
        return isListed;
      });
    }
    assert(
      names.includes("s__echo") && names.every((name) => name.startsWith("s__")),
      names.join(),
    );
    const said = warnings.join("\n");
    for (
      const what of ['"dead": .*ended with exit code 1', '"denied": .*no rule', '"slow" is slow']
    ) {
      assertMatch(said, new RegExp(what));
    }
    assertEquals(await call("s__echo"), "{}");
  });
});
