import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { receive } from "../../src/core/request.ts";

const GOOD = { action: "fs.read", target: "/w/a" };
const cycle: Record<string, unknown> = {};
cycle["self"] = cycle;
const deep = () => {
  let value: unknown = 1;
  for (let i = 0; i < 100_000; i++) value = { a: value };
  return value;
};
const revoked = Proxy.revocable({}, {});
revoked.revoke();
const thrower = new Proxy({}, {
  get() {
    throw new Error("no");
  },
  ownKeys() {
    throw new Error("no");
  },
  getPrototypeOf() {
    throw new Error("no");
  },
});

// deno-fmt-ignore -- a row is a line
const INVALID: readonly { cell: string; request: unknown; problem: RegExp }[] = [
  { cell: "nothing", request: undefined, problem: /an object/ },
  { cell: "null", request: null, problem: /an object/ },
  { cell: "a text", request: "fs.read", problem: /action/ },
  { cell: "a number", request: 1, problem: /action/ },
  { cell: "a list", request: ["fs.read", "/w"], problem: /action/ },
  { cell: "a function", request: () => GOOD, problem: /action/ },
  { cell: "an empty object", request: {}, problem: /action/ },
  { cell: "a revoked proxy", request: revoked.proxy, problem: /an object/ },
  { cell: "a getter that throws", request: { ...GOOD, get target() { throw new Error("no"); } }, problem: /an object/ },
  { cell: "params that throw what is an instance of nothing", request: { ...GOOD, params: { get a() { throw revoked.proxy; } } }, problem: /params/ },
  { cell: "a getter that throws nothing much", request: { ...GOOD, get agent() { throw undefined; } }, problem: /an object/ },
  { cell: "no target", request: { action: "fs.read" }, problem: /target/ },
  { cell: "an empty target", request: { ...GOOD, target: "" }, problem: /target/ },
  { cell: "a target object", request: { ...GOOD, target: new String("/w") }, problem: /target/ },
  { cell: "a target with a toString", request: { ...GOOD, target: { toString: () => "/w" } }, problem: /target/ },
  { cell: "a target list", request: { ...GOOD, target: ["/w/a"] }, problem: /target/ },
  { cell: "an empty action", request: { ...GOOD, action: "" }, problem: /action/ },
  { cell: "an action with a space", request: { ...GOOD, action: "fs read" }, problem: /action/ },
  { cell: "an action with a wildcard", request: { ...GOOD, action: "fs.*" }, problem: /action/ },
  { cell: "an action with a line break", request: { ...GOOD, action: "fs.read\n" }, problem: /action/ },
  { cell: "an action with two dots", request: { ...GOOD, action: "fs..read" }, problem: /action/ },
  { cell: "an action that ends in a dot", request: { ...GOOD, action: "fs." }, problem: /action/ },
  { cell: "an action in Cyrillic letters", request: { ...GOOD, action: "fs.r\u0435ad" }, problem: /action/ },
  { cell: "an action of 129 characters", request: { ...GOOD, action: "a".repeat(129) }, problem: /action/ },
  { cell: "an action list", request: { ...GOOD, action: ["fs.read"] }, problem: /action/ },
  { cell: "an agent that is null", request: { ...GOOD, agent: null }, problem: /agent/ },
  { cell: "an empty agent", request: { ...GOOD, agent: "" }, problem: /agent/ },
  { cell: "an agent of 257 characters", request: { ...GOOD, agent: "a".repeat(257) }, problem: /agent/ },
  { cell: "an agent with a lone surrogate", request: { ...GOOD, agent: "a\ud800" }, problem: /agent/ },
  { cell: "params that are null", request: { ...GOOD, params: null }, problem: /params/ },
  { cell: "params that are a text", request: { ...GOOD, params: "{}" }, problem: /params/ },
  { cell: "params that are a list", request: { ...GOOD, params: [] }, problem: /params/ },
  { cell: "a whole number that is not exact", request: { ...GOOD, params: { order: 1234567890123456789 } }, problem: /params\.order: .*string of its digits/ },
  { cell: "a negative one, deep inside", request: { ...GOOD, params: { a: [{ b: -(2 ** 53) }] } }, problem: /params\.a\[0\]\.b: .*string/ },
  { cell: "a number beyond all integers", request: { ...GOOD, params: { a: 1e300 } }, problem: /params\.a/ },
  { cell: "params that are a map", request: { ...GOOD, params: new Map() }, problem: /params/ },
  { cell: "params of a class", request: { ...GOOD, params: new (class { a = 1; })() }, problem: /params/ },
  { cell: "params that throw", request: { ...GOOD, params: thrower }, problem: /params/ },
  { cell: "params with a getter that throws", request: { ...GOOD, params: { get a() { throw new Error("no"); } } }, problem: /params/ },
  { cell: "params with a cycle", request: { ...GOOD, params: cycle }, problem: /params/ },
  { cell: "params that are too deep", request: { ...GOOD, params: { a: deep() } }, problem: /params/ },
  { cell: "params with too many values", request: { ...GOOD, params: { a: Array(200_000).fill(0) } }, problem: /params/ },
  { cell: "params with a list that claims to be long", request: { ...GOOD, params: { a: Array(4e9) } }, problem: /params/ },
  { cell: "params with a bigint", request: { ...GOOD, params: { a: 1n } }, problem: /params\.a/ },
  { cell: "params with a symbol", request: { ...GOOD, params: { a: Symbol("s") } }, problem: /params\.a/ },
  { cell: "params with a function", request: { ...GOOD, params: { a() {} } }, problem: /params\.a/ },
  { cell: "params with a toJSON", request: { ...GOOD, params: { toJSON: () => ({}) } }, problem: /params\.toJSON/ },
  { cell: "params with NaN", request: { ...GOOD, params: { a: NaN } }, problem: /params\.a/ },
  { cell: "params with a date", request: { ...GOOD, params: { a: new Date(0) } }, problem: /params\.a/ },
  { cell: "params with an own __proto__", request: JSON.parse('{"action":"fs.read","target":"/w","params":{"__proto__":{"a":1}}}'), problem: /__proto__/ },
  { cell: "params with a lone surrogate", request: { ...GOOD, params: { a: "\udc00" } }, problem: /params\.a/ },
];

for (const { cell, request, problem } of INVALID) {
  Deno.test(`receive() finds ${cell} malformed`, () => {
    const received = receive(request);
    assertMatch(received.problem ?? "", /^malformed request: /);
    assertMatch(received.problem ?? "", problem);
    assertEquals([typeof received.request.action, typeof received.request.target], [
      "string",
      "string",
    ]);
  });
}

// deno-fmt-ignore -- a row is a line
const VALID: readonly { cell: string; request: object; expected: object }[] = [
  { cell: "the least", request: GOOD, expected: { ...GOOD, params: {} } },
  { cell: "everything", request: { ...GOOD, params: { a: [1, null] }, agent: "ada" }, expected: { ...GOOD, params: { a: [1, null] }, agent: "ada" } },
  { cell: "members that nobody asked for", request: { ...GOOD, effect: "allow", rule: "x" }, expected: { ...GOOD, params: {} } },
  { cell: "undefined members", request: { ...GOOD, params: undefined, agent: undefined }, expected: { ...GOOD, params: {} } },
  { cell: "an undefined param", request: { ...GOOD, params: { a: undefined } }, expected: { ...GOOD, params: {} } },
  { cell: "an object without prototype", request: Object.assign(Object.create(null), GOOD), expected: { ...GOOD, params: {} } },
  { cell: "an action of one name", request: { ...GOOD, action: "ping" }, expected: { ...GOOD, action: "ping", params: {} } },
  { cell: "an action of JavaScript's", request: { ...GOOD, action: "constructor" }, expected: { ...GOOD, action: "constructor", params: {} } },
  { cell: "an action of 128 characters", request: { ...GOOD, action: "a".repeat(128) }, expected: { ...GOOD, action: "a".repeat(128), params: {} } },
  { cell: "an agent of 256 characters", request: { ...GOOD, agent: "a".repeat(256) }, expected: { ...GOOD, params: {}, agent: "a".repeat(256) } },
];

for (const { cell, request, expected } of VALID) {
  Deno.test(`receive() takes ${cell}`, () => {
    const received = receive(request);
    assertEquals([received.problem, received.request], [
      undefined,
      expected as typeof received.request,
    ]);
  });
}

Deno.test("receive() keeps the largest whole numbers that are exact", () => {
  const params = { max: Number.MAX_SAFE_INTEGER, min: Number.MIN_SAFE_INTEGER, part: 0.1 };
  assertEquals(receive({ ...GOOD, params }).request.params, params);
});

Deno.test("receive() reads each member once, so that nobody sees another value later", () => {
  const reads: PropertyKey[] = [];
  const answers: Record<string, unknown[]> = {
    action: ["fs.read", "fs.write"],
    target: ["/w/a", "/etc/shadow"],
    params: [{}, { a: 1 }],
  };
  const shifty = new Proxy({}, {
    get: (_, key) => (reads.push(key), answers[String(key)]?.shift()),
  });
  assertEquals(receive(shifty).request, { action: "fs.read", target: "/w/a", params: {} });
  assertEquals(reads.toSorted(), ["action", "agent", "params", "target", "undoes"]);
});

Deno.test("receive() gives a copy that later changes do not reach", () => {
  const request = { ...GOOD, params: { a: { b: 1 } } };
  const received = receive(request);
  request.params.a.b = 2;
  request.target = "/etc/shadow";
  assertEquals(received.request, { ...GOOD, params: { a: { b: 1 } } });
});

Deno.test("receive() digests params by their meaning", () => {
  const digest = (params: object | undefined) => receive({ ...GOOD, params }).paramsDigest;
  // echo -n '{}' | sha256sum
  assertEquals(digest({}), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  assertEquals(digest(undefined), digest({}));
  assertEquals(digest({ a: 1, b: [2] }), digest({ b: [2], a: 1 }));
  assert(digest({ a: 1 }) !== digest({ a: "1" }));
  assert(digest({ a: [1, 2] }) !== digest({ a: [2, 1] }));
  assertEquals(receive({ ...GOOD, params: { a: 1n } }).paramsDigest, null);
});

Deno.test("receive() digests the params of a request whose target is missing", () => {
  const { paramsDigest, problem } = receive({ action: "fs.read", params: { a: 1 } });
  assertEquals([paramsDigest, problem !== undefined], [
    receive({ ...GOOD, params: { a: 1 } }).paramsDigest,
    true,
  ]);
});

Deno.test("receive() shows of a malformed request what fits on a record", () => {
  const { request, problem } = receive({
    action: "x ".repeat(1_000_000),
    target: "y".repeat(1_000_000),
  });
  assert(request.action.length < 2000 && request.target.length < 2000);
  assertMatch(request.target, /\(1000000 characters\)$/);
  assert((problem ?? "").length < 2000);
});

Deno.test("receive() tells a problem in a bounded text, whatever the names of params are", () => {
  const params = { ["k".repeat(1_000_000)]: 1n };
  assert((receive({ ...GOOD, params }).problem ?? "").length < 10_000);
});

Deno.test("receive() never throws, and gives valid requests back as plain data", () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    withSet: true,
  });
  const request = fc.record({
    action: fc.oneof(fc.constant("fs.read"), anything),
    target: fc.oneof(fc.constant("/w"), anything),
    params: anything,
    agent: anything,
  }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.oneof(request, anything), (value) => {
      const received = receive(value);
      if (received.problem !== undefined) return;
      assertEquals(JSON.parse(JSON.stringify(received.request)), received.request);
    }),
    { numRuns: 2000 },
  );
});
