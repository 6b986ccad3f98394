import { assertEquals } from "@std/assert";
import { normaliseValue, type ValueKind } from "../../src/provenance/normalise.ts";

/** What is compared, and its form; `undefined`: it has none, so nothing is equal to it. */
const ROWS: readonly (readonly [ValueKind, unknown, string | undefined])[] = [
  ["text", "Bob  Castle\n", "Bob Castle"],
  ["text", "e\u0301", "\u00e9"],
  ["text", "a\u200bb", "a\u200bb"], // An invisible character makes it another value.
  ["text", 4711, "4711"],
  ["text", "", undefined],
  ["text", " ", undefined],
  ["text", null, undefined],
  ["text", ["a"], undefined],
  ["text", "x".repeat(4097), undefined],
  ["email", "Bob@Example.COM", "bob@example.com"],
  ["email", " bob@example.com", undefined],
  ["email", "bob@example.com\n", undefined],
  ["email", "bob@example.com\r\nBcc: eve@evil.com", undefined],
  ["email", "bob@ example.com", undefined],
  ["email", "bob@example.com\u0000", undefined],
  ["host", "example.com\n", undefined],
  ["host", " example.com", undefined],
  ["email", "bob+x@example.com", "bob+x@example.com"],
  ["email", "bob@example.com.", "bob@example.com"],
  ["email", "bob@b\u00fccher.example", "bob@xn--bcher-kva.example"],
  ["email", "bob@\u0435xample.com", "bob@xn--xample-2of.com"], // Cyrillic e.
  ["email", "b\u043eb@example.com", undefined], // A letter beyond ASCII before the @.
  ["email", "bob@example.com, eve@evil.com", undefined],
  ["email", "bob@example.com;eve@evil.com", undefined],
  ["email", "bob@example.com eve@evil.com", undefined],
  ["email", '"Bob" <bob@example.com>', undefined],
  ["email", "bob@example.com\neve@evil.com", undefined],
  ["email", "bob@example.com\u0000", undefined],
  ["email", "bob@example.com\u200b", undefined],
  ["email", "bob@exam\u200bple.com", undefined],
  ["email", "eve@evil.com@example.com", undefined],
  ["email", '"eve@evil.com"@example.com', undefined],
  ["email", "bob(comment)@example.com", undefined],
  ["email", "bob@[127.0.0.1]", undefined],
  ["email", "bob@127.0.0.1", undefined],
  ["email", "bob@localhost", undefined],
  ["email", "bob@example.com/x", undefined],
  ["email", "bob@example.com:25", undefined],
  ["email", "bob@example.com?cc=eve@evil.com", undefined],
  ["email", "mailto:bob@example.com", undefined],
  ["email", "bob%40evil.com@example.com", "bob%40evil.com@example.com"], // Another mailbox, and stays one.
  ["email", ".bob@example.com", undefined],
  ["email", "bob..x@example.com", undefined],
  ["email", "@example.com", undefined],
  ["email", "bob@", undefined],
  ["email", "bob", undefined],
  ["email_untagged", "Bob+news@example.com", "bob@example.com"],
  ["email_untagged", "bob+a+b@example.com", "bob@example.com"],
  ["email_untagged", "+bob@example.com", "@example.com"],
  ["host", "Example.COM.", "example.com"],
  ["host", "0x7f.1", "127.0.0.1"],
  ["host", "2130706433", "127.0.0.1"],
  ["host", "[::FFFF:7f00:1]", "[::ffff:7f00:1]"],
  ["host", "ex\uff41mple.com", "example.com"],
  ["host", "example.com/x", undefined],
  ["host", "user@example.com", undefined],
  ["host", "example.com:80", undefined],
  ["host", "exa mple.com", undefined],
  ["host", "example.com\\evil.com", undefined],
  ["host", "evil.com#example.com", undefined],
  ["host", "example\u200b.com", undefined],
  ["url", "HTTPS://Example.com:443/a/../b?x#y", "https://example.com/b?x"],
  ["url", "https://example.com", "https://example.com/"],
  ["url", "https://user@example.com/", undefined],
  ["url", "https://example.com\\@evil.com/", undefined],
  ["url", "javascript:alert(1)", undefined],
  ["url", "example.com", undefined],
  ["url", "https://exa\tmple.com/", undefined],
  ["iban", "de89 3704 0044 0532 0130 00", "DE89370400440532013000"],
  ["iban", "DE89\u00a03704 0044 0532 0130 00", "DE89370400440532013000"],
  ["iban", "DE89370400440532013001", undefined], // One digit is another.
  ["iban", "DE98370400440532013000", undefined], // Two are swapped.
  ["iban", "\u0414E89370400440532013000", undefined],
  ["iban", "DE89-3704-0044-0532-0130-00", undefined],
  ["iban", "DE89370400440532013000 GB33BUKB20201555555555", undefined],
  ["iban", "", undefined],
  ["phone", "+49 (30) 90-18.20", "+4930901820"],
  ["phone", "0049 30 901820", "+4930901820"],
  ["phone", "030 901820", undefined], // Without its country it could be anybody's.
  ["phone", "+49 30 901820 ext 5", undefined],
  ["phone", "+0049901820", undefined],
  ["phone", "+49\u0660\u0661234567", undefined],
  ["path", "/a/./b//c/../d", "/a/b/d"],
  ["path", "a/../../b", "../b"],
  ["path", "/../etc", "/etc"],
  ["path", "./", "."],
  ["path", "a\u0000b", undefined],
];

for (const [kind, value, expected] of ROWS) {
  Deno.test(`normaliseValue() as ${kind} of ${JSON.stringify(value)?.slice(0, 60)} is ${expected}`, () => {
    assertEquals(normaliseValue(kind, value), expected);
  });
}

Deno.test("normaliseValue() of what it gave gives the same", () => {
  for (const [kind, value] of ROWS) {
    const once = normaliseValue(kind, value);
    if (once !== undefined && !once.startsWith("@")) assertEquals(normaliseValue(kind, once), once);
  }
});
