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

Deno.test("patchedFiles() takes a header with spaces before it for one", () => {
  assertEquals(patchedFiles(patch("*** Update File: a", "  *** Delete File: b")).length, 2);
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
];
for (const [cell, text] of ODD) {
  Deno.test(`patchedFiles() refuses ${cell}`, () => {
    assertThrows(() => patchedFiles(text), HookError);
  });
}
