import { assertEquals } from "@std/assert";
import { Progress } from "../../src/cli/progress.ts";

/** Counts steps of one millisecond each, and gives what was written. */
function written(steps: number): string[] {
  const texts: string[] = [];
  let now = 0;
  {
    using progress = new Progress("records", { write: (text) => texts.push(text), now: () => now });
    for (let i = 0; i < steps; i++) {
      now++;
      progress.step();
    }
  }
  return texts;
}

Deno.test("Progress shows nothing of what takes less than a second", () => {
  assertEquals(written(999), []);
});

Deno.test("Progress shows the count after a second, and removes its line in the end", () => {
  assertEquals(written(1100), ["\r… 1,024 records, 1 s\x1b[K", "\r\x1b[K"]);
});

Deno.test("Progress writes at most five times a second", () => {
  assertEquals(written(3000).length, 9);
});
