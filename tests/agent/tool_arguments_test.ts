import { assert, assertEquals } from "@std/assert";
import { fsTools, httpTools, procTools, ToolDef } from "../../src/agent/mod.ts";
import { callTool } from "../../src/agent/mod.ts";
import { ArgumentSchema } from "../../src/agent/argument_schema.ts";
import { Kernel, readAuditLog } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { Workspace } from "../workspace.ts";
import { CountedGate, play, toolMessagesOf, TOOLS } from "./counted_gate.ts";

const TOOL = new Map(
  [...fsTools(), ...httpTools(), ...procTools()].map((tool) => [tool.name, tool]),
);

/** Arguments with numbers, as JSON of the model, and the digits of a number that cannot be kept. */
const NUMBERS: readonly (readonly [json: string, digits: string | undefined])[] = [
  ['{"order":1234567890123456789}', "1234567890123456789"],
  ['{"order":-9007199254740993}', "-9007199254740993"],
  ['{"a":[{"b":9007199254740992}]}', "9007199254740992"],
  ['{"order":1e400}', "1e400"],
  ['{"order":0.12345678901234567890}', "0.12345678901234567890"],
  ['{"order":"1234567890123456789"}', undefined],
  ['{"order":9007199254740991}', undefined],
  ['{"order":0.1}', undefined],
];
for (const [json, digits] of NUMBERS) {
  const what = digits === undefined
    ? `the numbers in ${json} arrive as they are`
    : `${json} is INVALID: the model is asked for ${digits} as a string, and nothing is done`;
  Deno.test(what, async () => {
    await using gate = await CountedGate.open();
    const { requests, loop } = await play(gate, [
      { calls: [{ name: "set", arguments: `{"key":"open/a","value":${json}}` }] },
      { text: "Done" },
    ]);
    const [told] = toolMessagesOf(requests);
    const records = await gate.assertAgreement();
    assertEquals(records.map(({ status }) => status), [digits === undefined ? "OK" : "INVALID"]);
    if (digits === undefined) {
      assertEquals(JSON.stringify(gate.effects[0]?.params.value), json);
      return;
    }
    assertEquals([told?.status, told?.code], ["ERROR", "INVALID_REQUEST"]);
    for (const text of [told?.error, records[0]?.error]) {
      assert(String(text).includes(`expected it as a string, in quotes: "${digits}"`), `${text}`);
    }
    // The arguments of the conversation are no other numbers either.
    assertEquals(JSON.stringify(loop).includes("1234567890123456800"), false);
  });
}

Deno.test("an object that a host sends instead of JSON is INVALID if a number in it may have been changed", async () => {
  await using gate = await CountedGate.open();
  const call = (value: string) =>
    `{"choices":[{"index":0,"message":{"content":null,"tool_calls":[{"id":"a","function":` +
    `{"name":"set","arguments":{"key":"open/a","value":${value}}}}]},"finish_reason":"tool_calls"}]}`;
  for (const [value, status] of [["1234567890123456789", "ERROR"], ["123", "OK"]] as const) {
    const { requests } = await play(gate, [
      { headers: { "content-type": "application/json" }, body: call(value) },
      { text: "Done" },
    ]);
    assertEquals(toolMessagesOf(requests).map(({ status }) => status), [status]);
  }
  assertEquals(gate.effects.map(({ params }) => params), [{ value: 123 }]);
});

Deno.test("translate() refuses whole numbers beyond 2^53 - 1 at any depth", () => {
  const [, set] = TOOLS as [ToolDef, ToolDef];
  for (const value of [2 ** 53, -(2 ** 53), [{ a: 1e300 }]]) {
    const { problem = "" } = set.translate({ key: "open/a", value });
    assert(problem.includes("cannot be kept exactly"), problem);
  }
  assertEquals(set.translate({ key: "open/a", value: [2 ** 53 - 1, 0.5] }).problem, undefined);
});

Deno.test("callTool() refuses parsed arguments with whole numbers beyond 2^53 - 1", async () => {
  await using gate = await CountedGate.open();
  const [, set] = TOOLS as [ToolDef, ToolDef];
  const { result } = await callTool(set, { key: "open/a", value: 2 ** 53 }, {
    kernel: gate.kernel,
  });
  assertEquals([result.status, result.code], ["ERROR", "INVALID_REQUEST"]);
  const { result: kept } = await callTool(set, { key: "open/a", value: 2 ** 53 - 1 }, {
    kernel: gate.kernel,
  });
  assertEquals(kept.status, "OK");
  await gate.assertAgreement();
});

const OPTIONAL = new ToolDef({
  name: "t",
  description: "",
  action: "mcp.call",
  target: "s/t",
  paramsFrom: { arguments: "*" },
  parameters: {
    type: "object",
    required: ["must", "mustOrNull"],
    properties: {
      must: { type: "string" },
      mustOrNull: { type: ["string", "null"] },
      may: { type: "integer" },
      mayBeNull: { type: ["integer", "null"] },
      any: {},
      referred: { $ref: "#/$defs/count" },
      choice: { enum: ["a", "b"] },
      nullChoice: { anyOf: [{ type: "string" }, { type: "null" }] },
      never: false,
      inner: {
        type: "object",
        properties: { x: { type: "string" }, y: { type: "string" } },
        required: ["y"],
      },
      list: { type: "array", items: { type: "object", properties: { z: { type: "string" } } } },
      nulls: { type: "array" },
    },
    $defs: { count: { $ref: "#/$defs/number" }, number: { type: "number" } },
  },
});
const MUST = { must: "m", mustOrNull: null };

/** Arguments beside those that are required, and what is left of them; a problem if nothing is. */
const NULLS: readonly (readonly [what: string, given: object, left: object | RegExp])[] = [
  ["an optional argument", { may: null, choice: null, referred: null, never: null }, {}],
  ["an optional argument that may be null", { mayBeNull: null, nullChoice: null }, {
    mayBeNull: null,
    nullChoice: null,
  }],
  ["an optional argument of any type", { any: null }, { any: null }],
  ["an argument that the schema does not name", { other: null }, { other: null }],
  ["a required argument", { must: null }, /\/must: .*null/],
  ["an optional property of an argument", { inner: { x: null, y: "y" } }, { inner: { y: "y" } }],
  ["a required property of an argument", { inner: { y: null } }, /\/inner\/y/],
  ["a property in a list", { list: [{ z: null }, { z: "z" }] }, { list: [{}, { z: "z" }] }],
  ["an item of a list", { nulls: [null, 1] }, { nulls: [null, 1] }],
];
for (const [what, given, left] of NULLS) {
  Deno.test(`null for ${what} ${left instanceof RegExp ? "does not fit" : `becomes ${JSON.stringify(left)}`}`, () => {
    const { request, problem = "" } = OPTIONAL.translate({ ...MUST, ...given });
    if (left instanceof RegExp) assert(left.test(problem), problem);
    else assertEquals(request?.params, { arguments: { ...MUST, ...left } }, problem);
  });
}

Deno.test("a schema that cannot be applied to null in time does not make arguments fit", () => {
  const $defs: Record<string, object> = { l0: { type: "string" } };
  for (let i = 1; i < 30; i++) {
    $defs[`l${i}`] = { allOf: [{ $ref: `#/$defs/l${i - 1}` }, { $ref: `#/$defs/l${i - 1}` }] };
  }
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { $ref: "#/$defs/l29" } },
    $defs,
  });
  assertEquals(schema.withoutNulls({ a: null }), { a: null });
  assertEquals(
    schema.problemOf({ a: null }),
    "the arguments could not be checked against the schema",
  );
});

Deno.test("references that lead in a circle end the search for nulls", () => {
  const schema = new ArgumentSchema({
    type: "object",
    properties: { a: { type: "object", properties: { a: { $ref: "#/properties/a" } } } },
  });
  let deep: Record<string, unknown> = { a: null };
  for (let i = 0; i < 50; i++) deep = { a: deep };
  assertEquals(JSON.stringify(schema.withoutNulls(deep)).includes("null"), false);
});

Deno.test("all optional arguments of the ready tools may be sent as null", () => {
  for (const tool of TOOL.values()) {
    const { properties, required } = tool.parameters as {
      readonly properties: Record<string, { readonly type?: string }>;
      readonly required: readonly string[];
    };
    const args = Object.fromEntries(
      Object.keys(properties).map((name) => [name, required.includes(name) ? "x" : null]),
    );
    const { request, problem } = tool.translate(args);
    assertEquals(problem, undefined);
    const { body, ...params } = request?.params ?? {};
    // A body may be any JSON value; null is none for the provider.
    assertEquals(body ?? null, null);
    assertEquals(Object.keys(params), required.filter((name) => name !== tool.targetFrom));
  }
});

Deno.test("a call with all optional arguments as null is carried out, and recorded as it was decided", async () => {
  using ws = new Workspace();
  const file = ws.file("a.csv", "north,1200\n");
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.read", resource: `${ws.root}/*` }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const read = TOOL.get("read_file") as ToolDef;
  const optional = { offset: null, length: null, encoding: null };
  for (const args of [{ path: file, ...optional }, { path: file }]) {
    const { content } = await callTool(read, JSON.stringify(args), { kernel });
    assertEquals(JSON.parse(content), { status: "OK", data: "north,1200\n" });
  }
  const records = [];
  for await (const line of readAuditLog(ws.path("kernel.log"))) {
    if ("record" in line) records.push(line.record);
  }
  // The record holds the digest of the params.
  assertEquals(records.length, 2);
  assertEquals(records[0]?.params, records[1]?.params);
});

Deno.test("read_file takes the encoding that its own error recommends, and write_file writes it back", async () => {
  using ws = new Workspace();
  const bytes = new Uint8Array([0xff, 0xfe, 0x61, 0x00, 0xe4]);
  const file = ws.file("latin.txt", bytes);
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "fs.read", resource: `${ws.root}/*` },
        { action: "fs.write", resource: `${ws.root}/*` },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const call = async (name: string, args: object) => {
    const { result } = await callTool(TOOL.get(name) as ToolDef, args, { kernel });
    return result;
  };
  const refused = await call("read_file", { path: file });
  assertEquals(refused.code, "NOT_TEXT");
  const [, name = "", value = ""] = /\((\w+): "(\w+)"/.exec(refused.error ?? "") ?? [];
  const read = await call("read_file", { path: file, [name]: value });
  assertEquals([read.status, read.data], ["OK", "//5hAOQ="]);
  const copy = ws.path("copy.txt");
  await call("write_file", { path: copy, content: read.data, encoding: "base64" });
  assertEquals(Deno.readFileSync(copy), bytes);
});
