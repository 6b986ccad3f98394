import { assertEquals, assertThrows } from "@std/assert";
import { AnswerBuilder } from "../../src/agent/answer.ts";
import { type ModelDelta, ModelError } from "../../src/agent/mod.ts";

type Pieces = readonly (readonly [
  index: unknown,
  id: unknown,
  name: unknown,
  args: unknown,
])[];

function build(pieces: Pieces, finish = "tool_calls") {
  const builder = new AnswerBuilder();
  for (const [index, id, name, args] of pieces) {
    builder.add({ type: "tool_call", index, id, name, arguments: args } as ModelDelta);
  }
  builder.add({ type: "finish", reason: finish });
  return builder.end().calls.map((call) => [
    call.id,
    call.name,
    call.arguments,
    ...(call.problem === undefined ? [] : [call.problem]),
  ]);
}

/** How hosts, honest and not, number the pieces of calls; and what is made of them. */
const STREAMS: readonly (readonly [string, Pieces, readonly (readonly string[])[]])[] = [
  ["pieces of one index are one call", [
    [0, "a", "get", ""],
    [0, undefined, undefined, '{"x"'],
    [0, undefined, undefined, ":1}"],
  ], [["a", "get", '{"x":1}']]],
  ["id and name that are repeated are still one call", [
    [0, "a", "get", "{"],
    [0, "a", "get", "}"],
  ], [["a", "get", "{}"]]],
  ["pieces of two calls may alternate", [
    [0, "a", "get", "{"],
    [1, "b", "set", "["],
    [0, null, null, "}"],
    [1, null, null, "]"],
  ], [["a", "get", "{}"], ["b", "set", "[]"]]],
  ["another id under the same index is another call", [
    [0, "a", "get", "{}"],
    [0, "b", "get", "{}"],
  ], [["a", "get", "{}"], ["b", "get", "{}"]]],
  ["without an index the id counts", [
    [undefined, "a", "get", "{"],
    [undefined, "b", "set", "["],
    [undefined, "a", "", "}"],
    [undefined, "b", "", "]"],
  ], [["a", "get", "{}"], ["b", "set", "[]"]]],
  ["without index and id the last call counts", [
    [undefined, "a", "get", "{"],
    [undefined, undefined, undefined, "}"],
  ], [["a", "get", "{}"]]],
  ["an index is a name, not a place: gaps, and huge ones, cost nothing", [
    [4_000_000_000, "a", "get", "{}"],
    [-1, "b", "get", "{}"],
  ], [["a", "get", "{}"], ["b", "get", "{}"]]],
  ["an index of another type is none", [
    ["0", "a", "get", "{"],
    [{}, undefined, undefined, "}"],
    [0.5, undefined, undefined, ""],
  ], [["a", "get", "{}"]]],
  ["an id that two calls share makes the second one unusable", [
    [0, "a", "get", "{}"],
    [1, "a", "get", "{}"],
  ], [["a", "get", "{}"], ["a", "get", "{}", "its id is not unique"]]],
  ["empty ids are no shared ids", [
    [0, "", "get", "{}"],
    [1, "", "get", "{}"],
  ], [["", "get", "{}"], ["", "get", "{}"]]],
  ["a call that changes its name is unusable", [
    [0, "a", "get", "{"],
    [0, undefined, "set", "}"],
  ], [["a", "get", "{}", "it has two names"]]],
  ["fields of other types count as missing", [
    [0, 7, ["get"], { x: 1 }],
    [0, null, undefined, 5],
  ], [["", "", "{}"]]],
  ["no arguments are an empty object", [[0, "a", "get", ""]], [["a", "get", "{}"]]],
];
for (const [what, pieces, calls] of STREAMS) {
  Deno.test(`in an answer ${what}`, () => assertEquals(build(pieces), calls));
}

Deno.test("an answer that is not known to be complete has no calls, whatever their arguments are", () => {
  for (
    const reason of ["length", "content_filter", "max_tokens", "MAX_TOKENS", "SAFETY", "riddle"]
  ) {
    assertEquals(build([[0, "a", "get", ""], [1, "b", "get", "{}"]], reason), [], reason);
  }
});

Deno.test("deltas of an unknown form are left out", () => {
  const builder = new AnswerBuilder();
  for (const odd of [null, undefined, 5, "text", [], {}, { type: "text" }, { type: "other" }]) {
    builder.add(odd as unknown as ModelDelta);
  }
  builder.add({ type: "text", text: "Hi \ud800" });
  builder.add({ type: "usage", inputTokens: -5, outputTokens: NaN });
  builder.add({ type: "finish", reason: "stop" });
  assertEquals(builder.end(), {
    text: "Hi \ufffd",
    calls: [],
    ending: "complete",
    finishReason: "stop",
    tokens: { inputTokens: 0, outputTokens: 0 },
  });
});

Deno.test("an answer that exceeds its bounds of calls, characters or pieces is refused", () => {
  const calls = new AnswerBuilder();
  assertThrows(
    () => {
      for (let index = 0; index < 1001; index++) {
        calls.add({ type: "tool_call", index, id: `${index}`, name: "get" });
      }
    },
    ModelError,
    "more than 1000 tool calls",
  );
  const text = new AnswerBuilder();
  const piece = "x".repeat(1024 * 1024);
  assertThrows(
    () => {
      for (let i = 0; i < 16; i++) text.add({ type: "text", text: piece });
    },
    ModelError,
    "more than 16777216 characters",
  );
  const empty = new AnswerBuilder();
  assertThrows(
    () => {
      while (true) empty.add({ type: "text", text: "" });
    },
    ModelError,
    "more than 16777216 characters",
  );
});
