import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  allOf,
  type ApprovalAnswer,
  type ApprovalQuestion,
  type Approver,
  approverOf,
  atLeast,
  firstOf,
} from "@agent-kernel/kernel";

const QUESTION = {
  id: "q",
  approvers: ["a", "b", "c", "alice", "bob"],
} as unknown as ApprovalQuestion;

/** Approvers that answer by hand, and whether each was told that it is over. */
function people(count: number) {
  const all = Array.from({ length: count }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<ApprovalAnswer>();
    const person = { answer: resolve, fail: reject, over: false };
    const approver = approverOf((_, signal) => {
      signal.addEventListener("abort", () => person.over = true);
      return promise;
    });
    return { person, approver };
  });
  return {
    persons: all.map(({ person }) => person),
    approvers: all.map(({ approver }) => approver),
  };
}

const YES = (by: string) => ({ approved: true, by });
const NO = (by: string) => ({ approved: false, by });
/** `+a` is a yes of a, `-a` a no, `!` a failure; in the order in which they answer. */
type Script = readonly string[];

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { cell: string; join: (...all: Approver[]) => Approver; script: Script; expected: boolean | "fails" }[] = [
  { cell: "the first of three says yes", join: firstOf, script: ["+a"], expected: true },
  { cell: "the first of three says no", join: firstOf, script: ["-a", "+b"], expected: false },
  { cell: "the first fails, the second says yes", join: firstOf, script: ["!", "+b"], expected: true },
  { cell: "all fail", join: firstOf, script: ["!", "!", "!"], expected: "fails" },
  { cell: "all three say yes", join: allOf, script: ["+a", "+b", "+c"], expected: true },
  { cell: "one of all says no", join: allOf, script: ["+a", "-b"], expected: false },
  { cell: "one of all fails", join: allOf, script: ["+a", "!"], expected: false },
  { cell: "one person says yes three times", join: allOf, script: ["+a", "+a", "+a"], expected: false },
  { cell: "two of three say yes", join: (...all) => atLeast(2, ...all), script: ["-a", "+b", "+c"], expected: true },
  { cell: "two of three say no", join: (...all) => atLeast(2, ...all), script: ["-a", "-b"], expected: false },
  { cell: "one person under two names that look alike", join: (...all) => atLeast(2, ...all), script: ["+a", "+\uff41", "!"], expected: false },
  { cell: "somebody without a name says yes", join: (...all) => atLeast(2, ...all), script: ["+a", "+", "!"], expected: false },
  { cell: "somebody who may not says yes first", join: firstOf, script: ["+mallory", "+a"], expected: true },
  { cell: "somebody who may not says no first", join: firstOf, script: ["-mallory", "+a"], expected: true },
  { cell: "two of three are one person", join: (...all) => atLeast(2, ...all), script: ["+a", "+a", "!"], expected: false },
  { cell: "something like a yes is none", join: (...all) => atLeast(3, ...all), script: ["+a", "+b", "?c"], expected: false },
];
for (const { cell, join, script, expected } of ROWS) {
  Deno.test(`several approvers: ${cell}`, async () => {
    const { persons, approvers } = people(3);
    const asked = join(...approvers).ask(QUESTION, new AbortController().signal);
    for (const [i, word] of script.entries()) {
      const by = word.slice(1);
      if (word[0] === "!") persons[i]?.fail(new Error("down"));
      else if (word[0] === "?") {
        persons[i]?.answer({ approved: 1, by } as unknown as ApprovalAnswer);
      } else persons[i]?.answer(word[0] === "+" ? YES(by) : NO(by));
    }
    if (expected === "fails") await assertRejects(() => asked, AggregateError);
    else assertEquals((await asked).approved, expected);
    // Nobody is left with a question that is over.
    assertEquals(persons.map(({ over }) => over), [true, true, true]);
  });
}

Deno.test("who said yes is named together, and a question that is taken back is taken back from all", async () => {
  const { persons, approvers } = people(2);
  const abort = new AbortController();
  const asked = allOf(...approvers).ask(QUESTION, abort.signal);
  persons[0]?.answer(YES("alice"));
  persons[1]?.answer(YES("bob"));
  assertEquals((await asked).by, ["alice", "bob"]);
  const more = people(2);
  allOf(...more.approvers).ask(QUESTION, abort.signal);
  abort.abort();
  assertEquals(more.persons.map(({ over }) => over), [true, true]);
});

Deno.test("atLeast() refuses a count that there is not", () => {
  const { approvers } = people(2);
  for (const count of [0, 3, 1.5, NaN]) {
    assertThrows(() => atLeast(count, ...approvers), RangeError, "of 2 approvers");
  }
});
