import { assertEquals, assertThrows } from "@std/assert";
import {
  completion,
  promptMessages,
  resourceContents,
} from "../../../providers/mcp/answer_forms.ts";

const block = { type: "text", text: "hi" };

Deno.test("answers of the form of MCP are handed on, without what else is in them", () => {
  const contents = [{ uri: "a:b", text: "x" }, { uri: "a:c", blob: "eA==" }];
  assertEquals(resourceContents({ contents, more: 1 }, "s/a:%/b"), { contents });
  const messages = [{ role: "user", content: block }, { role: "assistant", content: block }];
  assertEquals(promptMessages({ messages, more: 1 }, "s/p"), { messages });
  assertEquals(promptMessages({ messages, description: "d" }, "s/p"), {
    description: "d",
    messages,
  });
  const values = Array.from({ length: 200 }, (_, i) => `${i}`);
  assertEquals(completion({ completion: { values, total: 200, hasMore: true, more: 1 } }, "s"), {
    completion: { values: values.slice(0, 100), total: 200, hasMore: true },
  });
});

const WRONG: readonly (readonly [what: string, check: () => object])[] = [
  ["no contents", () => resourceContents({}, "t")],
  ["contents that are no list", () => resourceContents({ contents: "x" }, "t")],
  ["contents without a URI", () => resourceContents({ contents: [{ text: "x" }] }, "t")],
  ["contents without text", () => resourceContents({ contents: [{ uri: "a:b", text: 7 }] }, "t")],
  ["null as contents", () => resourceContents({ contents: [null] }, "t")],
  ["no messages", () => promptMessages({}, "t")],
  ["another role", () => promptMessages({ messages: [{ role: "system", content: block }] }, "t")],
  ["no content", () => promptMessages({ messages: [{ role: "user" }] }, "t")],
  ["a list as content", () => promptMessages({ messages: [{ role: "user", content: [] }] }, "t")],
  ["no completion", () => completion({}, "s")],
  ["values that are no strings", () => completion({ completion: { values: [1] } }, "s")],
];
for (const [what, check] of WRONG) {
  Deno.test(`an answer with ${what} is refused`, () => {
    assertThrows(check, Error, "has no ");
  });
}
