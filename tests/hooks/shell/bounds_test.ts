import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { readShell } from "../../../src/hooks/shell/mod.ts";
import { line } from "./random_lines.ts";

const START = { cwd: "/w", home: "/h" } as const;
const MAX = 64 * 1024;

/** Pieces that parsers find hard when there are many of them. */
const HARD = [
  "(",
  "{ ",
  "$(",
  '"$(',
  "${a:-",
  "`",
  "((",
  "[[ ",
  "a<<b ",
  "a<<b\n",
  "{a,",
  "{1..",
  "<(",
]
  .concat([
    "a;",
    "a|",
    "a&&",
    "! ",
    "if a;then ",
    "case x in a) ",
    '"',
    "'",
    "\\",
    "f(){ ",
    "@(",
    "a[",
    "$((",
  ])
  .concat([
    "coproc ",
    "function a ",
    "for a in ",
    "time ",
    "((1?1:",
    "\\\n",
    "$'\\",
    "{a}",
    "$X",
    "X=1;",
  ])
  .concat([
    "bash -c ",
    "[[ ! ",
    "# ",
    "a\n",
    "{a,b}",
    "cd a;",
    "cd a||",
    "[",
    "{{}}",
    "a{a,b}",
    "{{a,b},",
    "while a;do ",
    "<<<a ",
    "~",
    "*",
  ]);

async function refused(text: string): Promise<string> {
  const reading = await readShell(text, START);
  assert("refusal" in reading, text.slice(0, 80));
  return reading.refusal;
}

Deno.test("readShell() answers to the longest line of any piece, each by itself and in its own words", async () => {
  for (const piece of HARD) {
    const reading = await readShell(piece.repeat(Math.floor(MAX / piece.length)), START);
    const said = "refusal" in reading
      ? reading.refusal
      : reading.steps.map(({ kind }) => kind).join();
    assert(said.length < 100_000, piece);
  }
});

Deno.test("readShell() refuses what is beyond its bounds, and reads what is just within", async () => {
  assert("steps" in await readShell(`echo ${"x".repeat(MAX - 5)}`, START));
  assert((await refused(`echo ${"x".repeat(MAX - 4)}`)).includes("65536 characters"));
  const list = (count: number) => Array.from({ length: count }, (_, i) => `ls ${i}`).join(";");
  assert("steps" in await readShell(list(1000), START));
  assert((await refused(list(1001))).includes("more than 1000 steps"));
  assert("steps" in await readShell("ls {1..256}", START));
  assert((await refused("ls {1..257}")).includes("more than 256 words"));
  const nested = (depth: number) => `${"( ".repeat(depth)}ls${" )".repeat(depth)}`;
  assert("steps" in await readShell(nested(8), START));
  assert((await refused(nested(40))).includes("deep"));
  const doubled = (times: number) => `x=${"x".repeat(1000)};${"x=$x$x;".repeat(times)}ls $x`;
  assert("steps" in await readShell(doubled(6), START));
  assert((await refused(doubled(40))).includes("too long"));
  const big = (count: number) => `x=${"x".repeat(60_000)}; ls "$x"{1..${count}}`;
  assert("steps" in await readShell(big(10), START));
  assert((await refused(big(40))).includes("too long"));
  const loops = (depth: number) =>
    `${"for i in {1..20}; do ".repeat(depth)}ls${"; done".repeat(depth)}`;
  assert("steps" in await readShell(loops(2), START));
  assert((await refused(loops(4))).includes("more than 5000 commands"));
});

Deno.test("readShell() refuses halves of characters and what is no character", async () => {
  for (
    const char of [
      "\ud800",
      "\udc00",
      "\ufffe",
      "\uffff",
      "\u{1ffff}",
      "\ufdd0",
      "\0",
      "\x7f",
      "\x9b",
    ]
  ) {
    assert((await refused(`echo ${char}`)).includes("no text"), JSON.stringify(char));
    assert((await refused(`echo '${char}'`)).includes("no text"), JSON.stringify(char));
  }
  assert("steps" in await readShell("echo 🙂 é \u00a0 \u2028", START));
});

Deno.test("readShell() shows at most 80 characters of a line", async () => {
  const refusal = await refused(`cat "$(${"\u202e".repeat(300)})"`);
  const shown = /"(.*)"/.exec(refusal)?.[1] ?? "";
  assert(shown.length <= 80 && !refusal.includes("\u202e"), refusal);
});

Deno.test("readShell() needs absolute folders, and refuses ~ without a home", async () => {
  await assertRejects(() => readShell("ls", { cwd: "w" }), TypeError);
  await assertRejects(() => readShell("ls", { cwd: "/w", home: "h" }), TypeError);
  assert("refusal" in await readShell("ls ~", { cwd: "/w" }));
  assert("refusal" in await readShell("cd", { cwd: "/w" }));
  assertEquals(await readShell("ls", { cwd: "//w/./a/" }), {
    steps: [{ kind: "exec", words: ["ls"], cwd: "/w/a" }],
  });
});

Deno.test("readShell() neither throws nor changes its answer", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(line, fc.string({ unit: "binary" })), async (text) => {
      assertEquals(await readShell(text, START), await readShell(text, START));
    }),
    { numRuns: 500 },
  );
});

Deno.test("readShell() gives no fewer steps when another command stands before", async () => {
  await fc.assert(
    fc.asyncProperty(line, async (text) => {
      const alone = await readShell(text, START);
      const after = await readShell(`p\n${text}`, START);
      if ("refusal" in alone || "refusal" in after) {
        assertEquals("refusal" in after, "refusal" in alone);
      } else {
        const steps = after.steps.map((step) => JSON.stringify(step));
        for (const step of alone.steps) assert(steps.includes(JSON.stringify(step)));
      }
    }),
    { numRuns: 200 },
  );
});
