import { assertEquals, assertThrows } from "@std/assert";
import { HookError } from "../../src/hooks/event.ts";
import { patchedFiles } from "../../src/hooks/patch.ts";

const patch = (...lines: string[]) => ["*** Begin Patch", ...lines, "*** End Patch"].join("\n");

Deno.test("patchedFiles() names each file that a patch changes", () => {
  assertEquals(
    patchedFiles(patch(
      "*** Add File: a b",
      "+*** Delete File: not one",
      "*** Update File: c",
      "*** Move to: d",
      "@@",
      "-x",
      "+y",
      "*** End of File",
      "*** Delete File: e",
    )),
    [
      { action: "fs.write", path: "a b" },
      { action: "fs.write", path: "c" },
      { action: "fs.move", path: "c", to: "d" },
      { action: "fs.delete", path: "e" },
    ],
  );
});

Deno.test("patchedFiles() takes empty lines for context, and both ends of lines", () => {
  const text = patch("*** Update File: a", "@@ f", "", "-x", "+y", "");
  assertEquals(patchedFiles(`\n${text}\n`), [{ action: "fs.write", path: "a" }]);
  assertEquals(patchedFiles(text.replaceAll("\n", "\r\n")), [{ action: "fs.write", path: "a" }]);
});

// deno-fmt-ignore -- a row is a line
const ODD: readonly [string, string][] = [
  ["nothing", ""],
  ["no end", "*** Begin Patch\n*** Add File: a"],
  ["text before", `x\n${patch("*** Add File: a")}`],
  ["no file", patch("+x")],
  ["an unknown header", patch("*** Add File: a", "*** Environment: b")],
  ["a header without a path", patch("*** Add File: ")],
  ["a move without an update", patch("*** Add File: a", "*** Move to: b")],
  ["a lower-case header", patch("*** add file: a")],
  ["a header with a space before it", patch("*** Add File: a", "+x", " *** Delete File: b")],
  ["a header with a tab before it", patch("*** Add File: a", "+x", "\t*** Delete File: b")],
  ["a header with many spaces before it", patch("*** Update File: a", " \u00a0 *** Delete File: b")],
  ["a header after U+FEFF", patch("*** Add File: a", "\ufeff*** Delete File: b")],
  ["a header after U+3000", patch("*** Add File: a", "\u3000*** Delete File: b")],
  ["a line that is no content", patch("*** Add File: a", "x")],
  ["a line of spaces of another kind", patch("*** Add File: a", "\u00a0")],
  ["two headers in a line", patch("*** Add File: a\r*** Delete File: b")],
  ["a second end", patch("*** Add File: a", "*** End Patch", "*** Delete File: b")],
  ["a space after the end of a file", patch("*** Update File: a", "*** End of File ")],
  ["a move after content", patch("*** Update File: a", "+x", "*** Move to: b")],
  ["only an end", "*** End Patch"],
  ...["\0", "\v", "\f", "\x1c", "\x1f", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"].flatMap((odd): [string, string][] => [
    [`${JSON.stringify(odd)} before a header`, patch("*** Add File: a", "+x", `${odd}*** Delete File: b`)],
    [`${JSON.stringify(odd)} after a path`, patch(`*** Add File: a${odd}`, "+x")],
    [`${JSON.stringify(odd)} in content`, patch("*** Add File: a", `+x${odd}y`)],
  ]),
  ...[" ", "\t", "\u00a0", "\u1680", "\u2003", "\u202f", "\u3000", "\ufeff"].flatMap((space): [string, string][] => [
    [`${JSON.stringify(space)} before a path`, patch(`*** Add File: ${space}a`)],
    [`${JSON.stringify(space)} after a path`, patch(`*** Update File: a${space}`)],
    [`${JSON.stringify(space)} after the path of a move`, patch("*** Update File: a", `*** Move to: b${space}`)],
  ]),
];
for (const [cell, text] of ODD) {
  Deno.test(`patchedFiles() refuses ${cell}`, () => {
    assertThrows(() => patchedFiles(text), HookError);
  });
}
