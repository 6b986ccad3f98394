import { assertEquals, assertStringIncludes } from "@std/assert";
import { Scene } from "./scene.ts";

/** Writes over a file, and says what a rollback would change. */
async function previewOf(before: string | Uint8Array | undefined, after: string): Promise<string> {
  await using scene = await Scene.open();
  if (before !== undefined) scene.ws.file("w/a.txt", before);
  const id = await scene.done("fs.write", "a.txt", { content: after });
  const tree = scene.tree();
  const { status, text } = await scene.layer.preview(id);
  assertEquals(status, "OK");
  assertEquals(scene.tree(), tree, "a preview changes nothing");
  return text.replaceAll(scene.path("a.txt"), "a.txt");
}

const CASES: readonly (readonly [string, string | Uint8Array | undefined, string, string])[] = [
  [
    "lines",
    "one\ntwo\nthree\n",
    "one\n2\nthree\n",
    "--- a.txt\n+++ a.txt\n@@ -1,3 +1,3 @@\n one\n-2\n+two\n three\n",
  ],
  ["a new file", undefined, "new\n", "--- a.txt\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-new\n"],
  [
    "a binary",
    new Uint8Array([0, 1, 2]),
    "text",
    "--- a.txt\n+++ a.txt\nBinary or long: 4 bytes → 3 bytes\n",
  ],
  [
    "a long text",
    "x".repeat(2_000_000),
    "text",
    "--- a.txt\n+++ a.txt\nBinary or long: 4 bytes → 2000000 bytes\n",
  ],
  [
    "a text that would deceive a terminal",
    "\x1b[2Jgone\u202e\n",
    "a\tb\n",
    "--- a.txt\n+++ a.txt\n@@ -1,1 +1,1 @@\n-a\tb\n+\\u001b[2Jgone\\u202e\n",
  ],
];
for (const [what, before, after, expected] of CASES) {
  Deno.test(`preview shows ${what}`, async () => {
    assertEquals(await previewOf(before, after), expected);
  });
}

Deno.test("preview shows a mode, each step, and a conflict with what force would do", async () => {
  await using scene = await Scene.open();
  Deno.chmodSync(scene.ws.file("w/run.sh", "old\n"), 0o755);
  const id = await scene.done("fs.delete", "run.sh");
  assertStringIncludes((await scene.layer.preview(id)).text, "+old\n");
  scene.ws.file("w/run.sh", "theirs\n");
  const preview = await scene.layer.preview(id);
  assertEquals([preview.status, preview.code], ["ERROR", "ROLLBACK_CONFLICT"]);
  assertStringIncludes(preview.text, "0644 → 0755\n");
  assertStringIncludes(preview.text, "-theirs\n+old\n");
  const move = await scene.done("fs.move", "run.sh", { to: scene.path("b\u202e.sh") });
  const { text, steps } = await scene.layer.preview(move);
  assertEquals(steps, [{ action: "fs.move", target: scene.path("b\u202e.sh") }]);
  assertEquals(text.includes("\u202e"), false);
});

Deno.test("preview of two texts that have nothing in common ends", async () => {
  const lines = (seed: number) =>
    Array.from({ length: 40_000 }, (_, i) => `${(i * seed) % 99_991}`).join("\n");
  const text = await previewOf(lines(7919), lines(6101));
  assertStringIncludes(text, "+++ a.txt");
});
