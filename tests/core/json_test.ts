import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { canonicalJson, copyJson, JsonError } from "../../src/core/json.ts";

// deno-fmt-ignore -- a row is a line
const TEXTS: readonly { cell: string; value: unknown; expected: string }[] = [
  { cell: "members in another order", value: { b: 1, a: 2 }, expected: '{"a":2,"b":1}' },
  { cell: "members within members", value: { a: { d: 1, c: [{ f: 1, e: 2 }] } }, expected: '{"a":{"c":[{"e":2,"f":1}],"d":1}}' },
  { cell: "keys by UTF-16 code units", value: { "\u{1f600}": 1, "\ufb33": 2, "\u20ac": 3, "1": 4, "\r": 5 }, expected: '{"\\r":5,"1":4,"\u20ac":3,"\u{1f600}":1,"\ufb33":2}' },
  { cell: "keys that look like numbers", value: { "10": 1, "9": 2, a: 3 }, expected: '{"10":1,"9":2,"a":3}' },
  { cell: "items in their order", value: [3, 1, 2], expected: "[3,1,2]" },
  { cell: "numbers as ECMAScript writes them", value: [1e21, 1e-7, 333333333.33333329, 4.50, 2e-3, -0], expected: "[1e+21,1e-7,333333333.3333333,4.5,0.002,0]" },
  { cell: "texts with few escapes", value: '\u20ac$\u000f\nA\'B"\\"/', expected: '"\u20ac$\\u000f\\nA\'B\\"\\\\\\"/"' },
  { cell: "separators of JavaScript", value: "\u2028\u2029", expected: '"\u2028\u2029"' },
  { cell: "the other scalars", value: [null, true, false, ""], expected: '[null,true,false,""]' },
  { cell: "empty ones", value: [{}, []], expected: "[{},[]]" },
];

for (const { cell, value, expected } of TEXTS) {
  Deno.test(`canonicalJson() writes ${cell} as RFC 8785 has it`, () => {
    assertEquals(canonicalJson(value), expected);
  });
}

Deno.test("canonicalJson() means what it was given", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const copy = copyWithout(value);
    if (copy === undefined) return;
    assertEquals(
      JSON.stringify(JSON.parse(canonicalJson(copy))).length,
      JSON.stringify(copy).length,
    );
    assertEquals(canonicalJson(JSON.parse(canonicalJson(copy))), canonicalJson(copy));
  }));
});

Deno.test("canonicalJson() is the same for every order of members", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.integer()), (value) => {
    const reversed = Object.fromEntries(Object.entries(value).reverse());
    assertEquals(canonicalJson(reversed), canonicalJson(value));
  }));
});

Deno.test("canonicalJson() differs where values differ", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
    assertEquals(canonicalJson(a) === canonicalJson(b), same);
  }));
});

function copyWithout(value: unknown): unknown {
  try {
    return copyJson(value, "value");
  } catch {
    return undefined; // Keys like __proto__ and lone surrogates.
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1);
  return { members: members.map(([key, inner]) => [key, sorted(inner)]) };
}

const cycle: Record<string, unknown> = {};
cycle["self"] = [cycle];
const nested = (depth: number) => {
  let value: unknown = 0;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { cell: string; value: unknown; message: string }[] = [
  { cell: "a function", value: { a: () => 1 }, message: "it.a" },
  { cell: "a toJSON method", value: { a: { toJSON: () => "x" } }, message: "it.a.toJSON" },
  { cell: "a symbol", value: [Symbol("s")], message: "it[0]" },
  { cell: "a bigint", value: { a: [1n] }, message: "it.a[0]" },
  { cell: "NaN", value: { a: NaN }, message: "it.a" },
  { cell: "an infinity", value: [-Infinity], message: "it[0]" },
  { cell: "undefined in a list", value: [undefined], message: "it[0]" },
  { cell: "a hole in a list", value: Array(1), message: "it[0]" },
  { cell: "undefined itself", value: undefined, message: "it" },
  { cell: "a cycle", value: cycle, message: "contains itself" },
  { cell: "65 levels", value: nested(65), message: "too deeply" },
  { cell: "a date", value: { a: new Date(0) }, message: "plain objects" },
  { cell: "a map", value: new Map(), message: "plain objects" },
  { cell: "bytes", value: new Uint8Array(1), message: "plain objects" },
  { cell: "a class of its own", value: new (class { a = 1; })(), message: "plain objects" },
  { cell: "an object with a prototype", value: Object.create({ a: 1 }), message: "plain objects" },
  { cell: "a text object", value: { a: new String("x") }, message: "plain objects" },
  { cell: "a number object", value: { a: new Number(1) }, message: "plain objects" },
  { cell: "an error", value: new Error("x"), message: "plain objects" },
  { cell: "a promise", value: Promise.resolve(1), message: "plain objects" },
  { cell: "an own __proto__", value: JSON.parse('{"a":{"__proto__":{"b":1}}}'), message: "__proto__" },
  { cell: "a lone surrogate", value: { a: "x\ud800" }, message: "well-formed" },
  { cell: "a lone surrogate as a key", value: { "\udc00": 1 }, message: "well-formed" },
];

for (const { cell, value, message } of REFUSED) {
  Deno.test(`copyJson() refuses ${cell}`, () => {
    assertThrows(() => copyJson(value, "it"), JsonError, message);
  });
}

Deno.test("copyJson() takes 64 levels, and the same object twice", () => {
  assertEquals(JSON.stringify(copyJson(nested(64), "it")), JSON.stringify(nested(64)));
  const shared = { a: 1 };
  assertEquals(copyJson([shared, shared], "it"), [{ a: 1 }, { a: 1 }]);
});

Deno.test("copyJson() leaves out what is not enumerable, symbols as keys, and undefined members", () => {
  const value = Object.defineProperty({ a: 1, b: undefined, [Symbol("s")]: 1 }, "hidden", {
    value: 1,
  });
  assertEquals(copyJson(value, "it"), { a: 1 });
});

Deno.test("copyJson() gives copies that later changes do not reach", () => {
  const value = { a: { b: [1] } };
  const copy = copyJson(value, "it") as typeof value;
  value.a.b.push(2);
  assertEquals(copy, { a: { b: [1] } });
});

Deno.test("copyJson() reads each member once", () => {
  let reads = 0;
  const value = {
    get a() {
      return ++reads;
    },
  };
  assertEquals([copyJson(value, "it"), reads], [{ a: 1 }, 1]);
  const seen: PropertyKey[] = [];
  const proxy = new Proxy({ x: "1", y: ["2"] }, {
    get: (target, key) => (seen.push(key), Reflect.get(target, key)),
  });
  assertEquals([copyJson(proxy, "it"), seen], [{ x: "1", y: ["2"] }, ["x", "y"]]);
});

Deno.test("copyJson() takes no prototype from a list", () => {
  class Mine extends Array<number> {
    toJSON() {
      return "x";
    }
  }
  const copy = copyJson(Mine.from([1, 2]), "it");
  assertEquals([Object.getPrototypeOf(copy) === Array.prototype, JSON.stringify(copy)], [
    true,
    "[1,2]",
  ]);
});

Deno.test("copyJson() makes minus zero a zero, as JSON text would", () => {
  assert(Object.is(copyJson(-0, "it"), 0));
});

Deno.test("copyJson() keeps members that prototypes have too", () => {
  const value = JSON.parse('{"constructor": 1, "toString": 2, "hasOwnProperty": 3}');
  assertEquals(
    JSON.stringify(copyJson(value, "it")),
    '{"constructor":1,"toString":2,"hasOwnProperty":3}',
  );
});

// deno-fmt-ignore -- a row is a line
const BOUNDS: readonly { cell: string; value: unknown; limits: object; fits: boolean }[] = [
  { cell: "4 values of 4", value: [1, 2, 3], limits: { nodes: 4 }, fits: true },
  { cell: "5 values of 4", value: [1, 2, 3, 4], limits: { nodes: 4 }, fits: false },
  { cell: "a list that only claims to be long", value: Array(4_294_967_295), limits: {}, fits: false },
  { cell: "5 characters of 5, keys among them", value: { ab: "cde" }, limits: { characters: 5 }, fits: true },
  { cell: "6 characters of 5", value: { abc: "def" }, limits: { characters: 5 }, fits: false },
  { cell: "one level of one", value: [1], limits: { depth: 1 }, fits: true },
  { cell: "two levels of one", value: [[1]], limits: { depth: 1 }, fits: false },
];
for (const { cell, value, limits, fits } of BOUNDS) {
  Deno.test(`copyJson() ${fits ? "takes" : "refuses"} ${cell}`, () => {
    if (fits) copyJson(value, "it", limits);
    else assertThrows(() => copyJson(value, "it", limits), JsonError);
  });
}

Deno.test("copyJson() names the place of a mistake in a bounded text", () => {
  const error = assertThrows(() => copyJson({ ["k".repeat(1_000_000)]: 1n }, "it"), JsonError);
  assert(error.message.length < 10_000, `the message has ${error.message.length} characters`);
});
