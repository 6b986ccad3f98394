import { assertEquals } from "@std/assert";
import { shownElicitation, whyNotAsked } from "../../src/gateway/elicitation.ts";

const form = (message: string, properties: object = {}) => ({
  message,
  requestedSchema: { type: "object", properties },
});

const SECRET: readonly (readonly [what: string, params: object])[] = [
  ["the message", form("Enter your password")],
  ["a name", form("Sign in", { userPassword: {} })],
  ["a name in capitals", form("Sign in", { API_KEY: {} })],
  ["a title", form("Sign in", { x: { title: "Access token" } })],
  ["a description", form("Sign in", { x: { description: "your PIN" } })],
  ["zero-width characters", form("Sign in", { "pass\u200bword": {} })],
  ["full-width letters", form("Sign in", { "ｐａｓｓｗｏｒｄ": {} })],
  ["a card", form("Pay", { card_number: {} })],
];
for (const [what, params] of SECRET) {
  Deno.test(`a question for a secret in ${what} is not put to a user`, () => {
    assertEquals(whyNotAsked(params as never)?.startsWith("it asks for what is secret"), true);
  });
}

for (
  const params of [
    form("Which branch?", { branch: { title: "Branch" } }),
    form("How many pins, tokens or spinners?", { count: {}, shipping: {} }),
    form("The keyboard layout", { layout: {} }),
    {},
  ]
) {
  Deno.test(`the question ${JSON.stringify(params)} is put to a user`, () => {
    assertEquals(whyNotAsked(params as never), undefined);
  });
}

Deno.test("a URL is shown to a user if it is https and without credentials", () => {
  const why = (url: unknown) => whyNotAsked({ mode: "url", message: "password", url });
  assertEquals(why("https://example.com/login"), undefined);
  for (const url of ["http://example.com", "https://a:b@example.com", "javascript:1", "x", 7]) {
    assertEquals(why(url), "its URL is not one with https: and without credentials");
  }
});

Deno.test("a user sees who asks, and every character of the question", () => {
  const { message } = shownElicitation({ message: "a\u202eb\n\u001b[2Jc" }, "s");
  assertEquals(message, 'MCP server "s": a\\u202eb\n\\u001b[2Jc');
  assertEquals(shownElicitation({ message: "a" }, undefined).message, "a");
});
