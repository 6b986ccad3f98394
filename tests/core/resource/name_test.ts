import { assertEquals, assertThrows } from "@std/assert";
import { NAME } from "../../../src/core/resource/name.ts";
import { CanonicalError, PatternError } from "../../../src/core/resource/world.ts";
import { effectOn, FLAT, load } from "../policy/deciding.ts";

// deno-fmt-ignore -- a row is a line
const NORMAL_FORMS: readonly { cell: string; target: string; expected: string | null; why: string }[] = [
  { cell: "a name", target: "server/tool", expected: "server/tool", why: "nothing is to be done" },
  { cell: "one segment", target: "tool", expected: "tool", why: "a name needs no slash" },
  { cell: "a space", target: "my tool", expected: "my tool", why: "it is a character" },
  { cell: "..notes", target: "server/..notes", expected: "server/..notes", why: "it is a name" },
  { cell: "three dots", target: "...", expected: "...", why: "it is a name" },
  { cell: "letters with accents apart", target: "cafe\u0301", expected: "caf\u00e9", why: "one name, one form" },
  { cell: "full-width letters", target: "ｔool", expected: "ｔool", why: "they are other letters" },
  { cell: "encoded dots", target: "server/%2e%2e", expected: "server/%2e%2e", why: "nothing is decoded" },
  { cell: "__proto__", target: "__proto__/a", expected: "__proto__/a", why: "it is a name like others" },
  { cell: "climbing", target: "server/../other", expected: null, why: "a name has no parent" },
  { cell: "a dot", target: "./tool", expected: null, why: "a name has no folder" },
  { cell: "a slash in front", target: "/tool", expected: null, why: "a segment is empty" },
  { cell: "a slash at the end", target: "server/", expected: null, why: "a segment is empty" },
  { cell: "two slashes", target: "server//tool", expected: null, why: "a segment is empty" },
  { cell: "nothing", target: "", expected: null, why: "a segment is empty" },
  { cell: "a NUL", target: "a\0b", expected: null, why: "it is a control character" },
  { cell: "a line break", target: "a\nb", expected: null, why: "it is a control character" },
  { cell: "an escape", target: "a\u001b[2Jb", expected: null, why: "it is a control character" },
  { cell: "a C1 control", target: "a\u0085b", expected: null, why: "it is a control character" },
  { cell: "a lone surrogate", target: "a\udfff", expected: null, why: "it has no UTF-8" },
  { cell: "4096 characters", target: "a".repeat(4096), expected: "a".repeat(4096), why: "it is the limit" },
  { cell: "4097 characters", target: "a".repeat(4097), expected: null, why: "it is over the limit" },
];

for (const { cell, target, expected, why } of NORMAL_FORMS) {
  Deno.test(`NAME.normalise() ${expected === null ? "refuses" : "takes"} ${cell}: ${why}`, () => {
    const normalise = () => NAME.normalise(target, FLAT);
    if (expected === null) assertThrows(normalise, CanonicalError);
    else assertEquals(normalise(), expected);
  });
}

// deno-fmt-ignore -- a row is a line
const RULES: readonly { resource: string; target: string; expected: string }[] = [
  { resource: "my_server/**", target: "my_server/tool", expected: "allow" },
  { resource: "my_server/**", target: "my_server/a/b", expected: "allow" },
  { resource: "my_server/**", target: "my_server", expected: "deny" },
  { resource: "my_server/**", target: "my_server2/tool", expected: "deny" },
  { resource: "my_server/**", target: "my_server/../other/tool", expected: "invalid" },
  { resource: "my_server/*", target: "my_server/a/b", expected: "deny" },
  { resource: "*/read_*", target: "any/read_file", expected: "allow" },
  { resource: "*/read_*", target: "any/unread_file", expected: "deny" },
  { resource: "caf\u00e9/**", target: "cafe\u0301/tool", expected: "allow" },
  { resource: "cafe\u0301/**", target: "caf\u00e9/tool", expected: "allow" },
  { resource: "server/Tool", target: "server/tool", expected: "deny" },
  { resource: "**", target: "any", expected: "allow" },
];

for (const { resource, target, expected } of RULES) {
  Deno.test(`A rule for the name ${resource} has the effect ${expected} on ${target}`, () => {
    const policy = load({ capabilities: [{ action: "mcp.call", resource }] });
    assertEquals(effectOn(policy, "mcp.call", target), expected);
  });
}

for (
  const pattern of [
    "/server/**",
    "server//tool",
    "server/",
    "../**",
    "a/\\.\\./b",
    "\\./b",
    "a\nb",
    "a\ud800*",
  ]
) {
  Deno.test(`NAME.compile() refuses ${JSON.stringify(pattern)}, which no name could match`, () => {
    assertThrows(() => NAME.compile(pattern, FLAT), PatternError);
  });
}
