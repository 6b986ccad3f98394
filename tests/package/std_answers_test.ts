import { assert, assertEquals } from "@std/assert";
import { DocumentError, parseDocument } from "../../src/core/policy/document.ts";
import { isMapping } from "../../src/core/policy/shape.ts";
import { refuseAmbiguous } from "../../src/policy_tools/ambiguous.ts";
import { outline, OutlineError } from "../../src/policy_tools/locate.ts";
import { DocumentProblems } from "../../src/policy_tools/problems.ts";
import { problemsOf } from "../core/policy/deciding.ts";
import {
  type Answer,
  assertionAnswer,
  ASSERTIONS,
  inPolicy,
  isEqual,
  pathAnswer,
  streamAnswer,
  TABLE,
  type Table,
  VALUES,
  wrapped,
  yamlAnswer,
  type YamlRow,
} from "./std_answers.ts";
import { DIFFERENCES, DIFFERENCES_IN_POLICY } from "./std_differences.ts";

const table: Table = JSON.parse(Deno.readTextFileSync(TABLE));

/** The class of an error does not matter, only that there is one. */
const bare = (answer: Answer) => "is" in answer ? { is: answer.is } : "refused";
const same = (left: Answer, right: Answer) =>
  JSON.stringify(bare(left)) === JSON.stringify(bare(right));

/** What a policy would hold if the parser gave this answer; what is no mapping or list is none. */
function reading(text: string, answer: Answer): unknown {
  if (!("is" in answer)) return "refused";
  try {
    // JSON is read alike by both; this resolves merge keys and bounds the depth.
    const value = parseDocument(JSON.stringify(answer.is));
    if (!isMapping(value) && !Array.isArray(value)) return "refused";
    const problems = new DocumentProblems();
    refuseAmbiguous(outline(text), value, problems);
    return problems.found.length > 0 ? "refused" : JSON.stringify(value);
  } catch (error) {
    if (error instanceof DocumentError || error instanceof OutlineError) return "refused";
    throw error;
  }
}

const yaml = table.yaml.flatMap((row) => {
  const within = inPolicy(row.text);
  return [
    { text: row.text, real: row as Answer, isPolicy: false },
    { text: within, real: row.inPolicy ?? wrapped(row), isPolicy: true },
  ];
});
const different = yaml.filter(({ text, real }) => !same(real, yamlAnswer(text)));

Deno.test("the table of the real packages' answers holds what it should", () => {
  assert(table.yaml.length > 1_000, `${table.yaml.length} texts`);
  assertEquals(new Set(table.yaml.map(({ text }) => text)).size, table.yaml.length);
  const calls = Object.groupBy(table.path, ({ call }) => call);
  for (const [call, rows = []] of Object.entries(calls)) assert(rows.length >= 20, call);
  assertEquals(Object.keys(calls).length, 10);
  assert(table.streams.length >= 20);
  assertEquals(Object.keys(table.assertions), Object.keys(ASSERTIONS));
});

Deno.test("a text that @std/yaml and its stand-in read differently is refused under both", () => {
  for (const { text, real } of different) {
    const under = { real: reading(text, real), standIn: reading(text, yamlAnswer(text)) };
    assertEquals(under, { real: "refused", standIn: "refused" }, JSON.stringify(text));
  }
});

Deno.test("readPolicy() refuses each policy that @std/yaml and its stand-in read differently", () => {
  const policies = different.filter(({ isPolicy }) => isPolicy);
  assert(policies.length > 0);
  for (const { text } of policies) {
    assert(problemsOf(text).length > 0, JSON.stringify(text));
  }
});

Deno.test("all other texts are read alike, and refused under both or under none", () => {
  let taken = 0;
  for (const { text, real } of yaml) {
    const under = reading(text, real);
    assertEquals(under, reading(text, yamlAnswer(text)), JSON.stringify(text));
    if (under !== "refused") taken++;
  }
  assert(taken > 500, `only ${taken} texts are not refused`);
});

Deno.test("the differences between @std/yaml and its stand-in are those that are known", () => {
  const isDifferent = ({ text }: YamlRow) => different.some((one) => one.text === text);
  assertEquals(
    table.yaml.filter(isDifferent).map(({ text }) => text).sort(),
    [
      ...DIFFERENCES,
    ].sort(),
  );
  const inPolicies = table.yaml.filter((row) =>
    !isDifferent(row) && different.some((one) => one.text === inPolicy(row.text))
  );
  assertEquals(inPolicies.map(({ text }) => text), [...DIFFERENCES_IN_POLICY]);
});

Deno.test("the stand-in for @std/path answers as the real one", () => {
  for (const row of table.path) {
    assertEquals(bare(pathAnswer(row.call, row.args)), bare(row), JSON.stringify(row));
  }
});

Deno.test("the stand-in for @std/streams splits as the real one", async () => {
  for (const row of table.streams) {
    assertEquals(bare(await streamAnswer(row.chunks)), bare(row), JSON.stringify(row));
  }
});

/** The stand-in is stricter, so that a test that passes here passes there. */
const STRICTER = [["[]", "[,]"]];

Deno.test("the stand-in for @std/assert holds the same values to be equal", () => {
  const names = Object.keys(VALUES);
  const equal = names.flatMap((left, i) =>
    names.slice(i + 1).filter((right) => isEqual(left, right)).map((right) => [left, right])
  );
  const isStricter = (pair: readonly string[]) =>
    STRICTER.some((one) => one.join() === pair.join());
  assertEquals(equal, table.equal.filter((pair) => !isStricter(pair)).map((pair) => [...pair]));
  for (const name of names) assert(isEqual(name, name), name);
});

Deno.test("the stand-in for @std/assert passes and fails as the real one", async () => {
  for (const [name, real] of Object.entries(table.assertions)) {
    assertEquals(await assertionAnswer(name), real, name);
  }
});
