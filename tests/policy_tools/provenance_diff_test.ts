/**
 * Tests of comparisons of policies that ask where values come from: what only a session knows is never taken for the
 * same, and never for tighter.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { comparePolicies, type PolicyComparison } from "../../src/policy_tools/comparison.ts";
import { AS_RECORDED } from "../../src/policy_tools/past_request.ts";
import { decisionOn } from "../../src/policy_tools/examples.ts";
import { type PolicyWithExamples, readPolicy } from "../../src/policy_tools/read.ts";
import { Replay } from "../../src/policy_tools/replay.ts";
import { Workspace } from "../workspace.ts";
import { pastLog, type PastRow } from "./past.ts";

const load = (document: object) =>
  readPolicy(document, { world: AS_RECORDED, actions: STANDARD_ACTIONS });

/** What is said of both ways: of what is newly allowed, and of what is newly denied. */
function told(from: object, to: object): readonly [allowed: string, denied: string] {
  const compared = comparePolicies(load(from), load(to), AS_RECORDED);
  return [sayings(compared, "allowed", "looser"), sayings(compared, "denied", "tighter")];
}

function sayings(
  compared: PolicyComparison,
  way: "allowed" | "denied",
  demand: "looser" | "tighter",
): string {
  const { demands, untold } = compared;
  const changes = demands.map(({ change }) => change);
  if (compared[way].length > 0 || changes.includes(demand)) return "shown";
  return untold[way].length > 0 || changes.includes("untold") ? "untold" : "none";
}

const SOURCES = [
  { id: "contacts", action: "contacts.search" },
  { id: "hr", action: "docs.read", resource: "hr/**" },
];
const LISTS = { team: { values: ["ann@x.example", "bob@x.example"] } };
const policy = (rule: object, document: object = {}) => ({
  lists: LISTS,
  sources: SOURCES,
  capabilities: [{ id: "send", action: "mail.send", resource: "**", ...rule }],
  ...document,
});
const to = (condition: unknown) => ({ constraint: { to: condition } });
const withSource = (more: object) => ({ sources: [{ ...SOURCES[0], ...more }, SOURCES[1]] });
const withTeam = (...values: unknown[]) => ({ lists: { team: { values } } });
const secret = (more: object = {}) => ({
  sources: [SOURCES[0], { ...SOURCES[1], secret: true, ...more }],
});
const PROMPT = to({ from: ["prompt"], as: "email" });
const FROM_CONTACTS = to({ from: ["contacts"] });
const IN_TEAM = to({ in: "list:team" });
const deny = (condition: unknown) => ({
  deny: [{ action: "mail.send", resource: "**", constraint: { to: condition } }],
});
const submits = (more: object) => ({ limits: [{ action: "*", ...more }] });

// deno-fmt-ignore -- a row is a line
const ROWS: readonly (readonly [cell: string, from: object, to: object, allowed: string, denied: string])[] = [
  ["a rule with from for one without", policy({}), policy(PROMPT), "none", "shown"],
  ["the same from", policy(PROMPT), policy(PROMPT), "none", "none"],
  ["the same from of another rule id", policy(PROMPT), policy({ ...PROMPT, id: "other" }), "none", "none"],
  ["from of another name for the same list", policy(to({ from: "team" })), { ...policy(to({ from: "crew" })), lists: { crew: LISTS.team } }, "none", "none"],
  ["a further source in from", policy(PROMPT), policy(to({ from: ["prompt", "contacts"], as: "email" })), "untold", "none"],
  ["another source in from", policy(to({ from: "hr" })), policy(FROM_CONTACTS), "untold", "untold"],
  ["from in another form", policy(PROMPT), policy(to({ from: ["prompt"] })), "untold", "untold"],
  ["from in each item for from of the value", policy(PROMPT), policy(to({ each: { from: ["prompt"], as: "email" } })), "shown", "untold"],
  ["a source with another action", policy(FROM_CONTACTS), policy(FROM_CONTACTS, withSource({ action: "web.search" })), "untold", "untold"],
  ["a source with other fields", policy(FROM_CONTACTS), policy(FROM_CONTACTS, withSource({ fields: "email" })), "untold", "untold"],
  ["a source with changed_by", policy(FROM_CONTACTS), policy(FROM_CONTACTS, withSource({ changed_by: "contacts.add" })), "untold", "untold"],
  ["a source with another variable", policy(FROM_CONTACTS, { ...withSource({ resource: "${WHO}/**" }), variables: { WHO: "a" } }), policy(FROM_CONTACTS, { ...withSource({ resource: "${WHO}/**" }), variables: { WHO: "b" } }), "untold", "untold"],
  ["a source that no rule names", policy(PROMPT), policy(PROMPT, withSource({ action: "web.search" })), "none", "none"],
  ["links for none", policy(to({ max_length: 9 })), policy(to({ max_length: 9, links: { from: ["prompt"] } })), "none", "untold"],
  ["no links for links of the prompt", policy(to({ links: { from: ["prompt"] } })), policy(to({ links: "none" })), "none", "untold"],
  ["other links", policy(to({ links: { from: ["prompt"] } })), policy(to({ links: { from: ["contacts"] } })), "untold", "untold"],
  ["a longer list", policy(IN_TEAM), policy(IN_TEAM, withTeam("ann@x.example", "bob@x.example", "eve@x.example")), "shown", "untold"],
  ["a list with other values", policy(IN_TEAM), policy(IN_TEAM, withTeam("eve@x.example")), "shown", "shown"],
  ["a long list that differs far behind", policy(IN_TEAM, withTeam(...Array.from({ length: 50 }, (_, i) => `a${i}`))), policy(IN_TEAM, withTeam(...Array.from({ length: 51 }, (_, i) => `a${i}`))), "untold", "untold"],
  ["a list in another order", policy(IN_TEAM), policy(IN_TEAM, withTeam("bob@x.example", "ann@x.example")), "none", "none"],
  ["a shorter list of a deny rule", policy({}, deny({ in: "list:team" })), policy({}, { ...deny({ in: "list:team" }), ...withTeam("ann@x.example") }), "shown", "untold"],
  ["the same list of a deny rule", policy({}, deny({ in: "list:team" })), policy({}, deny({ in: "list:team" })), "none", "none"],
  ["a target with from", policy({}), policy({ target: { from: ["prompt"] } }), "none", "shown"],
  ["a target from elsewhere", policy({ target: { from: ["prompt"] } }), policy({ target: { from: ["contacts"] } }), "untold", "untold"],
  ["params only", policy(PROMPT), policy({ ...PROMPT, params: "only" }), "none", "untold"],
  ["a further param with params only", policy({ params: "only", ...to("x") }), policy({ params: "only", ...to("x"), optional: { cc: "x" } }), "shown", "untold"],
  ["an optional condition for one that has to hold", policy(to({ max_length: 5 })), policy({ optional: { to: { max_length: 5 } } }), "shown", "untold"],
  ["together", policy({ constraint: { a: { from: "contacts" }, b: { from: "contacts" } } }), policy({ constraint: { a: { from: "contacts" }, b: { from: "contacts" } }, together: ["a", "b"] }), "none", "untold"],
  ["together with an entry less", policy({ constraint: { a: "x", b: "y" }, together: ["a", "b"] }, withTeam({ u: "x", e: "y" })), policy({ constraint: { a: "x", b: "y" }, together: ["a", "b"] }, withTeam("x", "y")), "untold", "shown"],
  ["otherwise ask", policy(PROMPT), policy({ ...PROMPT, otherwise: "ask" }), "shown", "none"],
  ["a yes that is remembered", policy({ ...PROMPT, otherwise: { ask: "required" } }), policy({ ...PROMPT, otherwise: { ask: "required", remember: "session" } }), "untold", "untold"],
  ["a least length", policy(to({ min_length: 2 })), policy(to({ min_length: 3 })), "none", "untold"],
  ["a source that is a secret", policy({}), policy({}, secret()), "none", "shown"],
  ["a source that is no secret any more", policy({}, secret()), policy({}), "shown", "none"],
  ["a secret of other results", policy({}, secret()), policy({}, secret({ resource: "hr/a/**" })), "untold", "untold"],
  ["a rule that lets a secret out", policy({}, secret()), policy({ to: "hr" }, secret()), "shown", "none"],
  ["another rule that lets a secret out", policy({}, secret()), policy({ ...PROMPT, to: "hr" }, secret()), "untold", "shown"],
  ["a rule that lets a secret out no more", policy({ to: "hr" }, secret()), policy({}, secret()), "none", "shown"],
  ["no limit on submits", policy({}, submits({ submits: "5/min" })), policy({}), "shown", "none"],
  ["more submits", policy({}, submits({ submits: "5/min" })), policy({}, submits({ submits: "9/min" })), "shown", "none"],
  ["refusals that are folded", policy({}, submits({ submits: "5/min" })), policy({}, submits({ submits: "5/min", fold: "1min" })), "shown", "none"],
];

for (const [cell, from, now, allowed, denied] of ROWS) {
  Deno.test(`comparePolicies() with ${cell}: more is ${allowed}, less is ${denied}`, () => {
    assertEquals(told(from, now), [allowed, denied]);
    // And the other way round.
    assertEquals(told(now, from), [denied, allowed]);
    const { onlyTighter } = comparePolicies(load(from), load(now), AS_RECORDED);
    assertEquals(onlyTighter, allowed === "none");
  });
}

Deno.test("comparePolicies() sees that the file of a list has changed", () => {
  using ws = new Workspace();
  const file = ws.file("team.txt", "ann@x.example\n");
  const document = policy(IN_TEAM, { lists: { team: { file } } });
  const before = load(document);
  assert(comparePolicies(before, load(document), AS_RECORDED).onlyTighter);
  Deno.writeTextFileSync(file, "ann@x.example\neve@x.example\n");
  const { allowed, onlyTighter } = comparePolicies(before, load(document), AS_RECORDED);
  assertEquals(allowed.map(({ example }) => example.params), [{ to: "eve@x.example" }]);
  assert(!onlyTighter);
});

const CONDITIONS = [
  ...[{ from: ["prompt"] }, { from: ["contacts"] }, { from: ["prompt", "contacts"], as: "email" }],
  ...[{ from: ["team"], as: "email" }, { in: "list:team" }, { in: "list:team", as: "email" }],
  ...[{ links: "none" }, { links: { from: ["prompt"] } }, { links: { from: ["contacts"] } }, {
    links: { from: ["prompt"] },
    max_length: 20,
  }],
  ...[{ max_length: 20 }, { min_length: 14 }, "ann@x.example", { each: { from: ["prompt"] } }],
  ...[{ any: ["x", { from: ["prompt"] }] }, { not: { in: "list:team" } }],
];
const RULES = [
  ...CONDITIONS.flatMap((
    one,
  ) => [to(one), { ...to(one), params: "only" }, { optional: { to: one } }]),
  ...CONDITIONS.slice(0, 8).flatMap((one) => [
    { ...to(one), otherwise: "ask" },
    { target: one },
    { constraint: { to: one, cc: { exists: true } }, together: ["to", "cc"] },
  ]),
  { ...to({ from: ["prompt"] }), to: "hr" },
  {},
];
const DOCUMENTS = [
  {},
  secret(),
  withTeam("eve@x.example", "ann@x.example"),
  withTeam({ user: "ann@x.example", cc: "bob@x.example" }),
  withSource({ action: "web.search" }),
  deny({ in: "list:team" }),
  deny({ in: "list:team", as: "email" }),
];
const WHO = ["ann@x.example", "Ann@x.example", "bob@x.example", "eve@x.example", "see x.example/a"];
const REQUESTS = WHO.flatMap((to) => [
  { target: to, params: { to } },
  { target: "out", params: { to, cc: "bob@x.example" } },
  { target: "out", params: { to: [to] } },
  { target: to, params: { cc: to } },
]);
const SESSIONS = [
  undefined,
  { prompt: "To ann@x.example and see x.example/a" },
  { results: [{ action: "contacts.search", target: "a", data: ["eve@x.example", "x.example/a"] }] },
  { results: [{ action: "web.search", target: "a", data: ["eve@x.example", "ann@x.example"] }] },
  { results: [{ action: "docs.read", target: "hr/a", data: "annxexample, see x.example/a" }] },
];

Deno.test("comparePolicies() says nothing of what sessions refute", () => {
  let differing = 0;
  const written = fc.record({
    rule: fc.constantFrom(...RULES),
    document: fc.constantFrom(...DOCUMENTS),
  }).filter(({ rule, document }) => !("to" in rule) || document === DOCUMENTS[1]);
  fc.assert(
    fc.property(written, written, (a, b) => {
      const [from, now] = [a, b].map(({ rule, document }) => policy(rule, document));
      const [old, next] = [load(from ?? {}), load(now ?? {})];
      const [more, less] = told(from ?? {}, now ?? {});
      for (const session of SESSIONS) {
        for (const request of REQUESTS) {
          const effectOf = (policy: PolicyWithExamples) =>
            decisionOn(
              { action: "mail.send", ...request, expect: "allow", ...session && { session } },
              { ...policy, policy, world: AS_RECORDED },
            )?.effect;
          const [was, is] = [effectOf(old), effectOf(next)];
          if (was === is) continue;
          differing++;
          assertNotEquals(is === "allow" ? more : less, "none", JSON.stringify([request, session]));
        }
      }
    }),
    { numRuns: 150 },
  );
  assert(differing > 500, `${differing} differing decisions`);
});

const SESSION = { stages: { provenance: { id: "s" } } };
const row = (params: object, more: object = {}): PastRow => ({
  ...{ action: "mail.send", target: "out", params: { ...params } },
  ...more,
});

// deno-fmt-ignore -- a row is a line
const REPLAYED: readonly (readonly [cell: string, rule: object, past: PastRow, now: string])[] = [
  ["from, in a session", PROMPT, row({ to: "a@x.example" }, SESSION), "unknown"],
  ["from, in none", PROMPT, row({ to: "a@x.example" }), "deny"],
  ["from and what is wrong beside it", { constraint: { ...PROMPT.constraint, n: 1 } }, row({ to: "a@x.example", n: 2 }, SESSION), "deny"],
  ["a value in a list", to({ from: ["team", "prompt"], as: "email" }), row({ to: "Ann@x.example" }, SESSION), "allow"],
  ["a value in no list", IN_TEAM, row({ to: "eve@x.example" }, SESSION), "deny"],
  ["links, in a session", to({ links: { from: ["prompt"] } }), row({ to: "see https://a.example/b" }, SESSION), "unknown"],
  ["a text without links", to({ links: { from: ["prompt"] } }), row({ to: "see there" }, SESSION), "allow"],
  ["no links", to({ links: "none" }), row({ to: "see https://a.example/b" }, SESSION), "deny"],
  ["otherwise ask, in a session", { ...PROMPT, otherwise: "ask" }, row({ to: "a@x.example" }, SESSION), "unknown"],
  ["a yes that may have been remembered", { ...IN_TEAM, otherwise: { ask: "required", remember: "session" } }, row({ to: "eve@x.example" }, SESSION), "unknown"],
  ["together", { constraint: { a: "x", b: "y" }, together: ["a", "b"] }, row({ a: "x", b: "y" }, SESSION), "unknown"],
  ["params that are not in the log", PROMPT, row({ to: "a@x.example" }, { ...SESSION, logged: false }), "unknown"],
];

for (const [cell, rule, past, now] of REPLAYED) {
  Deno.test(`Replay of ${cell}: ${now}`, () => {
    const { approvals, provenance, ...read } = load(policy(rule));
    const replay = new Replay({ policy: read, approvals, provenance });
    for (const record of pastLog([past]).records) replay.observe(record);
    const { changed, unknown, groups } = replay.summary();
    assertEquals(
      [changed, unknown],
      {
        unknown: [0, 1],
        deny: [1, 0],
        allow: [0, 0],
      }[now],
    );
    assertEquals(groups.map(({ to }) => to), now === "allow" ? [] : [now]);
  });
}
