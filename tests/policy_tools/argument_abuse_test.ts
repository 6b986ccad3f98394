import { assertEquals, assertStringIncludes } from "@std/assert";
import type { World } from "../../src/core/resource/world.ts";
import { FLAT, load } from "../core/policy/deciding.ts";

/** Every program is there. */
const WORLD: World = { ...FLAT, typeOf: () => "executable" };
const FILES = { action: "fs.read", resource: "/w/**" };

interface Row {
  readonly cell: string;
  readonly program: string;
  readonly args?: unknown;
  readonly paths?: object;
  /** A part of each warning. */
  readonly warnings: readonly string[];
}

// deno-fmt-ignore -- a row is a line
const ROWS: readonly Row[] = [
  { cell: "any format of git log", program: "git", args: { options: ["--format=*"] }, paths: { first: "none", operands: "fs.read" }, warnings: ['lets "git log --format=%G?" pass, which runs gpg.program', 'lets "git diff" pass'] },
  { cell: "any format but those of signatures", program: "git", args: { options: ["--format=*"] }, paths: { operands: "fs.read", refuse: ["%G"] }, warnings: ['lets "git diff" pass'] },
  { cell: "git diff", program: "git", args: { in: [["diff"]] }, warnings: ['lets "git diff" pass, which runs diff.external and textconv'] },
  { cell: "git diff without drivers", program: "git", args: { in: [["diff", "--no-ext-diff", "--no-textconv"]] }, warnings: [] },
  { cell: "git show in a list", program: "git", args: { in: [["status"], ["show"]] }, warnings: ['lets "git show" pass'] },
  { cell: "git by its path", program: "/usr/bin/git", args: { in: [["diff"]] }, warnings: ['lets "git diff" pass'] },
  { cell: "git status", program: "git", args: { in: [["status"]] }, warnings: [] },
  { cell: "git without a constraint on args", program: "git", warnings: [] },
  { cell: "tar that unpacks all", program: "tar", args: { options: ["-xf"] }, paths: { operands: "fs.read" }, warnings: ['lets "tar -xf a.tar" pass, which unpacks .git/config'] },
  { cell: "tar that unpacks without .git", program: "tar", args: { options: ["-xf", "--exclude=.git"], not: { each: { not: "--exclude=.git" } } }, paths: { operands: "fs.read" }, warnings: [] },
  { cell: "tar that packs", program: "tar", args: { "0": "-cf", options: ["-cf"] }, paths: { operands: "fs.read" }, warnings: [] },
  { cell: "tar in its old form, without a dash", program: "tar", args: { options: ["-cf"] }, paths: { operands: "fs.read" }, warnings: ['lets "tar xf a.tar" pass'] },
  { cell: "find that runs programs", program: "find", args: { max_length: 9 }, paths: { operands: "fs.read" }, warnings: ['lets "find . -exec sh -c x ;" pass'] },
  { cell: "an interpreter that takes code", program: "python3.12", args: { max_length: 2 }, warnings: ['lets "python3.12 -c x" pass, which runs any code'] },
  { cell: "an interpreter of one script", program: "python3", args: { "0": "/w/a.py" }, warnings: [] },
  { cell: "operands as texts", program: "cat", args: { operands: { glob: "src/**" } }, warnings: ["compares operands as texts"] },
  { cell: "operands in one of several forms", program: "cat", args: { operands: { any: [{ glob: ["a", "**"] }, "b"] } }, warnings: ["compares operands as texts"] },
  { cell: "operands as paths", program: "cat", args: { operands: { glob: "src/**" } }, paths: { operands: "fs.read" }, warnings: [] },
  { cell: "operands that are no paths", program: "systemctl", args: { operands: { in: ["status", "nginx"] } }, warnings: [] },
];
for (const { cell, program, args, paths, warnings } of ROWS) {
  Deno.test(`a rule for a program is ${warnings.length > 0 ? "" : "not "}warned of: ${cell}`, () => {
    const constraint = args === undefined ? {} : { constraint: argsOf(args) };
    const rule = {
      id: "r",
      action: "proc.exec",
      resource: program,
      ...constraint,
      ...paths === undefined ? {} : { paths },
    };
    const found = load({ capabilities: [FILES, rule] }, { world: WORLD }).warnings
      .filter((line) => /^r: (lets|compares)/.test(line));
    assertEquals(found.length, warnings.length, found.join("\n"));
    for (const [i, part] of warnings.entries()) assertStringIncludes(found[i] ?? "", part);
  });
}

/** `{ "0": … }` is about the first word, everything else about the whole list. */
function argsOf(args: unknown): object {
  const { "0": first, ...all } = args as Record<string, unknown>;
  return {
    ...first === undefined ? {} : { "args.0": first },
    ...Object.keys(all).length === 0 ? {} : { args: all },
  };
}

Deno.test("a deny rule, and a rule for another action, are not warned of", () => {
  const constraint = { args: { in: [["diff"]] } };
  const policy = load({
    capabilities: [
      { id: "all", action: "proc.exec", resource: "git" },
      { id: "own", action: "db.run", resource: "git", constraint },
    ],
    deny: [{ id: "no", action: "proc.exec", resource: "git", constraint }],
  }, { world: WORLD });
  assertEquals(policy.warnings.filter((line) => /lets|compares/.test(line)), []);
});
