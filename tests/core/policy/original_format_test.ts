import { assertEquals } from "@std/assert";
import { effectOn, FLAT, load } from "./deciding.ts";

/** The policy of the original's README, to the letter. */
const ORIGINAL = `# policy.yaml
capabilities:
  - action: fs.read
    resource: /workspace/**

  - action: fs.write
    resource: /workspace/output/**

  - action: net.http
    resource: https://api.example.com/**
    constraint:
      method: GET

  - action: mcp.call
    resource: my_server/**
`;

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { action: string; target: string; params?: Record<string, unknown>; expected: string }[] = [
  { action: "fs.read", target: "/workspace/src/a.py", expected: "allow" },
  { action: "fs.read", target: "/etc/passwd", expected: "deny" },
  { action: "fs.read", target: "/workspace/../etc/passwd", expected: "deny" },
  { action: "fs.write", target: "/workspace/output/report.txt", expected: "allow" },
  { action: "fs.write", target: "/workspace/src/a.py", expected: "deny" },
  { action: "fs.delete", target: "/workspace/output/report.txt", expected: "deny" },
  { action: "net.http", target: "https://api.example.com/v1/a", params: { method: "GET" }, expected: "allow" },
  { action: "net.http", target: "https://api.example.com/v1/a", expected: "allow" },
  { action: "net.http", target: "https://api.example.com/v1/a", params: { method: "POST" }, expected: "deny" },
  { action: "net.http", target: "https://api.example.com.evil.example/a", expected: "deny" },
  { action: "net.http", target: "http://api.example.com/v1/a", expected: "deny" },
  { action: "mcp.call", target: "my_server/tool", expected: "allow" },
  { action: "mcp.call", target: "other/tool", expected: "deny" },
  { action: "proc.exec", target: "ls", expected: "deny" },
];

for (const { action, target, params, expected } of ROWS) {
  Deno.test(`The original's example policy has the effect ${expected} on ${action} ${target} ${JSON.stringify(params ?? {})}`, () => {
    // Whether `ls` exists does not matter: no rule names the action.
    const effect = effectOn(load(ORIGINAL), action, target, params);
    assertEquals(effect === "invalid" ? "deny" : effect, expected);
  });
}

Deno.test("The original's example policy loads with four rules, without warnings", () => {
  // On a machine where no settings of agents are in the folder that may be written.
  const policy = load(ORIGINAL, { world: { ...FLAT, typeOf: () => undefined } });
  assertEquals([policy.rules.length, policy.warnings], [4, []]);
  assertEquals(policy.rules.map(({ id, line }) => [id, line]), [
    ["capabilities[0]", 3],
    ["capabilities[1]", 6],
    ["capabilities[2]", 9],
    ["capabilities[3]", 14],
  ]);
});

const ORIGINAL_FORMS: Readonly<Record<string, object>> = {
  "an empty policy": { capabilities: [] },
  "a constraint on a missing param": {
    capabilities: [{ action: "fs.read", resource: "/w/**", constraint: { mode: "r" } }],
  },
  "an action of its own": { capabilities: [{ action: "custom.action", resource: "key" }] },
  "an exact file": { capabilities: [{ action: "fs.read", resource: "/w/a.txt" }] },
  "no constraint": { capabilities: [{ action: "fs.read", resource: "/w/**", constraint: {} }] },
};
for (const [form, policy] of Object.entries(ORIGINAL_FORMS)) {
  Deno.test(`readPolicy() takes from the original ${form}`, () => {
    assertEquals(load(policy).warnings, []);
  });
}
