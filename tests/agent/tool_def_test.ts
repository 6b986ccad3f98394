import { assert, assertEquals, assertThrows } from "@std/assert";
import { callTool, fsTools, httpTools, procTools, ToolDef } from "../../src/agent/mod.ts";
import { CountedGate, TOOLS } from "./counted_gate.ts";

const BASE = { name: "t", description: "A tool", action: "kv.get" } as const;
const PROPERTIES = {
  type: "object",
  properties: { key: { type: "string" }, more: {} },
} as const;

/** Options, arguments, and the request that they become. */
const TRANSLATIONS: readonly (readonly [
  string,
  object,
  object,
  { readonly target: string; readonly params: Readonly<Record<string, unknown>> },
])[] = [
  [
    "the target's argument is not among the params",
    { parameters: PROPERTIES, targetFrom: "key" },
    { key: "a", more: 1 },
    { target: "a", params: { more: 1 } },
  ],
  [
    "a function of the arguments leaves them all in the params",
    { parameters: PROPERTIES, targetFrom: ({ key }: { key: string }) => `team/${key}` },
    { key: "a", more: 1 },
    { target: "team/a", params: { key: "a", more: 1 } },
  ],
  [
    "a constant target with all arguments in one param",
    { parameters: PROPERTIES, target: "server/tool", paramsFrom: { arguments: "*" } },
    { key: "a", more: [1] },
    { target: "server/tool", params: { arguments: { key: "a", more: [1] } } },
  ],
  [
    "params under other names, those without an argument left out",
    { parameters: PROPERTIES, target: "x", paramsFrom: { tag: "key", rest: "more" } },
    { key: "a" },
    { target: "x", params: { tag: "a" } },
  ],
  [
    "fixed params win over the model's",
    { parameters: PROPERTIES, targetFrom: "key", fixedParams: { more: "fixed", max: 5 } },
    { key: "a", more: "chosen" },
    { target: "a", params: { more: "fixed", max: 5 } },
  ],
  ["a tool without arguments", { target: "x" }, {}, { target: "x", params: {} }],
  [
    "names that objects inherit are arguments like others",
    { target: "x" },
    { constructor: 1, toString: 2 },
    { target: "x", params: { constructor: 1, toString: 2 } },
  ],
];
for (const [what, options, args, expected] of TRANSLATIONS) {
  Deno.test(`translate() gives a request: ${what}`, () => {
    const tool = new ToolDef({ ...BASE, ...options } as ConstructorParameters<typeof ToolDef>[0]);
    assertEquals(tool.translate(args), { request: { action: "kv.get", ...expected } });
  });
}

const REFUSED: readonly (readonly [string, object, string])[] = [
  ["a name with a space", { name: "a b", target: "x" }, "expected a name"],
  ["an empty name", { name: "", target: "x" }, "expected a name"],
  ["a name of 65 letters", { name: "a".repeat(65), target: "x" }, "expected a name"],
  ["neither target nor targetFrom", {}, "either targetFrom or target"],
  ["both", { target: "x", targetFrom: "key", parameters: PROPERTIES }, "either targetFrom"],
  ["a targetFrom that is no argument", { targetFrom: "nokey", parameters: PROPERTIES }, '"nokey"'],
  ["a param of no argument", { target: "x", paramsFrom: { a: "b" } }, '"b"'],
  ["no action", { target: "x", action: "" }, "no action"],
  ["a schema that is none", { target: "x", parameters: { type: "objekt" } }, "not a JSON Schema"],
  ["a schema of a text", { target: "x", parameters: { type: "string" } }, '"type": "object"'],
  ["required that is no list", {
    target: "x",
    parameters: { type: "object", required: "key" },
  }, "not a JSON Schema: /required"],
  ["a malformed pattern", {
    target: "x",
    parameters: { type: "object", properties: { a: { pattern: "(" } } },
  }, "not a JSON Schema: /properties/a/pattern"],
  ["a reference to nothing", {
    target: "x",
    parameters: { type: "object", properties: { a: { $ref: "#/$defs/none" } } },
  }, "leads to nothing"],
  ["a reference to another host", {
    target: "x",
    parameters: { type: "object", properties: { a: { $ref: "http://127.0.0.1:1/schema" } } },
  }, "nothing is fetched"],
  ["a schema that contains itself", {
    target: "x",
    parameters: { type: "object", allOf: [{ $ref: "#" }] },
  }, "cannot be applied"],
  ["a schema with a key __proto__", {
    target: "x",
    parameters: JSON.parse('{"type":"object","__proto__":{}}'),
  }, "__proto__"],
  ["a schema that is too deep", {
    target: "x",
    parameters: JSON.parse(`${'{"type":"object","not":'.repeat(60)}{}${"}".repeat(60)}`),
  }, "too deep"],
];
for (const [what, options, message] of REFUSED) {
  Deno.test(`a tool with ${what} is refused`, () => {
    assertThrows(
      () => new ToolDef({ ...BASE, ...options } as ConstructorParameters<typeof ToolDef>[0]),
      Error,
      message,
    );
  });
}

Deno.test("a tool is frozen data without methods that act, and JSON keeps all of it", () => {
  const parameters = { type: "object", properties: { key: { type: "string" } } };
  const tool = new ToolDef({ ...BASE, parameters, targetFrom: "key" });
  parameters.properties.key.type = "number";
  assert(Object.isFrozen(tool) && Object.isFrozen(tool.parameters));
  assertEquals(tool.parameters, {
    type: "object",
    properties: { key: { type: "string" } },
  });
  assertEquals(tool.translate({ key: 5 }).request, undefined);
  assertEquals(Object.getOwnPropertyNames(ToolDef.prototype).sort(), ["constructor", "translate"]);
  assertEquals(JSON.parse(JSON.stringify(tool)), {
    name: "t",
    description: "A tool",
    action: "kv.get",
    targetFrom: "key",
    parameters: { type: "object", properties: { key: { type: "string" } } },
    fixedParams: {},
    unchecked: [],
  });
});

Deno.test("a targetFrom that throws, or returns no string, leads to no request", () => {
  const functions = [
    () => {
      throw new Error("mine");
    },
    () => "",
    () => 5 as unknown as string,
    () => undefined as unknown as string,
  ];
  for (const targetFrom of functions) {
    const tool = new ToolDef({ ...BASE, targetFrom });
    assertEquals(tool.translate({}), {
      problem: "the arguments of t do not fit: they give no target",
    });
  }
});

Deno.test("a targetFrom that changes the arguments does not change the params", () => {
  const tool = new ToolDef({
    ...BASE,
    targetFrom: (args) => {
      (args as Record<string, unknown>).key = "changed";
      return "x";
    },
  });
  assertEquals(tool.translate({ key: "given" }).request?.params, { key: "given" });
});

Deno.test("translate() never throws, whatever the arguments are", () => {
  const tool = new ToolDef({ ...BASE, target: "x" });
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  const deep = JSON.parse(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`);
  for (const args of [undefined, null, 5, "x", [], () => 1, cyclic, deep, new Date(), Symbol()]) {
    assert(tool.translate(args).problem !== undefined);
  }
});

Deno.test("the ready tools cover the standard actions with their params", () => {
  const tools = [...fsTools(), ...httpTools(), ...procTools()];
  assertEquals(tools.map(({ name, action }) => `${name} ${action}`), [
    "read_file fs.read",
    "list_folder fs.list",
    "stat_path fs.stat",
    "write_file fs.write",
    "delete_file fs.delete",
    "make_folder fs.mkdir",
    "move_file fs.move",
    "http_request net.http",
    "run_command proc.exec",
  ]);
  assertEquals(fsTools({ readOnly: true }).map(({ action }) => action), [
    "fs.read",
    "fs.list",
    "fs.stat",
  ]);
  const args: Record<string, [object, string, object]> = {
    move_file: [{ path: "/a", to: "/b" }, "/a", { to: "/b" }],
    http_request: [
      { url: "https://a.b/", method: "POST", headers: { a: "b" }, body: { c: 1 } },
      "https://a.b/",
      { method: "POST", headers: { a: "b" }, body: { c: 1 } },
    ],
    run_command: [
      { command: "ls", args: ["-l"], cwd: "/w", stdin: "x", timeout: 5 },
      "ls",
      { args: ["-l"], cwd: "/w", stdin: "x", timeout: 5 },
    ],
  };
  for (const [name, [given, target, params]] of Object.entries(args)) {
    const tool = tools.find((one) => one.name === name);
    assertEquals(tool?.translate(given).request, { action: tool?.action, target, params } as never);
  }
  for (const tool of tools) assertEquals(tool.unchecked, [], tool.name);
});

Deno.test("callTool() submits one call, whatever the arguments are", async () => {
  await using gate = await CountedGate.open();
  const [get] = TOOLS as [ToolDef];
  const call = (args: unknown) => callTool(get, args, { kernel: gate.kernel, agent: "other" });
  const { result, content } = await call({ key: "open/a" });
  assertEquals([result.status, JSON.parse(content)], ["OK", { status: "OK", data: "some value" }]);
  assertEquals((await call('{"key":"open/b"}')).result.status, "OK");
  assertEquals((await call({ key: "open/secret" })).result.code, "DENY_RULE");
  for (const args of [undefined, null, "{", { key: 5 }, [], { key: "" }]) {
    assertEquals((await call(args)).result.code, "INVALID_REQUEST");
  }
  assertEquals(gate.effects.map(({ target }) => target), ["open/a", "open/b"]);
  const records = await gate.assertAgreement();
  assertEquals(
    records.map(({ status }) => status).sort().join(" "),
    [
      "DENIED INVALID INVALID INVALID INVALID INVALID INVALID OK OK",
    ].join(" "),
  );
  assert(records.every(({ agent }) => agent === "other"));
});
