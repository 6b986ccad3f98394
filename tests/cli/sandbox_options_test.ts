import { assertEquals, assertStringIncludes } from "@std/assert";
import { agentKernel, type Ended } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

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
