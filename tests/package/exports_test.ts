import { assertEquals } from "@std/assert";
import * as kernel from "../../mod.ts";
import * as provider from "../../src/worker/mod.ts";
import * as agent from "../../src/agent/mod.ts";
import * as reversible from "../../src/reversible/mod.ts";
import * as langchain from "../../src/adapters/langchain.ts";
import * as openaiAgents from "../../src/adapters/openai_agents.ts";
import * as vercelAi from "../../src/adapters/vercel_ai.ts";
import * as filesystem from "../../providers/filesystem/mod.ts";
import * as http from "../../providers/http/mod.ts";
import * as process from "../../providers/process/mod.ts";
import * as mcp from "../../providers/mcp/mod.ts";

// A red pin means: decide, then change the pin and the CHANGELOG together.
const PINS: readonly (readonly [string, object, readonly string[]])[] = [
  ["mod.ts", kernel, [
    "APPROVAL_CODES",
    "ApprovalInbox",
    "ApprovalInboxError",
    "AuditLogBusyError",
    "AuditLogError",
    "CODES",
    "DeniedError",
    "Kernel",
    "KernelClosedError",
    "KeyError",
    "LIMIT_CODES",
    "LimitStoreError",
    "MemoryGrants",
    "MemoryLimitStore",
    "MissingPermissionError",
    "PolicyError",
    "Provider",
    "ProviderError",
    "RECORD_STATUSES",
    "SESSION_CODES",
    "Session",
    "SessionError",
    "WebhookError",
    "WorkerOptionsError",
    "allOf",
    "approverOf",
    "atLeast",
    "escalating",
    "firstOf",
    "impliedPermissions",
    "pruneAuditLog",
    "readAuditLog",
    "renderQuestion",
    "scopeByWords",
    "terminalApprover",
    "verifyAuditLog",
    "verifyWithCheckpoints",
    "webhookApprover",
  ]],
  ["src/worker/mod.ts", provider, [
    "DeniedError",
    "Provider",
    "ProviderError",
    "deniedBy",
    "serveProvider",
  ]],
  ["src/agent/mod.ts", agent, [
    "AgentLoop",
    "MODELS",
    "ModelError",
    "ToolDef",
    "callTool",
    "fsTools",
    "httpTools",
    "openAiClient",
    "procTools",
    "resolveModel",
    "runAgentLoop",
  ]],
  ["src/reversible/mod.ts", reversible, [
    "CompensationStrategy",
    "FsDeleteSnapshotStrategy",
    "FsMkdirSnapshotStrategy",
    "FsMoveSnapshotStrategy",
    "FsWriteSnapshotStrategy",
    "PermitSnapshot",
    "ROLLBACK_CODES",
    "ReversibleActionLayer",
    "SnapshotError",
    "SnapshotStore",
    "SnapshotStoreBusyError",
    "filesystemStrategies",
  ]],
  ["src/adapters/langchain.ts", langchain, ["langchainTools", "withMalformedCalls"]],
  ["src/adapters/openai_agents.ts", openaiAgents, ["openAiAgentsTools", "withMalformedCalls"]],
  ["src/adapters/vercel_ai.ts", vercelAi, ["vercelAiTools"]],
  ["providers/filesystem/mod.ts", filesystem, ["FilesystemProvider"]],
  ["providers/http/mod.ts", http, ["HttpProvider"]],
  ["providers/process/mod.ts", process, ["ProcessProvider"]],
  ["providers/mcp/mod.ts", mcp, ["McpProvider", "resourceName", "toolDefs"]],
];

for (const [path, module, names] of PINS) {
  Deno.test(`${path} exports exactly the values that are documented`, () => {
    assertEquals(Object.keys(module).sort(), [...names]);
  });

  Deno.test(`no value that ${path} exports has an execute member`, () => {
    for (const [name, value] of Object.entries(module)) {
      const owners = [value, (value as { prototype?: unknown }).prototype];
      for (const owner of owners.filter((one) => one !== undefined && one !== null)) {
        assertEquals("execute" in Object(owner), false, name);
      }
    }
  });
}

const PROVIDERS = [
  new filesystem.FilesystemProvider(),
  new http.HttpProvider(),
  new process.ProcessProvider(),
  new mcp.McpProvider({ servers: {}, lockFile: "/nowhere/mcp.lock.json" }),
  new provider.Provider({
    name: "kv",
    isolation: "none",
    actions: { "kv.get": { kind: "name" } },
    execute: ({ target }) => target,
  }),
];
for (const one of PROVIDERS) {
  Deno.test(`the provider "${one.name}" is data: nothing in it can be called, nothing changed`, () => {
    for (let at: object | null = one; at !== Object.prototype && at !== null;) {
      for (const key of Reflect.ownKeys(at)) {
        const { value, get } = Object.getOwnPropertyDescriptor(at, key) ?? {};
        if (key === "constructor") continue;
        assertEquals([typeof value === "function", get], [false, undefined], String(key));
      }
      at = Object.getPrototypeOf(at);
    }
    assertEquals(Object.isFrozen(one), true);
    assertEquals(Object.isFrozen(one.actions), true);
  });
}

Deno.test("a kernel shows nothing but its policy and its documented methods", () => {
  assertEquals(Object.getOwnPropertyNames(kernel.Kernel.prototype).sort(), [
    "close",
    "constructor",
    "permit",
    "policy",
    "recover",
    "reload",
    "report",
    "requestApproval",
    "session",
    "sessions",
    "submit",
  ]);
});

Deno.test("a kernel cannot be constructed around its checks", () => {
  const Constructor = kernel.Kernel as unknown as new (...args: unknown[]) => unknown;
  for (const symbol of [Symbol("opened"), Symbol.for("opened"), undefined]) {
    let made: unknown;
    try {
      made = new Constructor(symbol, {}, {}, {});
    } catch (error) {
      assertEquals(error instanceof TypeError, true);
    }
    assertEquals(made, undefined);
  }
});
