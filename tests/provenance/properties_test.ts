/**
 * What holds for all sessions, tried with many that are made at random.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { rehearse, type WrittenSession } from "../../src/provenance/rehearsal.ts";
import { authorizeWithPaths } from "../../src/argument_paths/decision.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import type { ActionRequest } from "../../mod.ts";

const world = denoWorld({ base: "/" });
const ACTIONS = {
  "mail.read": { kind: "name", effect: "none" },
  "contacts.search": { kind: "name", effect: "none" },
  "mail.send": { kind: "name" },
  "bank.pay": { kind: "name" },
} as const;
const VALUES = [
  "ann@x.org",
  "bob@x.org",
  "eve@evil.org",
  "DE89370400440532013000",
  "https://a.org/x",
  "hello there",
  "4711",
];

function policyOf(sources: readonly string[], { from = sources, constrained = true } = {}) {
  const known = ["prompt", "team", ...from];
  return readPolicy({
    lists: { team: { values: ["ann@x.org"] } },
    sources: sources.map((id) => ({ id, action: "contacts.search", resource: `${id}/**` })),
    capabilities: [
      { id: "read", action: ["mail.read", "contacts.search"], resource: "**" },
      {
        id: "send",
        action: "mail.send",
        resource: "**",
        constraint: constrained
          ? { to: { from: known }, body: { links: { from: known } } }
          : { to: { exists: true }, body: { exists: true } },
      },
      {
        id: "pay",
        action: "bank.pay",
        resource: "giro",
        constraint: { to: constrained ? { from: known, as: "iban" } : { exists: true } },
      },
    ],
    deny: [{ action: "mail.send", resource: "secret/**" }],
  }, { world, actions: ACTIONS });
}

const ALL_SOURCES = ["a", "b", "c"];
const POLICY = policyOf(ALL_SOURCES);
const OPEN = policyOf(ALL_SOURCES, { constrained: false });

const text = fc.array(fc.constantFrom(...VALUES, "write to", "pay", "."), { maxLength: 4 }).map((
  words,
) => words.join(" "));
const result = fc.record({
  action: fc.constantFrom("mail.read", "contacts.search"),
  target: fc.constantFrom("a/1", "b/1", "c/1", "x"),
  data: fc.oneof(
    text,
    fc.record({
      items: fc.array(fc.record({ email: fc.constantFrom(...VALUES) }), { maxLength: 3 }),
    }),
  ),
});
const written: fc.Arbitrary<WrittenSession> = fc.record({
  prompt: text,
  results: fc.array(result, { maxLength: 5 }),
});
const request: fc.Arbitrary<ActionRequest> = fc.record({
  action: fc.constantFrom("mail.read", "mail.send", "bank.pay"),
  target: fc.constantFrom("out", "giro", "secret/x"),
  params: fc.record({ to: fc.constantFrom(...VALUES), body: text }),
});
const entry = fc.constantFrom(
  "mail.read",
  "mail.send",
  "bank.pay",
  "mail.*",
  "*",
  "contacts.search",
);
const scope = fc.array(entry, { maxLength: 3 });

function isAllowed(
  policy: typeof POLICY,
  session: WrittenSession | undefined,
  asked: ActionRequest,
): boolean {
  const { provenance, actions } = policy;
  const rehearsal = rehearse(session, { provenance, actions, world });
  const { request, decision } = authorizeWithPaths(asked, {
    policy,
    world,
    session: rehearsal.session,
  });
  return decision.effect === "allow" &&
    rehearsal.refusal(request, { rule: decision.ruleId ?? "", parts: [] }) === undefined;
}

Deno.test("narrowing a scope never allows more", () => {
  let allowed = 0;
  fc.assert(
    fc.property(written, request, scope, scope, (session, asked, wide, more) => {
      const narrow = wide.filter((one) => more.includes(one));
      const inWide = isAllowed(POLICY, { ...session, actions: wide }, asked);
      const inNarrow = isAllowed(POLICY, { ...session, actions: narrow }, asked);
      if (inNarrow) allowed++;
      assert(inWide || !inNarrow);
      assert(isAllowed(POLICY, session, asked) || !inWide);
    }),
    { numRuns: 2000 },
  );
  assert(allowed > 50, `${allowed}`);
});

Deno.test("a session never allows what the policy denies without conditions on origin", () => {
  let allowed = 0;
  fc.assert(
    fc.property(written, request, (session, asked) => {
      if (!isAllowed(POLICY, session, asked)) return;
      allowed++;
      assert(isAllowed(OPEN, undefined, asked));
    }),
    { numRuns: 2000 },
  );
  assert(allowed > 100, `${allowed}`);
});

Deno.test("adding a source never allows a value that is in none", () => {
  let allowed = 0;
  fc.assert(
    fc.property(written, request, fc.subarray(ALL_SOURCES), (session, asked, some) => {
      const fewer = policyOf(ALL_SOURCES, { from: some });
      const before = isAllowed(fewer, session, asked);
      const after = isAllowed(POLICY, session, asked);
      assert(after || !before); // A source more takes nothing away.
      if (!after || asked.action !== "mail.send") return;
      allowed++;
      // What passes stands, whole, in the prompt, the list, or a result of a source.
      const sourced = (session.results ?? []).filter(({ action, target }) =>
        action === "contacts.search" && target !== "x"
      );
      const known = [
        "ann@x.org",
        session.prompt ?? "",
        ...sourced.map(({ data }) => JSON.stringify(data)),
      ].join("\n");
      assert(known.includes(String(asked.params?.["to"])));
    }),
    { numRuns: 1000 },
  );
  assert(allowed > 20, `${allowed}`);
});

Deno.test("the order of results does not matter", () => {
  const shuffled = written.chain((session) =>
    fc.tuple(
      fc.constant(session),
      fc.shuffledSubarray([...session.results ?? []], { minLength: session.results?.length ?? 0 }),
    )
  );
  fc.assert(
    fc.property(shuffled, request, ([session, results], asked) => {
      assertEquals(
        isAllowed(POLICY, { ...session, results }, asked),
        isAllowed(POLICY, session, asked),
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("results of no source do not matter", () => {
  fc.assert(
    fc.property(written, request, (session, asked) => {
      const results = (session.results ?? []).filter(({ action, target }) =>
        action === "contacts.search" && target !== "x"
      );
      assertEquals(
        isAllowed(POLICY, session, asked),
        isAllowed(POLICY, { ...session, results }, asked),
      );
    }),
    { numRuns: 2000 },
  );
});
