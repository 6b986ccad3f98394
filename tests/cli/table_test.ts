import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { columns, cut, cutInside, displayWidth } from "../../src/cli/table.ts";

Deno.test("columns() lines cells up by what a terminal shows", () => {
  assertEquals(columns([["a", "bb", "c"], ["aaa", "\u{1F600}", "ccc"], ["", "e\u0301x", "d"]]), [
    "a    bb  c",
    "aaa  \u{1F600}  ccc",
    "     e\u0301x  d",
  ]);
});

Deno.test("columns() puts the ends of numbers below each other", () => {
  assertEquals(columns([["name", "count"], ["a", "1"], ["b", "1000"]], { right: [1] }), [
    "name  count",
    "a         1",
    "b      1000",
  ]);
});

Deno.test("columns() cuts the widest column, in the middle, so that rows fit", () => {
  const path = "/a/very/long/path/to/some/file.txt";
  assertEquals(columns([["12:00", "OK", path, "r1"]], { width: 34 }), [
    "12:00  OK  /a/very/l…/file.txt  r1",
  ]);
  assertEquals(columns([["12:00", "OK", path, "r1"]], { width: 200 }), [`12:00  OK  ${path}  r1`]);
});

Deno.test("columns() leaves a cell with colours whole", () => {
  const red = `\x1b[31m${"x".repeat(30)}\x1b[0m`;
  assertEquals(columns([["a", red]], { width: 20 }), [`a  ${red}`]);
});

Deno.test("displayWidth() of a text is that of its characters, whether all are ASCII or not", () => {
  const text = fc.string({
    unit: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(..."a~é東\u0301😀")),
  });
  fc.assert(fc.property(text, fc.string(), (some, ascii) => {
    const all = `${ascii}${some}${ascii}`.replaceAll("\x1b", "");
    const widths = Array.from(all, displayWidth);
    assertEquals(displayWidth(all), widths.reduce((sum, one) => sum + one, 0));
  }));
  assertEquals(Array.from("a~\x7fé東\u0301😀", displayWidth), [1, 1, 1, 1, 2, 0, 2]);
  assertEquals(displayWidth("\x1b[31mred\x1b[0m"), 3);
});

Deno.test("cut() and cutInside() never exceed the width, and keep what fits as it is", () => {
  fc.assert(fc.property(
    fc.string({ unit: "grapheme" }),
    fc.integer({ min: 1, max: 40 }),
    (text, width) => {
      for (const shorten of [cut, cutInside]) {
        const shown = shorten(text, width);
        assert(displayWidth(shown) <= width || shown === text && displayWidth(text) <= width);
        if (displayWidth(text) <= width) assertEquals(shown, text);
      }
    },
  ));
});

Deno.test("columns never cuts those that are fixed", () => {
  const rows = [["id", "2026-01-02 03:04:05", "done", "/a/long/path/that/has/no/room/file"]];
  assertEquals(columns(rows, { width: 45, fixed: [1, 2] }), [
    "id  2026-01-02 03:04:05  done  /a/long…m/file",
  ]);
});
