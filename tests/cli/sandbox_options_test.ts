import { assertEquals, assertStringIncludes } from "@std/assert";
import { agentKernel, type Ended } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

const POLICY = `capabilities:
  - { action: proc.exec, resource: /usr/bin/env }
  - { action: net.http, resource: "https://example.com/**", constraint: { method: GET } }
`;

function permissions(ws: Workspace, ...options: string[]): Promise<Ended> {
  const files = ["--policy", ws.file("policy.yaml", POLICY), "--log-path", ws.path("kernel.log")];
  return agentKernel("permissions", ...files, ...options);
}

Deno.test("--sandbox required leaves no way to run a program without a sandbox", async () => {
  using ws = new Workspace();
  const plain = await permissions(ws);
  const required = await permissions(ws, "--sandbox", "required");
  const off = await permissions(ws, "--sandbox", "off");
  assertEquals([plain.code, required.code, off.code], [0, 0, 0]);
  assertStringIncludes(plain.stdout, "/usr/bin/timeout");
  assertEquals(required.stdout.includes("/usr/bin/timeout"), false);
  assertStringIncludes(required.stdout, "/usr/bin/bwrap");
  assertEquals(off.stdout.includes("bwrap"), false);
});

Deno.test("--network takes none and policy", async () => {
  using ws = new Workspace();
  for (const value of ["none", "policy"]) {
    assertEquals((await permissions(ws, "--network", value)).code, 0);
  }
});

Deno.test("--cgroup gives no permission, and needs the sandbox", async () => {
  using ws = new Workspace();
  const plain = await permissions(ws);
  const bounded = await permissions(ws, "--cgroup", "/sys/fs/cgroup/agent-kernel");
  assertEquals([bounded.code, bounded.stdout], [0, plain.stdout]);
  const off = await permissions(ws, "--cgroup", "/sys/fs/cgroup/agent-kernel", "--sandbox", "off");
  assertStringIncludes(off.stderr, 'cgroup is given and sandbox is "off", expected a sandbox');
});

for (
  const [option, value, expected] of [
    ["sandbox", "yes", "auto or required or off"],
    ["network", "all", "policy or none"],
  ]
) {
  Deno.test(`--${option} ${value} is wrong usage, with the values that there are`, async () => {
    using ws = new Workspace();
    const { code, stderr } = await permissions(ws, `--${option}`, `${value}`);
    assertEquals(code, 64);
    assertStringIncludes(stderr, `--${option} ${value} is unknown, expected ${expected}`);
  });
}

function act(ws: Workspace, action: string, target: string, ...options: string[]): Promise<Ended> {
  const policy = ws.file(
    "policy.yaml",
    `capabilities: [{ action: proc.exec, resource: /usr/bin/env }, { action: fs.write, resource: "${ws.root}/**" }]`,
  );
  const what = ["--action", action, "--target", target, "--json"];
  const files = ["--policy", policy, "--log-path", ws.path("kernel.log")];
  return agentKernel("submit", ...files, ...what, ...options);
}

Deno.test("--program-env and --program-env-file give programs variables, and the file is guarded", async () => {
  using ws = new Workspace();
  const file = ws.file("program.env", "# for git\n\nA=one=1\nB=two\n");
  const options = ["--program-env-file", file, "--program-env", "B=2", "--program-env", "C="];
  const { stdout } = await act(ws, "proc.exec", "/usr/bin/env", ...options);
  const lines = JSON.parse(stdout).data.stdout.split("\n");
  assertEquals(lines.filter((line: string) => /^[ABC]=/.test(line)).sort(), [
    "A=one=1",
    "B=2",
    "C=",
  ]);
  const content = ["--params", '{"content": "x"}'];
  const written = await act(ws, "fs.write", file, ...options, ...content);
  assertEquals(JSON.parse(written.stdout).code, "GUARDED");
});

for (
  const [text, expected] of [
    ["LD_PRELOAD=/tmp/a.so", '"LD_PRELOAD" is refused'],
    ["secret", "not of the form NAME=VALUE"],
    ["a b=c", '"a b" is no name of a variable'],
  ] as const
) {
  Deno.test(`--program-env ${text} is wrong usage`, async () => {
    using ws = new Workspace();
    const { code, stderr } = await permissions(ws, "--program-env", text);
    assertEquals(code, 64);
    assertStringIncludes(stderr, expected);
    const file = ["--program-env-file", ws.file("program.env", `A=1\n${text}\n`)];
    assertStringIncludes((await permissions(ws, ...file)).stderr, expected);
  });
}

Deno.test("validate-policy says which variables a rule for git lacks, and how to give them", async () => {
  using ws = new Workspace();
  const policy = ws.file("policy.yaml", "capabilities: [{ action: proc.exec, resource: git }]\n");
  const without = await agentKernel("validate-policy", policy);
  assertStringIncludes(without.stderr, "GIT_CONFIG_COUNT");
  assertStringIncludes(without.stderr, "--program-env-file");
  const file = `${ROOT}/policies/recipes/git.env`;
  const given = await agentKernel("validate-policy", policy, "--program-env-file", file);
  assertEquals([given.code, given.stderr.includes("GIT_CONFIG_COUNT")], [0, false]);
});
