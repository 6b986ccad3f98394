import { assert, assertEquals } from "@std/assert";
import { readShell } from "../../../src/hooks/shell/mod.ts";
import { CORPUS, CWD, HOME, told } from "./lines.ts";

Deno.test("the corpus has lines of every kind, each once", () => {
  assert(CORPUS.plain.length >= 120 && CORPUS.hostile.length >= 120 && CORPUS.near.length >= 60);
  const lines = Object.values(CORPUS).flat().map(([line]) => line);
  assertEquals(lines.length, new Set(lines).size);
  assert(CORPUS.plain.every(([, expected]) => typeof expected !== "string"));
  assert(CORPUS.hostile.every(([, expected]) => typeof expected === "string"));
});

for (const [kind, rows] of Object.entries(CORPUS)) {
  for (const [line, expected] of rows) {
    const does = typeof expected === "string" ? "refuses" : "reads";
    Deno.test(`readShell() ${does} a ${kind} line: ${JSON.stringify(line)}`, async () => {
      const reading = await readShell(line, { cwd: CWD, home: HOME });
      if (typeof expected !== "string") {
        assert("steps" in reading, JSON.stringify(reading));
        assertEquals(reading.steps.map(told), [...expected]);
        return;
      }
      assert("refusal" in reading, JSON.stringify(reading));
      assert(reading.refusal.includes(expected), reading.refusal);
      // What was not understood, and what to write instead; shown pieces are cut.
      assert(/^[A-Z].*\. [A-Z].*\.$/s.test(reading.refusal), reading.refusal);
      assert(reading.refusal.length < 400, reading.refusal);
      // deno-lint-ignore no-control-regex -- a refusal is shown to people
      assert(!/[\0-\x1f\x7f-\x9f]/.test(reading.refusal), reading.refusal);
    });
  }
}
