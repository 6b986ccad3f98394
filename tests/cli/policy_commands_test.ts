import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { agentKernel, scene } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

Deno.test("validate-policy prints the count of the original and a line for each rule", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const { code, stdout } = await agentKernel("validate-policy", "--policy", policy);
  const [first, ...rules] = stdout.split("\n").slice(0, -1);
  assertEquals({ code, first }, { code: 0, first: "Policy valid: 2 capability rules loaded" });
  assertEquals(rules.length, 3);
  assertMatch(rules[0] ?? "", /^ {2}allow {2}fs\.read .*\.\/data\/\*\* .*read-data \(line 3\)$/);
  assertMatch(rules[1] ?? "", /with content .*capabilities\[1\] \(line 6\)$/);
  assertMatch(rules[2] ?? "", /^ {2}deny .*no-secrets \(line 10\)$/);
});

Deno.test("validate-policy accepts a policy without rules", async () => {
  using ws = new Workspace();
  const policy = ws.file("empty.yaml", "capabilities: []\n");
  const { code, stdout } = await agentKernel("validate-policy", "--policy", policy);
  assertEquals({ code, stdout }, { code: 0, stdout: "Policy valid: 0 capability rules loaded\n" });
});

Deno.test("validate-policy --json gives the rules as data", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const { code, stdout } = await agentKernel("validate-policy", policy, "--json");
  const { valid, digest, rules } = JSON.parse(stdout);
  assertEquals({ code, valid }, { code: 0, valid: true });
  assertMatch(digest, /^[0-9a-f]{64}$/);
  assertEquals(
    rules.map(({ id, effect, line }: Record<string, unknown>) => ({ id, effect, line })),
    [
      { id: "read-data", effect: "allow", line: 3 },
      { id: "capabilities[1]", effect: "allow", line: 6 },
      { id: "no-secrets", effect: "deny", line: 10 },
    ],
  );
});

Deno.test("validate-policy names all problems with their lines, exit code 3", async () => {
  using ws = new Workspace();
  const policy = ws.file(
    "bad.yaml",
    "capabilities:\n  - action: fs.read\n  - resource: /a\n  - { action: fs.read, resource: /a, colour: red }\n",
  );
  const { code, stdout, stderr } = await agentKernel("validate-policy", "--policy", policy);
  assertEquals({ code, stdout }, { code: 3, stdout: "" });
  assertStringIncludes(stderr, "Policy invalid: ");
  assertStringIncludes(stderr, policy);
  for (const line of [2, 3, 4]) assertStringIncludes(stderr, `line ${line}: `);
  assertStringIncludes(stderr, '"colour"');
});

const INVALID: readonly (readonly [string, string | Uint8Array])[] = [
  ["is no mapping", "- a\n"],
  ["is empty", ""],
  ["has no capabilities", "version: 1\n"],
  ["is no YAML", "capabilities: [\n"],
  ["repeats a key", "capabilities: []\ncapabilities: []\n"],
  ["is no UTF-8", new Uint8Array([0x61, 0x3a, 0xff, 0xfe])],
];
for (const [what, text] of INVALID) {
  Deno.test(`validate-policy refuses a file that ${what}, exit code 3`, async () => {
    using ws = new Workspace();
    const policy = ws.file("bad.yaml", text);
    const { code, stdout, stderr } = await agentKernel("validate-policy", "--policy", policy);
    assertEquals({ code, stdout }, { code: 3, stdout: "" });
    assertStringIncludes(stderr, `Policy invalid: Cannot load policy "${policy}"`);
  });
}

Deno.test("validate-policy escapes what an invalid policy holds", async () => {
  using ws = new Workspace();
  const policy = ws.file("bad.yaml", 'capabilities: []\n"a\\e[2J\\u202e": 1\n');
  const { code, stderr } = await agentKernel("validate-policy", "--policy", policy);
  assertEquals(code, 3);
  assertEquals(/[^\n\x20-\x7e]/.test(stderr), false);
});

Deno.test("validate-policy fills in variables of the command line, and refuses to guess them", async () => {
  using ws = new Workspace();
  const policy = ws.file(
    "variables.yaml",
    'capabilities:\n  - { action: fs.read, resource: "${ROOM}/**" }\n',
  );
  const without = await agentKernel("validate-policy", "--policy", policy);
  assertEquals(without.code, 3);
  assertStringIncludes(without.stderr, "ROOM");
  const filled = await agentKernel("validate-policy", "--policy", policy, "--var", "ROOM=/a=b");
  assertEquals(filled.code, 0);
});

Deno.test("test-policy runs the examples and names rules that none of them reaches", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const { code, stdout } = await agentKernel("test-policy", "--policy", policy);
  assertEquals(code, 0);
  assertMatch(stdout, /^ok {4}allow fs\.read on ".*\/?data\/note\.txt"$/m);
  assertMatch(stdout, /no example reaches capabilities\[1\] \(line 6\)$/m);
  assertEquals(stdout.match(/no example reaches/g)?.length, 1);
  assertMatch(stdout, /^2 passed, 0 failed$/m);
});

Deno.test("test-policy says what an example expects and what it is, exit code 1", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const text = Deno.readTextFileSync(policy).replace("expect: deny", "expect: allow");
  Deno.writeTextFileSync(policy, text);
  const { code, stdout } = await agentKernel("test-policy", "--policy", policy);
  assertEquals(code, 1);
  assertMatch(stdout, /^FAIL {2}.*Expects allow for fs\.read .*, but it is deny/m);
  assertMatch(stdout, /^1 passed, 1 failed$/m);
});

Deno.test("test-policy runs examples of a file of their own, too", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const list = "- { action: fs.read, target: /etc/passwd, expect: deny }\n";
  for (const text of [list, `examples:\n${list}`]) {
    const examples = ws.file("examples.yaml", text);
    const { code, stdout } = await agentKernel("test-policy", policy, "--examples", examples);
    assertEquals(code, 0);
    assertMatch(stdout, /^3 passed, 0 failed$/m);
  }
  const wrong = ws.file("wrong.yaml", list.replace("deny", "maybe"));
  const refused = await agentKernel("test-policy", policy, "--examples", wrong);
  assertEquals(refused.code, 3);
  assertStringIncludes(refused.stderr, "wrong.yaml");
});

Deno.test("test-policy --json gives the outcomes as data", async () => {
  using ws = new Workspace();
  const { policy } = scene(ws);
  const { stdout } = await agentKernel("test-policy", "--policy", policy, "--json");
  const { passed, failed, unreached, examples } = JSON.parse(stdout);
  assertEquals({ passed, failed, unreached }, {
    passed: 2,
    failed: 0,
    unreached: ["capabilities[1]"],
  });
  assertEquals(examples.length, 2);
});
