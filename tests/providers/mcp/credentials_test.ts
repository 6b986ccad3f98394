import { assert, assertEquals } from "@std/assert";
import { Credentials, type CredentialSources } from "../../../providers/mcp/credentials.ts";

const TOKEN = "tok-9876543210";

const CASES: readonly (readonly [
  what: string,
  sources: CredentialSources,
  text: string,
  concealed: string,
])[] = [
  ["a variable", { env: { KEY: TOKEN } }, `no ${TOKEN}, no`, "no [KEY], no"],
  ["all places", { env: { KEY: TOKEN } }, `${TOKEN}${TOKEN}`, "[KEY][KEY]"],
  ["a header", { headers: { Key: TOKEN } }, `Key: ${TOKEN}`, "Key: [Key]"],
  ["the token of a scheme", { headers: { Auth: `Bearer ${TOKEN}` } }, `bad ${TOKEN}`, "bad [Auth]"],
  ["scheme and token", { headers: { Auth: `Bearer ${TOKEN}` } }, `Bearer ${TOKEN}`, "[Auth]"],
  ["spaces around it", { headers: { Auth: ` Bearer  ${TOKEN} ` } }, `bad ${TOKEN}`, "bad [Auth]"],
  ["a line's end after it", { env: { KEY: `${TOKEN}\n` } }, `bad ${TOKEN}`, "bad [KEY]"],
  ["signs of patterns", { env: { KEY: "a+b.c*(d)$^" } }, "is a+b.c*(d)$^", "is [KEY]"],
  ["a name like a replacement", { env: { "$&": TOKEN } }, `no ${TOKEN}`, "no [$&]"],
  ["the longer of two", { env: { A: TOKEN, B: `${TOKEN}-b` } }, `${TOKEN}-b`, "[B]"],
  ["no short values", { env: { MODE: "fast", N: "" } }, "fast 1", "fast 1"],
  ["no short token", { headers: { Auth: "Bearer of news" } }, "news of Bearer", "news of Bearer"],
  ["no word after a scheme", { headers: { Auth: "Bearer on" } }, "go on", "go on"],
  ["no part of a value", { env: { KEY: TOKEN } }, TOKEN.slice(0, -1), TOKEN.slice(0, -1)],
  ["nothing if there is nothing", {}, "text", "text"],
];
for (const [what, sources, text, concealed] of CASES) {
  Deno.test(`Credentials conceals ${what}`, () => {
    assertEquals(new Credentials(sources).conceal(text), concealed);
  });
}

Deno.test("Credentials conceals a value across the place where a text is cut", () => {
  const credentials = new Credentials({ env: { KEY: TOKEN } });
  const text = `before ${TOKEN} after`;
  for (let start = 0; start <= text.length; start++) {
    const end = "before ".length + TOKEN.length;
    const before = text.slice(start, "before ".length);
    const after = text.slice(Math.max(start, end));
    assertEquals(
      credentials.conceal(text, start),
      `${before}${start < end ? "[KEY]" : ""}${after}`,
    );
  }
});

Deno.test("Credentials knows the length of its longest value in bytes", () => {
  assertEquals(new Credentials({}).maxBytes, 0);
  assertEquals(new Credentials({ env: { A: "é".repeat(8), B: "123456789" } }).maxBytes, 16);
  assert(new Credentials({ headers: { Auth: `Bearer ${TOKEN}` } }).maxBytes > TOKEN.length);
});
