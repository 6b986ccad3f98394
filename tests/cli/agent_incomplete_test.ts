import { assertEquals, assertStringIncludes } from "@std/assert";
import { Workspace } from "../workspace.ts";
import { agentScene, runScripted } from "./agent_scene.ts";

/** Answers that are not complete, and what is shown of them. */
const ENDINGS: readonly (readonly [finish: string, text: string, shown: string, why: string])[] = [
  ["length", "Keep these three files: a.csv", "answer truncated", "cut off at a limit"],
  ["content_filter", "", "answer withheld", "refused to give it"],
];
for (const [finish, text, shown, why] of ENDINGS) {
  Deno.test(`agent ends with exit code 1 after an answer with the finish reason ${finish}, and says why`, async () => {
    using ws = new Workspace();
    const { code, stdout, stderr } = await runScripted(agentScene(ws, [{ text, finish }]), "Go");
    assertEquals({ code, stdout: stdout.trimEnd() }, { code: 1, stdout: text });
    assertStringIncludes(stderr, `${shown} · 0 calls`);
    assertStringIncludes(stderr, why);
    assertStringIncludes(stderr, `"${finish}"`);
  });
}
