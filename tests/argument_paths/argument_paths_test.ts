import { assertEquals } from "@std/assert";
import { load, problemsOf } from "../core/policy/deciding.ts";

const rule = (paths: unknown, more: Record<string, unknown> = {}) => ({
  capabilities: [{ id: "r", action: "proc.exec", resource: "tool", paths, ...more }],
});

Deno.test("the key paths is read into data of the policy, by the rule", () => {
  const policy = load(rule({
    operands: "fs.read",
    first: "none",
    last: ["fs.read", "fs.write"],
    cwd: "fs.write",
    after: { "-{f,g}": "fs.read", "--file=*": "fs.stat", "--file=x*": "none" },
    values: ["-n", "--{max,min}"],
    refuse: [":"],
  }));
  const paths = policy.argumentPaths?.get("r");
  assertEquals(paths, {
    operands: ["fs.read"],
    first: [],
    last: ["fs.read", "fs.write"],
    cwd: ["fs.write"],
    after: new Map([
      ["-n", []],
      ["--max", []],
      ["--min", []],
      ["-f", ["fs.read"]],
      ["-g", ["fs.read"]],
    ]),
    joined: [["--file=x", []], ["--file=", ["fs.stat"]]],
    refuse: [":"],
  });
  assertEquals(load({ capabilities: [] }).argumentPaths?.size, 0);
});

const PROBLEMS: readonly [paths: unknown, place: string, message: RegExp][] = [
  ["fs.read", "paths", /^Expected a mapping with some of operands, first, last, cwd, after, v/],
  [null, "paths", /^Expected a mapping/],
  [{ operand: "fs.read" }, "paths.operand", /^Unknown key "operand", expected one of operands/],
  [
    { operands: "fs.raed" },
    "paths.operands",
    /^"fs.raed" is no action on one path, expected fs.re/,
  ],
  [{ operands: "net.http" }, "paths.operands", /is no action on one path/],
  [{ operands: "fs.move" }, "paths.operands", /is no action on one path/],
  [{ operands: ["fs.read", "none"] }, "paths.operands", /^"none" is no action/],
  [{ operands: [] }, "paths.operands", /^Expected an action on paths like fs.read/],
  [{ first: true }, "paths.first", /^Expected an action on paths/],
  [{ cwd: "proc.exec" }, "paths.cwd", /is no action on one path/],
  [{ after: ["-f"] }, "paths.after", /^Expected a mapping from options to actions/],
  [{ after: { "-f": 1 } }, "paths.after.-f", /^Expected an action on paths/],
  [{ after: { "f": "fs.read" } }, "paths.after.f", /^"f" is no option/],
  [{ after: { "--": "fs.read" } }, "paths.after.--", /^"--" is no option/],
  [{ after: { "-*": "fs.read" } }, "paths.after.-*", /^"-\*" is no option/],
  [{ after: { "-[ab]": "fs.read" } }, "paths.after.-[ab]", /is no option/],
  [{ after: { "-{f": "fs.read" } }, "paths.after.-{f", /is not closed/],
  [{ values: "-n" }, "paths.values", /^Expected a list of texts/],
  [{ values: ["n"] }, "paths.values", /^"n" is no option/],
  [{ refuse: [""] }, "paths.refuse", /^Expected a list of texts/],
];

for (const [paths, place, message] of PROBLEMS) {
  Deno.test(`a policy with paths: ${JSON.stringify(paths)} is refused at its place`, () => {
    const [problem, ...others] = problemsOf(rule(paths));
    assertEquals(problem?.place, `capabilities[0].${place}`);
    assertEquals(message.test(problem?.message ?? ""), true, problem?.message);
    assertEquals(others, []);
  });
}

Deno.test("problems of paths come together with others, and with their lines", () => {
  const problems = problemsOf(
    "capabilities:\n" +
      "  - action: proc.exec\n" +
      "    resource: tool\n" +
      "    paths:\n" +
      "      operands: fs.raed\n" +
      "    constrain: 1\n",
  );
  assertEquals(problems.map(({ place, line }) => [place, line]), [
    ["capabilities[0].paths.operands", 5],
    ["capabilities[0].constrain", 6],
  ]);
});

Deno.test("paths need an action with args and cwd, and are for allow rules", () => {
  const message = (policy: object) => problemsOf(policy).map(({ message }) => message);
  assertEquals(message(rule({ operands: "fs.read" }, { action: "fs.read", resource: "/a" })), [
    'fs.read has no "args" and "cwd", expected an action like proc.exec alone',
  ]);
  assertEquals(message(rule({}, { action: ["proc.exec", "db.query"] })), [
    'db.query has no "args" and "cwd", expected an action like proc.exec alone',
  ]);
  assertEquals(message(rule({}, { action: "proc.*" })), []);
  const deny = { capabilities: [], deny: [{ action: "proc.exec", resource: "a", paths: {} }] };
  assertEquals(message(deny).map((text) => text.slice(0, 19)), ['Unknown key "paths"']);
});
