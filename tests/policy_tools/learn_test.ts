/**
 * Tests of policies that are learnt from logs.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { Learner } from "../../src/policy_tools/learn.ts";
import type { Generalisation } from "../../src/policy_tools/seen.ts";
import { AS_RECORDED, pastOf, verdictOnPast } from "../../src/policy_tools/past_request.ts";
import { checkProposal, proposalText } from "../../src/policy_tools/proposal_text.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import { Replay } from "../../src/policy_tools/replay.ts";
import { pastLog, type PastRow } from "./past.ts";

const ACTIONS = STANDARD_ACTIONS;

function learn(
  rows: readonly PastRow[],
  options: { generalise?: Generalisation; shadow?: boolean } = {},
) {
  const learner = new Learner({ actions: ACTIONS, ...options });
  const { records } = pastLog(rows);
  for (const record of records) learner.observe(record);
  const proposal = learner.propose();
  const done = Array.from(proposal.done);
  const text = proposalText({ ...proposal, done }, { logs: ["kernel.log"] });
  const check = checkProposal(text, { done, denied: proposal.denied }, ACTIONS);
  return { text, proposal, check, records };
}

function policyOf(text: string) {
  const policy = readPolicy({ text }, {
    world: AS_RECORDED,
    actions: ACTIONS,
    enforceExamples: false,
  });
  return { policy, approvals: policy.approvals, world: AS_RECORDED };
}

/** What a learnt policy says of a request. */
function verdict(text: string, row: PastRow) {
  const [record] = pastLog([row]).records;
  const past = record && pastOf(record);
  assert(typeof past === "object");
  return verdictOnPast(past, policyOf(text)).effect;
}

const NAMES = fc.constantFrom(
  ...[
    "a",
    "b",
    "src",
    "x.ts",
    ".env",
    "[x]",
    "*",
    "{a,b}",
    "a b",
    "é",
    "${HOME}",
    "~",
    "#",
    ": -",
    "\u202e",
  ],
  ...["\n- id: evil", "'\"", ".git", "id_rsa", "\\", "?", "!", "null", "..x"],
);
const PATHS = fc.array(NAMES, { minLength: 1, maxLength: 4 }).map((names) =>
  `/srv/app/${names.join("/")}`
);
const TOOLS = fc.constantFrom("github/search", "github/issues/list", "db/[x]", "a", "s/${X}");
const URLS = fc.constantFrom(
  ...["https://api.example.com/", "https://api.example.com/a/b", "https://api.example.com/a?x=1"],
  ...["https://api.example.com/*", "http://[::1]:8080/x", "https://h.test/a,b/(c)?q=%20?&y"],
);
const AGENTS = fc.constantFrom("alice", "team/ci-*", "[x]");
const DENIALS = fc.constantFrom(undefined, undefined, "NO_RULE", "DENY_RULE", "CONSTRAINT_UNMET");

const ROW: fc.Arbitrary<PastRow> = fc.oneof(
  fc.record({
    action: fc.constantFrom("fs.read", "fs.list", "fs.write", "fs.delete"),
    target: PATHS,
  }),
  fc.record({
    action: fc.constant("fs.write"),
    target: PATHS,
    params: fc.constantFrom({ content: "x" }, { content: "y" }, { encoding: "utf-8" }),
  }),
  fc.record({ action: fc.constant("fs.move"), target: PATHS, params: fc.record({ to: PATHS }) }),
  fc.record({
    action: fc.constant("net.http"),
    target: URLS,
    params: fc.constantFrom({ method: "GET" }, { method: "POST" }, { method: "PUT", body: "x" }),
  }),
  fc.record({
    action: fc.constant("proc.exec"),
    target: fc.constantFrom("/usr/bin/git", "/usr/bin/ls", "/opt/a b/[x]"),
    params: fc.record({
      args: fc.array(fc.constantFrom("status", "-s", "--", "log", "a\n", "${X}"), { maxLength: 3 }),
      cwd: fc.constantFrom("/srv/app", "/srv/app/src"),
    }),
  }),
  fc.record({
    action: fc.constant("mcp.call"),
    target: TOOLS,
    params: fc.constantFrom({ arguments: {} }, { arguments: { q: 1 } }, {
      arguments: { q: ["x"] },
    }),
  }),
).chain((row) =>
  fc.record({ agent: AGENTS, code: DENIALS }).map(({ agent, code }) =>
    code === undefined ? { ...row, agent } : { ...row, agent, code }
  )
);

const GENERALISE: readonly Generalisation[] = [
  { by: "literal" },
  { by: "folder" },
  { by: "prefix" },
  { by: "prefix", examples: 3 },
];

for (const generalise of GENERALISE) {
  const how = `${generalise.by}${generalise.examples ?? ""}`;

  Deno.test(`a learnt policy allows all that was done and nothing that was denied (${how})`, () => {
    fc.assert(
      fc.property(fc.array(ROW, { maxLength: 25 }), (rows) => {
        const { text, check, proposal, records } = learn(rows, { generalise });
        assertEquals(check, { missed: [], excess: [] }, text);
        // All but what is said to be left out.
        const replay = new Replay(policyOf(text));
        for (const record of records) replay.observe(record);
        const { groups } = replay.summary();
        const now = (to: string) =>
          groups.filter((one) => one.to === to).reduce((sum, { count }) => sum + count, 0);
        assertEquals(now("allow"), 0, text);
        assert(now("deny") === 0 || proposal.notes.length > 0, text);
      }),
      { numRuns: 60 },
    );
  });

  Deno.test(`a learnt policy allows nothing that another agent was denied (${how})`, () => {
    fc.assert(
      fc.property(
        fc.array(ROW, { maxLength: 20 }),
        fc.array(ROW, { maxLength: 20 }),
        (own, others) => {
          const { text } = learn(own, { generalise });
          const heldOut = others.filter(({ code }) => code !== undefined)
            .map((row) => ({ ...row, agent: "mallory" }));
          const replay = new Replay(policyOf(text));
          for (const record of pastLog(heldOut).records) replay.observe(record);
          assertEquals(replay.summary().changed, 0, text);
        },
      ),
      { numRuns: 60 },
    );
  });

  Deno.test(`secrets and settings are not generalised over (${how})`, () => {
    const rows = ["a.ts", "b.ts", "lib/c.ts", "lib/d.ts", "lib/e.ts"].map((name) => ({
      action: "fs.write",
      target: `/srv/app/src/${name}`,
    }));
    const { text } = learn(rows, { generalise });
    const names = [
      ".env",
      "lib/.env.local",
      "x.pem",
      ".git/config",
      ".ssh",
      ".claude/settings.json",
    ];
    for (
      const name of [
        ...names,
        "lib/id_rsa",
        "CLAUDE.md",
        "lib/.vscode/tasks.json",
        "my_credentials",
      ]
    ) {
      assertEquals(
        verdict(text, { action: "fs.write", target: `/srv/app/src/${name}` }),
        "deny",
        name,
      );
    }
    const isWide = generalise.by !== "literal";
    const other = { action: "fs.write", target: "/srv/app/src/lib/other.ts" };
    assertEquals(verdict(text, other), isWide ? "allow" : "deny");
    const outside = { action: "fs.write", target: "/srv/app/package.json" };
    assertEquals(verdict(text, outside), "deny");
  });
}

Deno.test("a folder is not generalised over what was denied or used as a secret in it", () => {
  const rows: PastRow[] = [
    ...[
      "/srv/app/a/1",
      "/srv/app/a/2",
      "/srv/app/b/1",
      "/srv/app/b/2",
      "/srv/app/c/1",
      "/srv/app/c/2",
    ]
      .map((target) => ({ action: "fs.read", target })),
    { action: "fs.read", target: "/srv/app/a/3", code: "DENY_RULE" },
    { action: "fs.read", target: "/srv/app/b/.env" },
  ];
  const { text } = learn(rows, { generalise: { by: "prefix" } });
  const effect = (target: string) => verdict(text, { action: "fs.read", target });
  assertEquals(["a/9", "b/9", "c/9", "b/.env"].map((name) => effect(`/srv/app/${name}`)), [
    ...["deny", "deny", "allow", "allow"],
  ]);
});

Deno.test("no home or system folder is taken as a whole", () => {
  const targets = [
    "/home/me/a",
    "/home/me/b",
    "/etc/a/b",
    "/etc/a/c",
    "/tmp/x",
    "/tmp/y",
    "/usr/lib/a",
    "/usr/lib/b",
  ];
  const { text } = learn(targets.map((target) => ({ action: "fs.read", target })), {
    generalise: { by: "prefix" },
  });
  for (const target of ["/home/me/z", "/etc/a/z", "/tmp/z", "/usr/lib/z"]) {
    assertEquals(verdict(text, { action: "fs.read", target }), "deny", target);
  }
});

Deno.test("what shadow mode let through is learnt of only if it is asked for", () => {
  const row = {
    action: "fs.read",
    target: "/srv/app/a",
    stages: { shadow: { would: "deny", code: "NO_RULE", error: "x" } },
  };
  assertEquals(verdict(learn([row]).text, row), "deny");
  assertEquals(learn([row]).proposal.notes, [
    "1 left out: shadow mode let it through (see --from shadow)",
  ]);
  assertEquals(verdict(learn([row], { shadow: true }).text, row), "allow");
});

Deno.test("what needs params that are not in the log is left out, with how to log them", () => {
  const { proposal, text } = learn([
    { action: "proc.exec", target: "/bin/ls", params: { args: ["-l"] }, logged: false },
    { action: "net.http", target: "https://a.test/", params: { method: "GET" }, logged: false },
    { action: "fs.write", target: "/srv/app/a", params: { content: "x" }, logged: false },
  ]);
  assertEquals(proposal.notes, [
    "1 left out: proc.exec without params in the log (see --log-params)",
    "1 left out: net.http without params in the log (see --log-params)",
  ]);
  assertEquals(verdict(text, { action: "fs.write", target: "/srv/app/a" }), "allow");
});

Deno.test("no text of a record gets out of its comment or its string", () => {
  const evil = "/srv/app/x\n  - { action: fs.*, resource: /** }\r\u2028\u0085# \" ' \u202e";
  const { text } = learn([
    { action: "fs.read", target: evil, agent: "a\nb" },
    { action: "mcp.call", target: "s/*", params: { arguments: { q: "\u0000\n" } } },
    { action: "mcp.call", target: "s/*", params: { arguments: { q: "\u0085" } }, code: "NO_RULE" },
  ]);
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  assert(!/[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]/.test(text), text);
  assertEquals(policyOf(text).policy.rules.flatMap(({ resources }) => resources).length, 2);
  assertEquals(verdict(text, { action: "fs.read", target: "/etc/passwd", agent: "a\nb" }), "deny");
});

Deno.test("forged records give no pattern of actions, and no pattern of targets", () => {
  const { text, proposal, check } = learn([
    { action: "fs.*", target: "/srv/app/a" },
    { action: "*.*", target: "/srv/app/a" },
    { action: "fs.raed", target: "/srv/app/a" },
    { action: "fs.read", target: "/srv/../etc/passwd" },
    { action: "fs.read", target: "relative" },
    { action: "fs.read", target: "/srv/**" },
    { action: "net.http", target: "https://**/**", params: { method: "GET" } },
    { action: "mcp.call", target: "**" },
    { action: "proc.exec", target: "/usr/bin/ls", params: { args: [], cwd: "/srv/.." } },
  ]);
  assertEquals(check.excess, []);
  assertEquals(proposal.notes.toSorted(), [
    "1 left out: fs.raed, which is no action",
    "1 left out: net.http on a target that is not in canonical form",
    "2 left out: fs.read on a target that is not in canonical form",
  ]);
  for (
    const [action, target] of [
      ["fs.write", "/srv/app/a"],
      ["fs.read", "/srv/x"],
      ["fs.read", "/etc/passwd"],
      ["mcp.call", "x"],
    ] as const
  ) {
    assertEquals(verdict(text, { action, target }), "deny", target);
  }
  assertEquals(verdict(text, { action: "fs.read", target: "/srv/**" }), "allow");
});

Deno.test("each rule says how often, when, and of what", () => {
  const { text } = learn([
    { action: "fs.read", target: "/srv/app/a" },
    { action: "fs.read", target: "/srv/app/a" },
    { action: "fs.list", target: "/srv/app" },
  ]);
  assertStringIncludes(
    text,
    "# 2 times, 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:21.000Z, for example /srv/app/a",
  );
  assertStringIncludes(text, "# Once, 2023-11-14T22:13:22.000Z, for example /srv/app");
});

Deno.test("a log with too many different requests is refused", () => {
  const learner = new Learner({ actions: ACTIONS });
  const [first] = pastLog([{ action: "fs.read", target: "/a" }]).records;
  assertThrows(
    () => {
      for (let i = 0; i <= 200_000; i++) {
        if (first !== undefined) learner.observe({ ...first, target: `/${i}` });
      }
    },
    RangeError,
    "more than 200000 different requests",
  );
});
