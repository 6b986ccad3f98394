import { assertEquals, assertStringIncludes } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { Provider } from "@agent-kernel/kernel/provider";
import { authorize, decideQuestion } from "../../../src/core/policy/authorize.ts";
import { fileView } from "../../../src/launch/file_view.ts";
import { explain } from "../../../src/policy_tools/explain.ts";
import { FLAT, load, problemsOf } from "./deciding.ts";
import { Workspace } from "../../workspace.ts";

const ALL = { action: "fs.read", resource: "/w/**" };

/** Decides `fs.read` of a file for an agent; `undefined` for a request that names none. */
function codeFor(policy: object, agent: string | undefined): string {
  const request = { action: "fs.read", target: "/w/a", ...(agent === undefined ? {} : { agent }) };
  return authorize(request, { policy: load(policy), world: FLAT }).decision.code;
}

// deno-fmt-ignore -- a row is a line
const ALLOWS: readonly { rule: unknown; agent: string | undefined; expected: string }[] = [
  { rule: "alice", agent: "alice", expected: "ALLOWED" },
  { rule: "alice", agent: "bob", expected: "CONSTRAINT_UNMET" },
  { rule: "alice", agent: undefined, expected: "CONSTRAINT_UNMET" },
  { rule: "alice", agent: "Alice", expected: "CONSTRAINT_UNMET" },
  { rule: "alice", agent: "alice ", expected: "CONSTRAINT_UNMET" },
  { rule: ["alice", "bob"], agent: "bob", expected: "ALLOWED" },
  { rule: ["alice", "bob"], agent: "carol", expected: "CONSTRAINT_UNMET" },
  { rule: "ci-*", agent: "ci-7", expected: "ALLOWED" },
  { rule: "ci-*", agent: "ci", expected: "CONSTRAINT_UNMET" },
  { rule: "ci-*", agent: "ci-7/root", expected: "CONSTRAINT_UNMET" },
  { rule: "team/*", agent: "team/alice", expected: "ALLOWED" },
  { rule: "team/**", agent: "team/a/b", expected: "ALLOWED" },
  { rule: "team/**", agent: "team", expected: "CONSTRAINT_UNMET" },
  { rule: "team/**", agent: "team/../root", expected: "CONSTRAINT_UNMET" },
  { rule: "{alice,bob}", agent: "bob", expected: "ALLOWED" },
  { rule: "*", agent: "anybody", expected: "ALLOWED" },
  { rule: "*", agent: undefined, expected: "CONSTRAINT_UNMET" },
  { rule: "ci-\\*", agent: "ci-*", expected: "ALLOWED" },
  { rule: "ci-\\*", agent: "ci-7", expected: "CONSTRAINT_UNMET" },
];

for (const { rule, agent, expected } of ALLOWS) {
  Deno.test(`an allow rule for ${JSON.stringify(rule)} gives ${agent ?? "no agent"} ${expected}`, () => {
    assertEquals(codeFor({ capabilities: [{ ...ALL, agent: rule }] }, agent), expected);
  });
}

// deno-fmt-ignore -- a row is a line
const DENIES: readonly { rule: unknown; agent: string | undefined; expected: string }[] = [
  { rule: "mallory", agent: "mallory", expected: "DENY_RULE" },
  { rule: "mallory", agent: "alice", expected: "ALLOWED" },
  { rule: "mallory", agent: undefined, expected: "DENY_RULE" },
  { rule: ["mallory", "ci-*"], agent: "ci-1", expected: "DENY_RULE" },
  { rule: ["mallory", "ci-*"], agent: "alice", expected: "ALLOWED" },
  { rule: "team/**", agent: "team", expected: "DENY_RULE" },
  { rule: "team/**", agent: "team/../alice", expected: "DENY_RULE" },
  { rule: "team/**", agent: "teams", expected: "ALLOWED" },
];

for (const { rule, agent, expected } of DENIES) {
  Deno.test(`a deny rule for ${JSON.stringify(rule)} gives ${agent ?? "no agent"} ${expected}`, () => {
    assertEquals(
      codeFor({ capabilities: [ALL], deny: [{ ...ALL, agent: rule }] }, agent),
      expected,
    );
  });
}

Deno.test("a rule with agent and constraint holds only if both do", () => {
  const rule = {
    action: "fs.write",
    resource: "/w/**",
    agent: "alice",
    constraint: { agent: "a" },
  };
  const policy = load({ capabilities: [rule] });
  const codeOf = (agent: string, param: string) =>
    authorize({ action: "fs.write", target: "/w/a", params: { agent: param }, agent }, {
      policy,
      world: FLAT,
    }).decision.code;
  assertEquals(codeOf("alice", "a"), "ALLOWED");
  assertEquals(codeOf("alice", "b"), "CONSTRAINT_UNMET");
  // A param of that name is not the agent.
  assertEquals(codeOf("a", "alice"), "CONSTRAINT_UNMET");
});

Deno.test("what is no name of an agent is refused at load", () => {
  for (const agent of ["", [], 7, null, { not: "alice" }, ["a", 7], "a[", "{a"]) {
    const problems = problemsOf({ capabilities: [{ ...ALL, agent }] });
    assertEquals(problems.map(({ place }) => place), ["capabilities[0].agent"]);
  }
});

Deno.test("secondary resources and implied actions are decided for the same agent", () => {
  const policy = load({
    capabilities: [
      { action: "proc.exec", resource: "/bin/x" },
      { ...ALL, agent: "alice" },
      { action: ["fs.move", "fs.delete", "fs.write"], resource: "/w/**" },
      { action: "fs.read", resource: "/w/a" },
    ],
    deny: [{ action: "fs.delete", resource: "/w/**", agent: "bob" }],
  });
  const codeOf = (agent: string, action: string, target: string, params: object) =>
    authorize({ action, target, params: { ...params }, agent }, { policy, world: FLAT }).decision
      .code;
  const cwd = { cwd: "/w/c" };
  assertEquals(codeOf("alice", "proc.exec", "/bin/x", cwd), "ALLOWED");
  assertEquals(codeOf("bob", "proc.exec", "/bin/x", cwd), "CONSTRAINT_UNMET");
  assertEquals(codeOf("alice", "fs.move", "/w/a", { to: "/w/b" }), "ALLOWED");
  assertEquals(codeOf("bob", "fs.move", "/w/a", { to: "/w/b" }), "DENY_RULE");
});

Deno.test("the real path behind a link is decided for the same agent", () => {
  const world = { ...FLAT, realPath: (path: string) => path.replace("/w/link", "/real") };
  const policy = load({
    capabilities: [ALL, { action: "fs.read", resource: "/real/**", agent: "alice" }],
  });
  const codeOf = (agent: string) =>
    authorize({ action: "fs.read", target: "/w/link/a", agent }, { policy, world }).decision.code;
  assertEquals([codeOf("alice"), codeOf("bob")], ["ALLOWED", "CONSTRAINT_UNMET"]);
});

Deno.test("a question of a provider is decided for the agent of its request, whomever it names", () => {
  const policy = load({ capabilities: [{ ...ALL, agent: "alice" }] });
  const allowed = (agent: string) =>
    decideQuestion({ target: "/w/a", agent: "alice" }, { action: "fs.read", target: "/", agent }, {
      policy,
      world: FLAT,
    }).allowed;
  assertEquals([allowed("alice"), allowed("bob")], [true, false]);
});

Deno.test("a kernel gives the agent of a request to the decisions on its provider's questions", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "kv.get", resource: "*" },
        { action: "kv.peek", resource: "*", agent: "alice" },
      ],
    },
    providers: [
      new Provider({
        name: "kv",
        isolation: "none",
        actions: { "kv.get": { kind: "name" }, "kv.peek": { kind: "name" } },
        execute: async ({ target }, { decide }) =>
          (await decide({ action: "kv.peek", target })).allowed,
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const ask = async (agent: string) =>
    (await kernel.submit({ action: "kv.get", target: "a", agent })).data;
  assertEquals([await ask("alice"), await ask("bob")], [true, false]);
});

Deno.test("explain() says for which agent a rule is", () => {
  const policy = load({ capabilities: [{ ...ALL, agent: ["alice", "ci-*"] }] });
  const lacksFor = (agent?: string) => {
    const request = { action: "fs.read", target: "/w/a", ...(agent ? { agent } : {}) };
    return explain(request, { policy, world: FLAT }).nearMisses[0]?.lacks;
  };
  assertEquals(lacksFor("bob"), ['it is for the agent ["alice","ci-*"], and "bob" asks']);
  assertEquals(lacksFor(), ['it is for the agent ["alice","ci-*"], and the request names none']);
});

Deno.test("examples of a policy carry an agent", () => {
  const policy = (expect: string) => ({
    capabilities: [{ ...ALL, agent: "alice" }],
    examples: [
      { action: "fs.read", target: "/w/a", agent: "alice", expect: "allow" },
      { action: "fs.read", target: "/w/a", agent: "bob", expect },
    ],
  });
  assertEquals(problemsOf(policy("deny")), []);
  assertStringIncludes(problemsOf(policy("allow"))[0]?.message ?? "", "Expects allow");
});

Deno.test("a sandbox shows no file that only some agents may read, and none that some may not", () => {
  const own = { action: ["fs.read", "fs.write"], resource: "/w/**" };
  const other = { action: "fs.read", resource: "/x/**" };
  const policy = load({
    capabilities: [{ ...own, agent: "alice" }, other],
    deny: [{ action: "fs.read", resource: "/x/y/**", agent: "bob" }],
  });
  const { readable, writable, denied } = fileView(policy);
  assertEquals([readable.map(({ path }) => path), writable], [["/x"], []]);
  assertEquals(denied.map(({ path, form }) => [path, form]), [["/x/y", "folder"]]);
});

// deno-fmt-ignore -- a row is a line
const BLAMED: readonly { cell: string; rules: readonly object[]; agent?: string; said: string }[] = [
  { cell: "the agent alone", rules: [{ agent: "alice" }], agent: "bob", said: "for this agent" },
  { cell: "a request that names none", rules: [{ agent: "alice" }], said: "for this agent" },
  { cell: "a param alone", rules: [{ constraint: { max_bytes: { max: 1 } } }], agent: "bob", said: "with these params" },
  { cell: "the agent, whatever the params are", rules: [{ agent: "alice", constraint: { max_bytes: { max: 1 } } }], agent: "bob", said: "for this agent" },
  { cell: "a param of the agent's own rule", rules: [{ agent: "alice" }, { agent: "bob", constraint: { max_bytes: { max: 1 } } }], agent: "bob", said: "with these params" },
];

for (const { cell, rules, agent, said } of BLAMED) {
  Deno.test(`a denial blames what keeps the rules from holding: ${cell}`, () => {
    const policy = load({
      capabilities: rules.map((rule, i) => ({ id: `${i}`, ...ALL, ...rule })),
    });
    const who = agent === undefined ? {} : { agent };
    const request = { action: "fs.read", target: "/w/a", params: { max_bytes: 2 }, ...who };
    const { code, reason } = authorize(request, { policy, world: FLAT }).decision;
    const expected = `not permitted: no rule allows fs.read on "/w/a" ${said}`;
    assertEquals([code, reason], ["CONSTRAINT_UNMET", expected]);
  });
}
