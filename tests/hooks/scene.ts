/**
 * Hooks of agents before a real kernel, for tests.
 *
 * @module
 */
import { Kernel, type KernelOptions } from "@agent-kernel/kernel";
import { HookDesk } from "../../src/hooks/desk.ts";
import { agentToolProvider } from "../../src/hooks/provider.ts";
import { settingsOf } from "../../src/hooks/settings.ts";
import type { Workspace } from "../workspace.ts";

/** A kernel, its hooks, and payloads in the form of Claude Code. */
export async function hookScene(ws: Workspace, more: Partial<KernelOptions> = {}) {
  const root = ws.folder("w");
  const settings = settingsOf(ws.path("home"), root);
  const logPath = ws.path("kernel.log");
  const kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "files", action: "fs.*", resource: [root, `${root}/**`] },
        { id: "programs", action: "proc.exec", resource: ["ls", "cat", "git"] },
        {
          id: "web",
          action: "net.http",
          resource: "https://example.com/**",
          constraint: { method: "GET" },
        },
        { id: "mcp", action: "mcp.call", resource: "notes/*" },
        { id: "tools", action: "agent.tool", resource: "{TodoWrite,Task}" },
      ],
      deny: [{ id: "secret", action: "fs.*", resource: `${root}/**/.env` }],
    },
    providers: [agentToolProvider(ws.path("kernel.log.server"), settings)],
    logPath,
    onWarning: () => {},
    ...more,
  });
  const desk = new HookDesk({ kernel, settings, home: ws.path("home") });
  const payload = (tool: string, input: object, fields: object = {}) => ({
    ...{ session_id: "s1", cwd: root, hook_event_name: "PreToolUse", tool_use_id: "t1" },
    ...{ tool_name: tool, tool_input: input, ...fields },
  });
  return { root, kernel, desk, logPath, payload };
}

/** Whether an answer of Claude Code's form is a yes, and its reason. */
export function verdictOf(stdout: string): [decision: string, reason: string] {
  const { hookSpecificOutput: { permissionDecision, permissionDecisionReason } } = JSON.parse(
    stdout,
  );
  return [permissionDecision, permissionDecisionReason];
}
