/** What a decision costs at different sizes of a policy. */
import { decide } from "../src/policy/decision.ts";
import { loadPolicy } from "../src/policy/load.ts";
import type { Policy } from "../src/policy/policy.ts";
import { denoWorld } from "../src/resource/deno_world.ts";

const SIZES = [5, 100, 1_000, 10_000];
const SHAPES: readonly [string, (i: number) => string, (i: number) => string][] = [
  ["literal folders", (i) => `/w/project-${i}/**`, (i) => `/w/project-${i}/src/main.ts`],
  ["leading wildcards", (i) => `/**/project-${i}/*.txt`, (i) => `/a/b/project-${i}/notes.txt`],
  ["wildcards inside of segments", (i) => `/w/*-${i}/x.txt`, (i) => `/w/project-${i}/x.txt`],
];

function policyOf(size: number, pattern: (i: number) => string): Policy {
  const capabilities = Array.from(
    { length: size },
    (_, i) => ({ action: "fs.read", resource: pattern(i) }),
  );
  return loadPolicy({ capabilities }, { world: denoWorld() });
}

for (const [shape, pattern, target] of SHAPES) {
  for (const size of SIZES) {
    const policy = policyOf(size, pattern);
    const hit = { action: "fs.read", target: target(size - 1), params: {} };
    const miss = { action: "fs.read", target: "/etc/passwd", params: {} };
    for (const [name, request] of [["hit", hit], ["miss", miss]] as const) {
      Deno.bench({
        name: `${size} rules, ${name}`,
        group: `decide(): ${shape}, ${name}`,
        baseline: size === SIZES[0],
        fn: () => void decide(policy, request),
      });
    }
  }
}

// The naive way: a list of regular expressions, tried one after the other.
for (const size of SIZES) {
  const expressions = Array.from({ length: size }, (_, i) => new RegExp(`^/w/project-${i}/.*$`));
  const target = `/w/project-${size - 1}/src/main.ts`;
  Deno.bench({
    name: `${size} rules, loop over regular expressions`,
    group: "decide(): literal folders, hit",
    fn: () => void expressions.some((expression) => expression.test(target)),
  });
}
