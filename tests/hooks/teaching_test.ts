import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HOOK_AGENTS } from "../../src/hooks/agents.ts";
import { HookDesk } from "../../src/hooks/desk.ts";
import { nearestRule } from "../../src/policy_tools/teaching.ts";
import { resolveOptions } from "../../src/resolve.ts";
import { Workspace } from "../workspace.ts";
import { hookScene } from "./scene.ts";

/** The same three calls in the form and the tools of each agent. */
const CALLS: Readonly<
  Record<string, (root: string) => readonly (readonly [tool: string, input: object])[]>
> = {
  claude: () => [
    ["Write", { file_path: "/etc/x", content: "x" }],
    ["WebFetch", { url: "https://other.example/" }],
    ["Bash", { command: "curl x" }],
  ],
  codex: () => [
    ["apply_patch", { command: "*** Begin Patch\n*** Add File: /etc/x\n+x\n*** End Patch" }],
    ["view_image", { path: "/etc/x.png" }],
    ["Bash", { command: "curl x" }],
  ],
  gemini: () => [
    ["write_file", { file_path: "/etc/x", content: "x" }],
    ["list_directory", { path: "/etc" }],
    ["run_shell_command", { command: "curl x" }],
  ],
  qwen: () => [
    ["write_file", { file_path: "/etc/x", content: "x" }],
    ["list_directory", { path: "/etc" }],
    ["run_shell_command", { command: "curl x" }],
  ],
  copilot: () => [
    ["create", { path: "/etc/x", file_text: "x" }],
    ["web_fetch", { url: "https://other.example/" }],
    ["bash", { command: "curl x" }],
  ],
};

const NEAREST: Readonly<Record<string, string>> = {
  "fs.": "files",
  "net.http": "web",
  "proc.exec": "programs",
};

Deno.test("in the answer to each agent a denial names the nearest rule and what was lacking", async (t) => {
  assertEquals(Object.keys(CALLS).sort(), Object.keys(HOOK_AGENTS).sort());
  for (const [agent, calls] of Object.entries(CALLS)) {
    await t.step(agent, async () => {
      using ws = new Workspace();
      const { kernel, root } = await hookScene(ws);
      const policy = {
        capabilities: [
          { id: "files", action: "fs.*", resource: [root, `${root}/**`] },
          { id: "programs", action: "proc.exec", resource: ["ls", "cat", "git"] },
          { id: "web", action: "net.http", resource: "https://example.com/**" },
        ],
      };
      const resolved = resolveOptions({ policy, logPath: ws.path("other.log") });
      const desk = new HookDesk({
        kernel,
        nearest: (request, code) => nearestRule(request, code, resolved),
      });
      for (const [tool, input] of calls(root)) {
        const payload = agent === "copilot"
          ? { sessionId: "s", cwd: root, toolName: tool, toolArgs: input }
          : { session_id: "s", cwd: root, tool_name: tool, tool_input: input };
        const { stdout, exitCode } = await desk.answer(agent, "before", payload);
        const answer = Object(JSON.parse(stdout));
        const { permissionDecisionReason, reason = permissionDecisionReason } =
          answer["hookSpecificOutput"] ?? answer;
        const [, action = ""] = /agent-kernel refused (\S+) on/.exec(reason) ?? [];
        const [, rule] = Object.entries(NEAREST).find(([start]) => action.startsWith(start)) ?? [];
        assert(rule !== undefined, reason);
        assertStringIncludes(reason, `The nearest rule is "${rule}": its resource `);
        assertStringIncludes(reason, "Do not try to reach the same by another way");
        assertEquals(exitCode, 0);
      }
      await kernel.close();
    });
  }
});

Deno.test("an explanation that fails leaves the refusal, and a deny rule speaks for itself", async () => {
  using ws = new Workspace();
  const { kernel, root, payload } = await hookScene(ws);
  const warnings: string[] = [];
  const desk = new HookDesk({
    kernel,
    nearest: () => {
      throw new Error("the file is gone");
    },
    onWarning: (line) => warnings.push(line),
  });
  const refused = payload("Write", { file_path: "/etc/x", content: "" });
  const { stdout } = await desk.answer("claude", "before", refused);
  assertStringIncludes(stdout, '"permissionDecision":"deny"');
  assertEquals(warnings, ["agent-kernel: explain: the file is gone"]);
  await kernel.close();
  const resolved = resolveOptions({
    policy: {
      capabilities: [],
      deny: [{ id: "secret", action: "fs.read", resource: `${root}/.env` }],
    },
    logPath: ws.path("other.log"),
  });
  const request = { action: "fs.read", target: `${root}/.env` };
  assertEquals(nearestRule(request, "DENY_RULE", resolved), undefined);
  assertStringIncludes(nearestRule(request, "NO_RULE", resolved) ?? "", "No rule is near");
});
