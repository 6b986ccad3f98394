import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { effectOn, load } from "./deciding.ts";

const PATHS = fc.constantFrom(
  "/w/**",
  "/w/*",
  "/w/a",
  "/w/a/**",
  "/**",
  "/w/{a,b}",
  "/w/a*",
  "/w/**/b",
  "/w/[!a]",
  "/x/**",
);
const CONDITIONS = fc.constantFrom<unknown>(
  1,
  "1",
  { max: 2 },
  { in: [1, 2] },
  { not: 1 },
  { exists: true },
  { not: { min: 2 } },
  { glob: "a*" },
);
const RULE = fc.record({
  action: fc.constantFrom("fs.read", "fs.write", "fs.*", "fs.move"),
  resource: fc.oneof(PATHS, fc.array(PATHS, { minLength: 1, maxLength: 2 })),
  constraint: fc.dictionary(fc.constantFrom("p", "q"), CONDITIONS, { maxKeys: 2 }),
});
const RULES = fc.array(RULE, { maxLength: 6 });
const REQUEST = fc.record({
  action: fc.constantFrom("fs.read", "fs.write", "fs.move", "fs.list", "kv.get"),
  target: fc.constantFrom("/w", "/w/a", "/w/b", "/w/a/b", "/w/ab", "/x/a", "/w/../x/a", "/"),
  params: fc.record({
    p: fc.constantFrom<unknown>(1, 2, "1", null, "ab", [1]),
    q: fc.constantFrom<unknown>(1, 3, "a", true),
    to: fc.constantFrom("/w/a", "/w/b", "/x/b"),
  }, { requiredKeys: [] }),
});

function allows(
  policy: object,
  { action, target, params }: { action: string; target: string; params: Record<string, unknown> },
): boolean {
  return effectOn(load(policy), action, target, params) === "allow";
}

Deno.test("Adding a deny rule never allows more", () => {
  let both = 0;
  fc.assert(
    fc.property(RULES, RULES, RULE, REQUEST, (capabilities, deny, more, request) => {
      const before = allows({ capabilities, deny }, request);
      const after = allows({ capabilities, deny: [...deny, more] }, request);
      if (after) both++;
      assert(before || !after);
    }),
    { numRuns: 1000 },
  );
  assert(both > 20, `only ${both} requests were allowed`);
});

Deno.test("Adding an allow rule never allows less", () => {
  fc.assert(
    fc.property(RULES, RULES, RULE, REQUEST, (capabilities, deny, more, request) => {
      assert(
        !allows({ capabilities, deny }, request) ||
          allows({ capabilities: [more, ...capabilities], deny }, request),
      );
    }),
    { numRuns: 1000 },
  );
});

Deno.test("The order of rules plays no part in the effect", () => {
  fc.assert(
    fc.property(
      RULES,
      RULES,
      REQUEST,
      fc.func(fc.integer()),
      (capabilities, deny, request, weigh) => {
        const shuffled = <T>(rules: readonly T[]) =>
          rules.map((rule, i) => ({ rule, by: weigh(i) })).toSorted((a, b) => a.by - b.by).map((
            { rule },
          ) => rule);
        assertEquals(
          allows({ capabilities: shuffled(capabilities), deny: shuffled(deny) }, request),
          allows({ capabilities, deny }, request),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("Nothing is allowed without an allow rule", () => {
  fc.assert(fc.property(RULES, REQUEST, (deny, request) => {
    assertEquals(allows({ capabilities: [], deny }, request), false);
  }));
});

Deno.test("A deny rule that equals the allow rules denies all that they allow", () => {
  fc.assert(
    fc.property(RULES, REQUEST, (capabilities, request) => {
      assertEquals(allows({ capabilities, deny: capabilities }, request), false);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("Many rules decide as the same rules do one by one", () => {
  fc.assert(
    fc.property(RULES, REQUEST, (capabilities, request) => {
      if (request.action === "fs.move") return; // Its two ends may be allowed by two rules.
      assertEquals(
        allows({ capabilities }, request),
        capabilities.some((rule) => allows({ capabilities: [rule] }, request)),
      );
    }),
    { numRuns: 1000 },
  );
});
