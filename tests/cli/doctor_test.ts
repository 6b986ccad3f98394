import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CANARIES } from "../../src/protect/canary.ts";
import { HOOK_SETTINGS } from "../../src/protect/installation.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { denoRun, START } from "./command_line.ts";

/** A user with agents. No kernel runs: each hook says no. */
function scene(ws: Workspace) {
  const [home, repo] = [ws.folder("home"), ws.folder("repo")];
  const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const policy = ws.file("p.yaml", "capabilities: []\n");
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await denoRun(
      [...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, ...args, "--log-path", ws.path("k.log")],
      { cwd: repo, env: { HOME: home, DENO_DIR: denoDir } },
    );
    return { code, stdout, stderr };
  };
  const protect = async (...args: string[]) => {
    const { code, stderr } = await run("protect", ...args);
    assertEquals(code, 0, stderr);
  };
  const doctor = async () => (await run("doctor")).stdout;
  const change = (file: string, by: (text: string) => string) => {
    const path = `${home}/${file}`;
    Deno.writeTextFileSync(path, by(Deno.readTextFileSync(path)));
  };
  return { home, repo, policy, run, protect, doctor, change };
}

/** The lines about one agent. */
function linesOf(told: string, agent: string): string[] {
  const lines = told.split("\n");
  const from = lines.findIndex((line) => line.startsWith(agent.padEnd(9)));
  const to = lines.findIndex((line, i) => i > from && !line.startsWith("    "));
  return lines.slice(from, to === -1 ? undefined : to);
}

const kinds = (lines: readonly string[], word: string) =>
  lines.filter((line) => line.trimStart().startsWith(word)).length;

/** By agent: how its hooks are switched off, in a file of the workspace or of the user. */
const SWITCHES: Readonly<Record<string, readonly (readonly [file: string, text: string])[]>> = {
  claude: [
    ["repo/.claude/settings.json", '{"disableAllHooks": true}'],
    ["repo/.claude/settings.local.json", '{"disableAllHooks": true}'],
    ["home/.claude/settings.local.json", '{"allowManagedHooksOnly": true}'],
  ],
  qwen: [["repo/.qwen/settings.json", '{"disableAllHooks": true}']],
  gemini: [["repo/.gemini/settings.json", '{"hooksConfig": {"enabled": false}}']],
  codex: [
    ["repo/.codex/config.toml", "[features]\nhooks = false\n"],
    ["home/.codex/config.toml", "features.hooks = false\n"],
  ],
};

for (const agent of Object.keys(HOOK_SETTINGS)) {
  Deno.test(`doctor tells of each tool of ${agent} whether it is gated, fails open or is not seen`, async () => {
    using ws = new Workspace();
    const { home, protect, doctor, change } = scene(ws);
    await protect(agent);
    const hooks = `${home}/${HOOK_SETTINGS[agent]?.user}`;
    const trust = `[hooks.state."${hooks}:pre_tool_use:0:0"]\ntrusted_hash = "sha256:x"\n`;
    const tools = CANARIES[agent]?.length ?? 0;
    if (agent === "codex") {
      // Without trust it skips the hook and says nothing.
      assertEquals(kinds(linesOf(await doctor(), agent), "NOT SEEN"), tools);
      ws.file("home/.codex/config.toml", trust);
    }
    const well = linesOf(await doctor(), agent);
    assertEquals([kinds(well, "gated"), kinds(well, "NOT SEEN")], [tools, 0], well.join("\n"));
    if (agent === "codex") assert(well.some((line) => line.includes("write_stdin")));

    for (const [file, text] of SWITCHES[agent] ?? []) {
      ws.file(file, file.startsWith("home/.codex") ? text + trust : text);
      const told = await doctor();
      assertEquals(kinds(linesOf(told, agent), "NOT SEEN"), tools, told);
      assertStringIncludes(told, `SWITCHED OFF ${ws.path(file)}`);
      if (file.startsWith("home/.codex")) ws.file(file, trust);
      else Deno.removeSync(ws.path(file));
    }

    // A hook that says nothing and ends well.
    change(
      HOOK_SETTINGS[agent]?.user ?? "",
      (text) =>
        text.replaceAll(
          /"(\/[^"\\]|\/usr)(?:[^"\\]|\\.)*# agent-kernel-hook"/g,
          '"true # agent-kernel-hook"',
        ),
    );
    const open = linesOf(await doctor(), agent);
    assertEquals([kinds(open, "gated"), kinds(open, "BROKEN")], [0, 1], open.join("\n"));
  });
}

Deno.test("doctor tells what of --strict is missing, and whose the servers are", async () => {
  using ws = new Workspace();
  const { policy, protect, doctor, change } = scene(ws);
  ws.file("home/.claude.json", '{"mcpServers": {"other": {"command": "x"}}}');
  await protect("claude", "--strict", "--policy", policy);
  const well = linesOf(await doctor(), "claude");
  assertStringIncludes(well[0] ?? "", "--strict: only the gateway");
  assertEquals([kinds(well, "BROKEN"), kinds(well, "FAILS OPEN")], [0, 0], well.join("\n"));
  assert(well.some((line) => line.includes('"other": refused by the hook')));
  assert(well.some((line) => line.includes('"kernel": gateway')));

  ws.file("repo/.mcp.json", '{"mcpServers": {"kernel": {"command": "evil"}}}');
  change(".claude/settings.json", (text) => text.replace('"Write"', '"Writ"'));
  const sick = linesOf(await doctor(), "claude");
  assertEquals([kinds(sick, "BROKEN"), kinds(sick, "NOT OURS")], [1, 1], sick.join("\n"));
});

Deno.test("doctor tells which MCP servers have the kernel in front, where an agent has no hooks", async () => {
  using ws = new Workspace();
  const { policy, repo, protect, doctor } = scene(ws);
  const file = ws.file("repo/.vscode/mcp.json", '{"servers": {"a": {"command": "x"}}}');
  assertStringIncludes(await doctor(), "vscode   not protected");
  await protect("vscode", "--project", "--policy", policy);
  assertEquals(kinds(linesOf(await doctor(), "vscode"), "gated"), 1);
  const { servers } = JSON.parse(Deno.readTextFileSync(file));
  ws.file(
    "repo/.vscode/mcp.json",
    JSON.stringify({ servers: { ...servers, b: { url: "https://x" } } }),
  );
  const told = linesOf(await doctor(), "vscode");
  assertEquals(
    [kinds(told, "gated"), kinds(told, "NOT GATED")],
    [1, 1],
    `${repo}\n${told.join("\n")}`,
  );
});
