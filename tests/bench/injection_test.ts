/** The evaluation of prompt injection reaches its goals, as anyone runs it. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT } from "../workspace.ts";

Deno.test("with sessions, scope and sources hardly an attack gets through, and all harmless tasks are done", async () => {
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "-P=injection", "bench/injection/main.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  const shown = text.decode(stdout);
  // It ends with 1 if a goal is missed.
  assertEquals(code, 0, shown + text.decode(stderr));
  assertStringIncludes(shown, "46 tasks, 30 attacks in 120 ways");
  assertStringIncludes(shown, "Goals for the last policy: met");
});
