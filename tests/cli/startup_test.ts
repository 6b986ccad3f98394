import { assert, assertEquals } from "@std/assert";
import { denoRun, scene, START } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

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
      !/^src\/(cli\/|version|visible_text|core\/errors)/.test(path)
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
