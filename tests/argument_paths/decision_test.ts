import { assertEquals, assertStringIncludes } from "@std/assert";
import { authorizeWithPaths } from "../../src/argument_paths/decision.ts";
import { explain } from "../../src/policy_tools/explain.ts";
import { FLAT, load, problemsOf } from "../core/policy/deciding.ts";

const COPY = {
  capabilities: [
    { id: "read", action: ["fs.read", "fs.list"], resource: ["/w", "/w/**"] },
    { id: "write", action: ["fs.write", "fs.delete"], resource: ["/w/out", "/w/out/**"] },
    {
      id: "cp",
      action: "proc.exec",
      resource: "cp",
      paths: { operands: "fs.read", last: "fs.write" },
      constraint: { args: { options: ["-r", "-v"] } },
    },
    {
      id: "mv",
      action: "proc.exec",
      resource: "mv",
      paths: { operands: ["fs.read", "fs.delete"], last: "fs.write" },
      constraint: { args: { options: "-v" } },
    },
    {
      id: "sort",
      action: "proc.exec",
      resource: "sort",
      paths: {
        operands: "fs.read",
        after: { "-o": "fs.write", "--output=*": "fs.write" },
        values: ["-k"],
      },
      constraint: { args: { options: ["-o", "-k", "-n", "--output=*", "--output=*/**"] } },
    },
    {
      id: "head",
      action: "proc.exec",
      resource: ["head", "tail", "cat", "wc"],
      paths: { operands: "fs.read", values: ["-n", "-c"] },
      constraint: { args: { options: ["-n", "-c", "-[0-9]", "-l"] } },
    },
  ],
  deny: [{ id: "secret", action: "fs.*", resource: "/w/secret/**" }],
};

const LINES: readonly [line: string, code: string][] = [
  ["cp -r src out/src", "OK"],
  ["cp ./a ./b ./out/", "OK"],
  ["cp a b", "PATH_DENIED"],
  ["cp out/a b", "PATH_DENIED"],
  ["cp /etc/passwd out/p", "PATH_DENIED"],
  ["cp ../etc/passwd out/p", "PATH_DENIED"],
  ["cp secret/key out/key", "PATH_DENIED"],
  ["cp ./secret out/key", "PATH_DENIED"],
  ["cp -t out a", "CONSTRAINT_UNMET"],
  ["mv out/a out/b", "OK"],
  ["mv a out/b", "PATH_DENIED"],
  ["sort -n -k 2 a -o out/a", "OK"],
  ["sort a --output=out/a", "OK"],
  ["sort a -o a", "PATH_DENIED"],
  ["sort a --output=./a", "PATH_DENIED"],
  ["sort a --output=/w/b", "PATH_DENIED"],
  ["sort -o -- a", "ARGUMENT_DENIED"],
  ["head -n 5 ./a", "OK"],
  ["tail -n -5 a b", "OK"],
  ["wc -l /w/a", "OK"],
  ["cat secret/key", "PATH_DENIED"],
  ["cat -- /etc/passwd", "PATH_DENIED"],
  ["cat a/../secret/key", "ARGUMENT_DENIED"],
];

for (const [line, code] of LINES) {
  Deno.test(`"${line}" in /w is decided as ${code}`, () => {
    const [target = "", ...args] = line.split(" ");
    const request = { action: "proc.exec", target, params: { args, cwd: "/w" } };
    const { decision } = authorizeWithPaths(request, { policy: load(COPY), world: FLAT });
    assertEquals(decision.effect === "allow" ? "OK" : decision.code, code);
  });
}

Deno.test("a rule with paths needs cwd and a list of words", () => {
  const policy = load({
    capabilities: [
      { action: "fs.read", resource: "/w/**" },
      { action: "proc.exec", resource: "cat", paths: { operands: "fs.read" } },
    ],
  });
  const codeOf = (params: Record<string, unknown>) =>
    authorizeWithPaths({ action: "proc.exec", target: "cat", params }, { policy, world: FLAT })
      .decision.code;
  assertEquals(codeOf({ args: ["a"] }), "ARGUMENT_DENIED");
  assertEquals(codeOf({ args: "a", cwd: "/w/x" }), "ARGUMENT_DENIED");
  assertEquals(codeOf({ args: [1], cwd: "/w/x" }), "ARGUMENT_DENIED");
  assertEquals(codeOf({ args: ["\0"], cwd: "/w/x" }), "PATH_DENIED");
  assertEquals(codeOf({ args: ["\ud800"], cwd: "/w/x" }), "PATH_DENIED");
  assertEquals(
    authorizeWithPaths(
      { action: "proc.exec", target: "cat", params: { cwd: "/w/x" } },
      { policy, world: FLAT },
    ).decision.effect,
    "allow",
  );
});

Deno.test("explain and examples decide paths as the kernel does", () => {
  const policy = load(COPY);
  const params = { args: ["secret/key", "out/key"], cwd: "/w" };
  const request = { action: "proc.exec", target: "cp", params };
  const { authorized, rule } = explain(request, { policy, world: FLAT });
  assertEquals(rule?.id, "cp");
  assertEquals(authorized?.decision, {
    effect: "deny",
    ruleId: "cp",
    code: "PATH_DENIED",
    reason: 'not permitted: "secret/key" is /w/secret/key, which fs.read does not allow: ' +
      String(
        explain({ action: "fs.read", target: "/w/secret/key" }, { policy, world: FLAT })
          .authorized?.decision.reason,
      ),
  });
  const example = (expect: string) => ({ ...COPY, examples: [{ ...request, expect }] });
  assertEquals(problemsOf(example("deny")), []);
  assertStringIncludes(problemsOf(example("allow"))[0]?.message ?? "", '"secret/key" is /w/secret');
});

Deno.test("paths are decided for the agent that asks", () => {
  const policy = load({
    capabilities: [
      { action: "fs.read", resource: "/w" },
      { action: "fs.read", resource: "/w/**", agent: "alice" },
      { action: "proc.exec", resource: "cat", paths: { operands: "fs.read" } },
    ],
    deny: [{ action: "fs.read", resource: "/w/secret", agent: "eve" }],
  });
  const effectFor = (agent: string | undefined, word = "a") => {
    const params = { args: [word], cwd: "/w" };
    const request = { action: "proc.exec", target: "cat", params };
    return authorizeWithPaths(agent === undefined ? request : { ...request, agent }, {
      policy,
      world: FLAT,
    }).decision.effect;
  };
  assertEquals(effectFor("alice"), "allow");
  assertEquals(effectFor("alice", "secret"), "allow");
  assertEquals(effectFor("eve"), "deny");
  assertEquals(effectFor("bob"), "deny");
  assertEquals(effectFor(undefined), "deny");
});
