/** Shows a question for each hostile text, as a terminal gets it, between marks that a test finds again. */
import { renderQuestion } from "@agent-kernel/kernel";
import { questionOf } from "../../src/approval/question.ts";
import { HOSTILE } from "./hostile_texts.ts";

const [width = "80"] = Deno.args;
for (const [i, text] of HOSTILE.entries()) {
  const question = questionOf({
    ...{ id: "00000000-0000-4000-8000-000000000000", action: "fs.write", target: text },
    ...{ params: { content: text }, agent: text, rule: text, reason: text },
    ...{ change: `-${text}\n+${text}`, policy: "0".repeat(64) },
    ...{ askedAt: "2026-11-28T12:00:00.000Z", expiresAt: "2026-11-28T12:10:00.000Z" },
  });
  console.log(`MARK ${i}`);
  for (const line of renderQuestion(question, Number(width))) console.log(line);
}
console.log("MARK end");
