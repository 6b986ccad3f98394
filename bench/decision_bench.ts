/** What a decision costs at different sizes of a policy. */
import { decide } from "../src/core/policy/decide.ts";
import { readPolicy } from "../src/policy_tools/read.ts";
import { STANDARD_ACTIONS } from "../src/actions/standard.ts";
import { denoWorld } from "../src/core/resource/deno_world.ts";
import { rules } from "./fixture.ts";
import { workload } from "./workload.ts";

const SIZES = [5, 100, 1_000, 10_000];
const SHAPES: readonly [string, (i: number) => string, (i: number) => string][] = [
  ["literal folders", (i) => `/w/project-${i}/**`, (i) => `/w/project-${i}/src/main.ts`],
  ["leading wildcards", (i) => `/**/project-${i}/*.txt`, (i) => `/a/b/project-${i}/notes.txt`],
  ["wildcards inside of segments", (i) => `/w/*-${i}/x.txt`, (i) => `/w/project-${i}/x.txt`],
];

for (const [shape, pattern, target] of SHAPES) {
  for (const size of SIZES) {
    const policy = readPolicy({ capabilities: rules(size, pattern) }, {
      world: denoWorld(),
      actions: STANDARD_ACTIONS,
    });
    const requests = {
      hit: { action: "fs.read", target: target(size - 1), params: {} },
      miss: { action: "fs.read", target: "/etc/passwd", params: {} },
    };
    for (const [name, request] of Object.entries(requests)) {
      const effect = name === "hit" ? "allow" : "deny";
      workload({
        group: `decide(), ${shape}`,
        name: `${size} rules, ${name}`,
        baseline: size === SIZES[0] && name === "hit",
        ops: 20_000,
        timedTogether: 500,
        op() {
          if (decide(policy, request).effect !== effect) throw new Error(`expected ${effect}`);
        },
      });
    }
  }
}

// The naive way: a list of regular expressions, tried one after the other.
for (const size of SIZES) {
  const expressions = Array.from({ length: size }, (_, i) => new RegExp(`^/w/project-${i}/.*$`));
  const target = `/w/project-${size - 1}/src/main.ts`;
  workload({
    group: "decide(), literal folders",
    name: `${size} rules, hit, loop over regular expressions`,
    ops: 50_000 / size,
    timedTogether: 5,
    op: () => {
      if (!expressions.some((expression) => expression.test(target))) throw new Error("no match");
    },
  });
}
