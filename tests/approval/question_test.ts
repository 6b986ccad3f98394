/** Questions that try to look like something else. */
import { assert, assertEquals } from "@std/assert";
import { renderQuestion } from "@agent-kernel/kernel";
import { questionOf } from "../../src/approval/question.ts";
import { parseApproval } from "../../src/approval/approval_rule.ts";
import { problemsOf } from "../core/policy/deciding.ts";
import { HOSTILE } from "./hostile_texts.ts";

/** What no terminal may get raw. */
const RAW =
  // deno-lint-ignore no-control-regex -- they are what must not be there
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ud800-\udfff]/;

for (const [i, text] of HOSTILE.entries()) {
  Deno.test(`a question shows text ${i} as itself: ${JSON.stringify(text).slice(0, 40)}`, () => {
    const question = questionOf({
      id: "00000000-0000-4000-8000-000000000000",
      action: "fs.write",
      target: text,
      params: { [text]: text, list: [text] },
      agent: text,
      rule: text,
      reason: text,
      approvers: [text],
      change: `--- ${text}\n+++ b\n-${text}`,
      policy: "0".repeat(64),
      askedAt: "2026-11-28T12:00:00.000Z",
      expiresAt: "2026-11-28T12:10:00.000Z",
    });
    const lines = renderQuestion(question);
    for (const line of lines) {
      // Characters beyond the first plane are two halves: as a pair they may stand.
      const shown = line.replace(/[\ud800-\udbff][\udc00-\udfff]/g, "");
      assert(!RAW.test(shown), JSON.stringify(line));
    }
    // Each line begins with what it is: none of the text begins one.
    const change = lines.indexOf("change");
    for (const line of lines.slice(0, change)) {
      assert(
        /^(id|action|target|param|agent|rule|who may|asked|digest|note) {1,8}/.test(line),
        line,
      );
    }
    for (const line of lines.slice(change + 1)) assert(line.startsWith("  | "), line);
    // On a terminal nothing of it begins a line, however long it is.
    for (const line of renderQuestion(question, 80)) {
      assert(
        /^(id|action|target|param|agent|rule|who may|asked|digest|note|change)( |$)|^ {2}\| |^ {7}> /
          .test(line),
        line,
      );
      assert(Array.from(line).length <= 80, line);
    }
    // Nothing is cut, and nothing is lost: what is shown is what would be done.
    const shown = lines.find((line) => line.startsWith("target"))?.slice(9) ?? "";
    assertEquals(JSON.parse(shown), text);
    const param = lines.find((line) => line.startsWith("param"))?.split(" = ").at(-1) ?? "";
    if (!text.includes(" = ")) assertEquals(JSON.parse(param), text);
    const isPlain = Array.from(JSON.stringify(text)).every((char) => char < "\x80");
    assertEquals(
      lines.some((line) => line.startsWith("note     there are characters beyond ASCII")),
      !isPlain,
    );
  });
}

// deno-fmt-ignore -- a row is a line
const RULES: readonly { source: unknown; expected?: object; problem?: RegExp }[] = [
  { source: "required", expected: { timeoutMs: 600_000 } },
  { source: {}, expected: { timeoutMs: 600_000 } },
  { source: { timeout: "90s" }, expected: { timeoutMs: 90_000 } },
  { source: { timeout: "8h", approvers: ["alice"] }, expected: { timeoutMs: 28_800_000, approvers: ["alice"] } },
  { source: true, problem: /Expected "required"/ },
  { source: "optional", problem: /Expected "required"/ },
  { source: null, problem: /Expected "required"/ },
  { source: ["required"], problem: /Expected "required"/ },
  { source: { timeout: 600 }, problem: /Expected a time up to 168h/ },
  { source: { timeout: "0s" }, problem: /Expected a time up to 168h/ },
  { source: { timeout: "169h" }, problem: /Expected a time up to 168h/ },
  { source: { timeout: "5constructor" }, problem: /Expected a time up to 168h/ },
  { source: { approvers: [] }, problem: /Expected a list of names/ },
  { source: { approvers: "alice" }, problem: /Expected a list of names/ },
  { source: { approvers: [""] }, problem: /Expected a list of names/ },
  { source: { remember: { for: "8h", as: "folder" } }, expected: { timeoutMs: 600_000, remember: { forMs: 28_800_000, as: "folder" } } },
  { source: { remember: { for: "8h" }, after: "3/min" }, expected: { timeoutMs: 600_000, remember: { forMs: 28_800_000, as: "target" }, after: { count: 3, perMs: 60_000 } } },
  { source: { remember: "8h" }, problem: /Expected a mapping like \{for: 8h/ },
  { source: { remember: { as: "target" } }, problem: /Expected a mapping like \{for: 8h/ },
  { source: { remember: { for: "8h", as: "everything" } }, problem: /Expected a mapping like \{for: 8h/ },
  { source: { remember: { for: "8h", until: "noon" } }, problem: /Expected a mapping like \{for: 8h/ },
  { source: { after: "0/min" }, problem: /Expected a number of actions and a time/ },
  { source: { after: "3/fortnight" }, problem: /Expected a number of actions and a time/ },
  { source: { forget: true }, problem: /There is no "forget" here/ },
];
for (const { source, expected, problem } of RULES) {
  Deno.test(`approval of a rule: ${JSON.stringify(source)} is ${problem === undefined ? "taken" : "refused"}`, () => {
    const problems: string[] = [];
    assertEquals(parseApproval(source, (_, message) => problems.push(message)), expected);
    assertEquals(problems.length, problem === undefined ? 0 : 1);
    if (problem !== undefined) assert(problem.test(problems[0] ?? ""), problems[0]);
  });
}

Deno.test("a problem of an approval stands at its place, and a deny rule has none", () => {
  const rule = { action: "fs.read", resource: "/a" };
  const places = (policy: object) => problemsOf(policy).map(({ place }) => place);
  assertEquals(places({ capabilities: [{ ...rule, approval: { timeout: 1 } }] }), [
    "capabilities[0].approval.timeout",
  ]);
  assertEquals(places({ capabilities: [], deny: [{ ...rule, approval: "required" }] }), [
    "deny[0].approval",
  ]);
});
