import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type CompensationOptions, CompensationStrategy } from "../../src/reversible/mod.ts";
import { HttpProvider } from "../../providers/http/mod.ts";
import { Provider } from "../../src/worker/mod.ts";
import { Scene } from "./scene.ts";

const API = "http://127.0.0.1:8080/v1";

/** A world of orders behind `net.http`, which answers what it is told to. */
async function shop(
  compensate: CompensationOptions["compensate"],
  answer: unknown,
  fails = false,
): Promise<{ scene: Scene; calls: unknown[] }> {
  const calls: unknown[] = [];
  const provider = new Provider({
    name: "shop",
    isolation: "none",
    actions: { "net.http": {}, "mcp.call": {} },
    execute: ({ target, params, action }) => {
      calls.push({ action, target, params });
      if (fails) throw new Error("no answer");
      return answer;
    },
  });
  const scene = await Scene.open({
    providers: () => [provider],
    capabilities: () => [
      { action: "net.http", resource: `${API}/**` },
      { action: "mcp.call", resource: "**" },
    ],
    layer: { strategies: [new CompensationStrategy({ action: "net.http", compensate })] },
  });
  return { scene, calls };
}

const REQUEST = {
  action: "net.http",
  target: `${API}/orders`,
  params: { method: "POST", body: { item: "lamp", note: { deep: ["x"] } } },
  agent: "buyer",
};

Deno.test("a declared request undoes an action, through the gate, with values of request and result", async () => {
  const { scene, calls } = await shop({
    action: "net.http",
    target: "{{target}}/{{data.body.id}}",
    params: {
      method: "DELETE",
      body: {
        was: "{{params.body.note}}",
        text: "{{params.body.item}} of {{agent}} #{{data.body.id}}",
      },
    },
  }, { status_code: 201, body: { id: 42 } });
  await using _ = scene;
  const result = await scene.layer.submit(REQUEST);
  assertEquals([result.status, result.reversible], ["OK", true], result.error);
  const undone = await scene.layer.rollback(result.recordId);
  assertEquals(undone.status, "OK", undone.error);
  assertEquals(calls[1], {
    action: "net.http",
    target: `${API}/orders/42`,
    params: { method: "DELETE", body: { was: { deep: ["x"] }, text: "lamp of buyer #42" } },
  });
});

/** Values that a hostile server could answer with, and where a rollback then goes. */
const VALUES: readonly (readonly [value: unknown, target: string | undefined])[] = [
  [7, `${API}/orders/7`],
  ["a b", `${API}/orders/a%20b`],
  ["x/admin", `${API}/orders/x%2Fadmin`],
  ["x?all=1#y", `${API}/orders/x%3Fall%3D1%23y`],
  ["%2e%2e", `${API}/orders/%252e%252e`],
  ["@evil.example", `${API}/orders/%40evil.example`],
  ["{{agent}}", `${API}/orders/%7B%7Bagent%7D%7D`],
  ["..", undefined],
  [".", undefined],
  ["", undefined],
  ["a\r\nb", undefined],
  [null, undefined],
  [{ toString: "x" }, undefined],
  [["x"], undefined],
];
for (const [value, target] of VALUES) {
  Deno.test(`an id ${JSON.stringify(value)} is one segment of a URL, or no rollback is promised`, async () => {
    const compensate = { action: "net.http", target: `${API}/orders/{{data.id}}` };
    const { scene, calls } = await shop(compensate, { id: value });
    await using _ = scene;
    const result = await scene.layer.submit(REQUEST);
    assertEquals([result.status, result.reversible], ["OK", target !== undefined], result.why);
    const undone = await scene.layer.rollback(result.recordId);
    if (target === undefined) assertEquals(undone.code, "ROLLBACK_IMPOSSIBLE");
    else assertEquals((calls[1] as { target: string }).target, target);
    assertEquals(calls.length, target === undefined ? 1 : 2);
  });
}

for (
  const [value, target] of [["7", "tickets/7"], ["a/b", undefined], ["a\\b", undefined]] as const
) {
  Deno.test(`an id "${value}" is one segment of a name, or no rollback is promised`, async () => {
    const compensate = { action: "mcp.call", target: "tickets/{{data.id}}" };
    const { scene, calls } = await shop(compensate, { id: value });
    await using _ = scene;
    const result = await scene.layer.submit(REQUEST);
    await scene.layer.rollback(result.recordId);
    assertEquals((calls[1] as { target?: string } | undefined)?.target, target);
  });
}

/** Numbers as a server writes them into a JSON text, and what becomes of them in a target and as a param. */
const NUMBERS: readonly (readonly [json: string, inserted: string, param: unknown])[] = [
  ["7", "7", 7],
  ["-1.50", "-1.5", -1.5],
  ["15e2", "1500", 1500],
  ["0.1", "0.1", 0.1],
  ["1.0e-7", "1e-7", 1e-7],
  ["0e9", "0", 0],
  ["9007199254740991", "9007199254740991", 9007199254740991],
  ["9007199254740992", "9007199254740992", undefined],
  ["9007199254740993", "9007199254740993", undefined],
  ["-9007199254740993", "-9007199254740993", undefined],
  ["1.00000000000000000001", "1.00000000000000000001", undefined],
  ["0.1234567890123456789", "0.1234567890123456789", undefined],
  ["1e400", "1e400", undefined],
  ["1e-400", "1e-400", undefined],
];
for (const [json, inserted, param] of NUMBERS) {
  Deno.test(`a number ${json} in a JSON text is inserted as it was meant`, async () => {
    const compensate = { action: "mcp.call", target: "tickets/{{data.body.id}}" };
    const { scene, calls } = await shop(compensate, { body: `{"id": ${json}}` });
    await using _ = scene;
    const result = await scene.layer.submit(REQUEST);
    assertEquals([result.status, result.reversible], ["OK", true], result.why);
    await scene.stop(); // The digits are in the index too.
    await scene.start();
    await scene.layer.rollback(result.recordId);
    assertEquals((calls[1] as { target: string } | undefined)?.target, `tickets/${inserted}`);
  });

  Deno.test(`a number ${json} in a JSON text becomes a param as it was meant, or none`, async () => {
    for (const [place, expected] of [["list", [param]], ["list.0", param]] as const) {
      const params = { body: { is: `{{data.body.${place}}}`, text: "{{data.body}}" } };
      const compensate = { action: "net.http", target: `${API}/close`, params };
      const text = `{"list": [${json}]}`;
      const { scene, calls } = await shop(compensate, { body: text });
      await using _ = scene;
      const result = await scene.layer.submit(REQUEST);
      assertEquals([result.status, result.reversible], ["OK", param !== undefined], result.why);
      const undone = await scene.layer.rollback(result.recordId);
      if (param === undefined) {
        assertStringIncludes(result.why ?? "", `holds ${json}, a number beyond`);
        assertEquals([undone.code, calls.length], ["ROLLBACK_IMPOSSIBLE", 1]);
      } else {
        const { params } = calls[1] as { params: { body: unknown } };
        assertEquals(params.body, { is: expected, text });
      }
    }
  });
}

Deno.test("a number of very many digits keeps them, and nobody looks at them for long", async () => {
  const json = `1.${"0".repeat(300_000)}1`;
  const params = { body: "#{{data.body.id}}" };
  const compensate = { action: "net.http", target: `${API}/close`, params };
  const { scene, calls } = await shop(compensate, { body: `{"id": ${json}}` });
  await using _ = scene;
  const result = await scene.layer.submit(REQUEST);
  assertEquals([result.status, result.reversible], ["OK", true]);
  await scene.layer.rollback(result.recordId);
  // Not by assertEquals, whose message would be as long.
  assert((calls[1] as { params: { body: string } }).params.body === `#${json}`);
});

for (const id of [2 ** 53, -(2 ** 53), 1e21]) {
  Deno.test(`a number ${id} that a result has as such may be rounded: no rollback is promised`, async () => {
    for (
      const compensate of [
        { action: "mcp.call", target: "tickets/{{data.id}}" },
        { action: "mcp.call", target: "tickets/close", params: { id: "{{data.id}}" } },
      ]
    ) {
      const { scene, calls } = await shop(compensate, { id });
      await using _ = scene;
      const result = await scene.layer.submit(REQUEST);
      assertEquals([result.status, result.reversible], ["OK", false]);
      assertStringIncludes(result.why ?? "", `"data.id" holds ${id}, a number beyond`);
      assertEquals((await scene.layer.rollback(result.recordId)).code, "ROLLBACK_IMPOSSIBLE");
      assertEquals(calls.length, 1);
    }
  });

  Deno.test(`a number ${id} that a request has as such may be rounded: nothing is done or saved`, async () => {
    const compensate = { action: "mcp.call", target: "tickets/{{params.body.id}}" };
    const { scene, calls } = await shop(compensate, {});
    await using _ = scene;
    const result = await scene.layer.submit({ ...REQUEST, params: { body: { id } } });
    assertEquals([result.code, result.reversible], ["INVALID_REQUEST", false]);
    assertEquals([calls, scene.store.list()], [[], []]);
  });
}

Deno.test("what stands for a number is data if a server sends it", async () => {
  const compensate = { action: "mcp.call", target: "tickets/{{data.id}}" };
  const { scene, calls } = await shop(compensate, { id: { "\0digits": "7/../../admin" } });
  await using _ = scene;
  const result = await scene.layer.submit(REQUEST);
  assertEquals([result.status, result.reversible], ["OK", false]);
  assertStringIncludes(result.why ?? "", "would lead elsewhere");
  assertEquals((await scene.layer.rollback(result.recordId)).code, "ROLLBACK_IMPOSSIBLE");
  assertEquals(calls.length, 1);
});

Deno.test("what has no result that is known cannot be compensated if it is needed, else it can", async () => {
  for (
    const [target, code] of [
      [`${API}/orders/{{data.id}}`, "ROLLBACK_IMPOSSIBLE"],
      [`${API}/orders/{{params.body.item}}`, "PROVIDER_ERROR"],
    ] as const
  ) {
    const { scene } = await shop({ action: "net.http", target }, null, true);
    await using _ = scene;
    const result = await scene.layer.submit(REQUEST);
    assertEquals(result.status, "ERROR");
    assertEquals((await scene.layer.rollback(result.recordId)).code, code);
  }
});

Deno.test("rollbacks at once of one action compensate it once", async () => {
  const compensate = { action: "mcp.call", target: "refunds/{{data.id}}" };
  const { scene, calls } = await shop(compensate, { id: 7 });
  await using _ = scene;
  const { recordId } = await scene.layer.submit(REQUEST);
  const results = await Promise.all([1, 2, 3].map(() => scene.layer.rollback(recordId)));
  assertEquals(results.map(({ status, code }) => code ?? status), [
    "OK",
    "ALREADY_ROLLED_BACK",
    "ALREADY_ROLLED_BACK",
  ]);
  assertEquals(calls.length, 2);
});

Deno.test("a compensation is decided by the policy", async () => {
  const compensate = { action: "net.http", target: "http://127.0.0.1:8081/elsewhere" };
  const { scene, calls } = await shop(compensate, {});
  await using _ = scene;
  const { recordId } = await scene.layer.submit(REQUEST);
  const preview = await scene.layer.preview(recordId as string);
  assertEquals(preview.text, "net.http http://127.0.0.1:8081/elsewhere {}\n");
  const undone = await scene.layer.rollback(recordId);
  assertEquals([undone.status, undone.code, calls.length], ["DENIED", "NO_RULE", 1]);
});

Deno.test("only what the template names is kept of a request", async () => {
  const compensate = { action: "net.http", target: "{{target}}/{{params.body.item}}" };
  const { scene } = await shop(compensate, { secret: "s3cret" });
  await using _ = scene;
  await scene.layer.submit({ ...REQUEST, params: { ...REQUEST.params, token: "t0ken" } });
  const index = Deno.readTextFileSync(`${scene.snapshots}/index`);
  assertStringIncludes(index, "lamp");
  assertEquals([index.includes("s3cret"), index.includes("t0ken")], [false, false]);
});

for (
  const compensate of [
    { action: "{{data.action}}", target: "a/b" },
    { action: "net.http", target: "{{data.url}}" },
    { action: "net.http", target: "{{target}}.evil.example/" },
    { action: "net.http", target: "https://{{data.host}}/x" },
    { action: "net.http", target: "https://api.example.com{{data.path}}" },
    { action: "net.http", target: `${API}/{{env.HOME}}` },
    { action: "net.http", target: `${API}/{{data.a[0]}}` },
    { action: "net.http", target: API, params: { body: ["{{__proto__}}"] } },
  ]
) {
  Deno.test(`a compensation ${JSON.stringify(compensate)} is refused`, () => {
    const error = assertThrows(
      () => new CompensationStrategy({ action: "net.http", compensate }),
      SyntaxError,
    );
    assertStringIncludes(error.message, "Cannot use the");
  });
}

Deno.test("a placeholder reaches nothing that objects inherit", async () => {
  const compensate = { action: "net.http", target: `${API}/{{data.constructor}}` };
  const { scene } = await shop(compensate, { id: 1 });
  await using _ = scene;
  assertEquals((await scene.layer.submit(REQUEST)).reversible, false);
});

Deno.test("an order at a real server is taken back by its id, which is in the JSON of the answer", async () => {
  const orders = new Map<string, string>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "DELETE") {
        return new Response(null, {
          status: orders.delete(decodeURIComponent(pathname.slice(8))) ? 204 : 404,
        });
      }
      orders.set("order/7 a", await request.text());
      return Response.json({ order: { id: "order/7 a" } }, { status: 201 });
    },
  );
  // What the server sees is percent-encoded: one segment.
  const seen = () => Array.from(orders.keys(), encodeURIComponent);
  const base = `http://127.0.0.1:${server.addr.port}`;
  const compensate = {
    action: "net.http",
    target: "{{target}}/{{data.body.order.id}}",
    params: { method: "DELETE" },
  };
  await using scene = await Scene.open({
    providers: () => [new HttpProvider()],
    capabilities: () => [{
      action: "net.http",
      resource: [`${base}/orders`, `${base}/orders/*`],
      constraint: { method: { in: ["POST", "DELETE"] } },
    }],
    layer: { strategies: [new CompensationStrategy({ action: "net.http", compensate })] },
  });
  const request = {
    action: "net.http",
    target: `${base}/orders`,
    params: { method: "POST", body: "x" },
  };
  const result = await scene.layer.submit(request);
  assertEquals(
    [result.status, result.reversible, seen()],
    ["OK", true, ["order%2F7%20a"]],
    result.error,
  );
  const undone = await scene.layer.rollback(result.recordId);
  assertEquals(undone.status, "OK", undone.error);
  assertEquals(undone.steps[0]?.target, `${base}/orders/order%2F7%20a`);
  assertEquals(seen(), []);
});
