import { assertEquals } from "@std/assert";
import { checkAnswer } from "../../../src/core/isolation/answer.ts";

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { cell: string; answer: unknown; expected: object }[] = [
  { cell: "data", answer: { ok: true, data: { a: [1] } }, expected: { ok: true, data: { a: [1] }, truncated: false } },
  { cell: "data that was cut", answer: { ok: true, data: "a", truncated: true }, expected: { ok: true, data: "a", truncated: true } },
  { cell: "no data", answer: { ok: true }, expected: { ok: true, data: null, truncated: false } },
  { cell: "data at the bound", answer: { ok: true, data: "x".repeat(100) }, expected: { ok: true, data: "x".repeat(100), truncated: false } },
  { cell: "a failure", answer: { ok: false, code: "NOT_FOUND", error: "none" }, expected: { ok: false, code: "NOT_FOUND", error: "none", denied: undefined, rule: undefined } },
  { cell: "a code in lower case", answer: { ok: false, code: "not_found", error: "none" }, expected: { ok: false, code: "PROVIDER_ERROR", error: "none", denied: undefined, rule: undefined } },
  { cell: "a denial", answer: { ok: false, code: "X", error: "no", denied: true, rule: "r" }, expected: { ok: false, code: "X", error: "no", denied: true, rule: "r" } },
  { cell: "a rule without a denial", answer: { ok: false, code: "X", error: "no", rule: "r" }, expected: { ok: false, code: "X", error: "no", denied: undefined, rule: undefined } },
];
for (const { cell, answer, expected } of ROWS) {
  Deno.test(`checkAnswer() passes ${cell}`, () => {
    assertEquals(checkAnswer(answer, 100), expected as ReturnType<typeof checkAnswer>);
  });
}

const data = {
  get a() {
    throw revoked;
  },
};
const REFUSED: readonly (readonly [what: string, answer: unknown])[] = [
  ["nothing", undefined],
  ["a text", "ok"],
  ["an answer of neither kind", { ok: "true", data: 1 }],
  ["an error that is not a text", { ok: false, error: {} }],
  ["data over the bound", { ok: true, data: "x".repeat(101) }],
  ["data that is not JSON", { ok: true, data: new Map() }],
  ["data that throws a revoked proxy", { ok: true, data }],
  ["a revoked proxy", revoked],
];
for (const [what, answer] of REFUSED) {
  Deno.test(`checkAnswer() refuses ${what}`, () => {
    const checked = checkAnswer(answer, 100);
    assertEquals(checked.ok ? "" : checked.code, "RESULT_INVALID");
  });
}

Deno.test("checkAnswer() cuts an error message to 4096 bytes of UTF-8", () => {
  const checked = checkAnswer({ ok: false, error: "ä".repeat(5000) }, 100);
  assertEquals(checked.ok ? "" : checked.error, "ä".repeat(2048));
});

Deno.test("checkAnswer() copies the data, so that later changes do not count", () => {
  const data = { list: [1] };
  const checked = checkAnswer({ ok: true, data }, 100);
  data.list.push(2);
  assertEquals(checked.ok && checked.data, { list: [1] });
});
