import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { agentKernel, denoRun, scene, START } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

/** The modules that a command loads, as paths relative to `src/` and names of packages. */
async function loaded(...args: string[]): Promise<string[]> {
  const { code, stderr } = await denoRun([
    "run",
    "--log-level=debug",
    ...START.slice(2).filter((arg) => arg !== "-q"),
    ...args,
  ]);
  assertEquals(code, 0, stderr.slice(-500));
  const found = stderr.matchAll(/specifier: file:\/\/\S*?\/((?:src|providers)\/[\w/]+\.ts)/g);
  return Array.from(new Set(Array.from(found, ([, path]) => path ?? ""))).sort();
}

for (const command of ["version", "help"]) {
  Deno.test(`${command} loads what prints, and nothing of the kernel`, async () => {
    const modules = await loaded(command);
    assert(modules.includes("src/cli/main.ts"), modules.join());
    const heavy = modules.filter((path) =>
      !/^src\/(cli\/|version|visible_text|near|core\/errors)/.test(path)
    );
    assertEquals(heavy, []);
    assert(modules.length < 15, modules.join());
  });
}

Deno.test("explain does not load the kernel, agents and MCP", async () => {
  using ws = new Workspace();
  const { policy, note } = scene(ws);
  const args = ["--policy", policy, "--action", "fs.read", "--target", note];
  const modules = await loaded("explain", ...args);
  assert(modules.includes("src/policy_tools/explain.ts"), modules.join());
  for (const path of ["src/agent/loop.ts", "src/reversible/layer.ts", "src/core/kernel.ts"]) {
    assertEquals(modules.includes(path), false, path);
  }
});

/** Of all that loads a policy and opens a kernel. */
const HEAVY =
  /^providers\/|^src\/(?:open|resolve|core\/(?:policy|record|isolation|resource|kernel))/;

Deno.test("submit --help loads nothing of the kernel", async () => {
  const modules = await loaded("submit", "--help");
  assert(modules.includes("src/cli/submit.ts"), modules.join());
  assertEquals(modules.filter((path) => HEAVY.test(path)), []);
});

Deno.test("submit to a kernel that is being served loads a socket's client, and nothing of the kernel", async () => {
  using ws = new Workspace();
  const { policy, note } = scene(ws);
  const options = ["--policy", policy, "--log-path", ws.path("k.log"), "--var", "UNUSED=1"];
  const server = new Deno.Command("deno", {
    args: [...START, "serve", ...options],
    cwd: ROOT,
    stdin: "null",
    stderr: "piped",
  }).spawn();
  const stderr = server.stderr.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let said = ""; !said.includes("serving ");) {
      const { value, done } = await stderr.read();
      assert(!done, `It ended: ${said}`);
      said += value;
    }
    const modules = await loaded("submit", ...options, "--action", "fs.read", "--target", note);
    assert(modules.includes("src/server/client.ts"), modules.join());
    assertEquals(modules.filter((path) => HEAVY.test(path)), []);
    assert(modules.length < 35, modules.join());
    // Another policy is loaded, so that what is wrong with it is said first.
    const request = ["--action", "fs.read", "--target", note, "--log-path", ws.path("k.log")];
    const submit = (text: string) =>
      agentKernel("submit", "--policy", ws.file("other.yaml", text), ...request);
    const [other, invalid] = [await submit("capabilities: []"), await submit("capabilities: 1")];
    assertEquals([other.code, invalid.code], [1, 3]);
    assertStringIncludes(other.stderr, "Another policy is being served for this log");
    assertStringIncludes(invalid.stderr, "Policy invalid");
  } finally {
    server.kill("SIGTERM");
    while (!(await stderr.read()).done);
    await server.status;
  }
});

Deno.test("submit does not load MCP, agents and snapshots unless they are asked for", async () => {
  using ws = new Workspace();
  const { policy, note } = scene(ws);
  const options = ["--policy", policy, "--log-path", ws.path("k.log")];
  const modules = await loaded("submit", ...options, "--action", "fs.read", "--target", note);
  assert(modules.includes("src/core/policy/load.ts"), modules.join());
  for (const path of ["providers/mcp/mod.ts", "src/agent/loop.ts", "src/reversible/layer.ts"]) {
    assertEquals(modules.includes(path), false, path);
  }
});
