/**
 * The agents whose hooks are understood: what they send, and the answer that each of them obeys. What they
 * do was observed with the versions that `docs/hooks.md` names.
 *
 * @module
 */
import type { PermitReport } from "../permits.ts";
import { sha256 } from "../core/request.ts";
import {
  type EventKind,
  type HookAnswer,
  HookError,
  type HookEvent,
  type ToolCall,
  type Verdict,
} from "./event.ts";

type Payload = Readonly<Record<string, unknown>>;

/** One agent. */
export interface HookAgent {
  /** Reads what its hook got on standard input. @throws {HookError} It is not of the known form. */
  read(name: EventKind, payload: Payload): HookEvent;
  /** The answer before a call. */
  answer(verdict: Verdict): HookAnswer;
}

/** Claude Code, Codex and Qwen Code have the same form of payload. */
const CLAUDE_FORM: Pick<HookAgent, "read"> = {
  read(name, payload) {
    const session = textOf(payload, "session_id");
    const cwd = folderOf(payload);
    if (isOfSession(name)) return { name, session, cwd, goesOn: goesOn(name, payload) };
    const tool = textOf(payload, "tool_name");
    const call: ToolCall = {
      ...{ tool, session, cwd, input: objectOf(payload, "tool_input") },
      id: optionalText(payload, "tool_use_id") ?? optionalText(payload, "tool_call_id"),
      ...mcpOfUnderscores(tool, payload["mcp_server"] ?? undefined),
    };
    if (name === "before") return { name, call };
    return { name, call, report: reportOf(payload, payload["tool_response"], payload["error"]) };
  },
};

/** Gemini CLI. */
const GEMINI_FORM: Pick<HookAgent, "read"> = {
  read(name, payload) {
    const session = textOf(payload, "session_id");
    const cwd = folderOf(payload);
    if (isOfSession(name)) return { name, session, cwd, goesOn: goesOn(name, payload) };
    const mcp = payload["mcp_context"] === undefined ? undefined : objectOf(payload, "mcp_context");
    const call: ToolCall = {
      ...{ tool: textOf(payload, "tool_name"), session, cwd, id: undefined },
      input: objectOf(payload, "tool_input"),
      ...mcp && { mcp: { server: textOf(mcp, "server_name"), tool: textOf(mcp, "tool_name") } },
    };
    if (name === "before") return { name, call };
    const response = payload["tool_response"];
    return { name, call, report: reportOf(payload, response, Object(response)["error"]) };
  },
};

/** Copilot CLI. Its tools of MCP servers are named `server-tool`. */
const COPILOT_FORM: Pick<HookAgent, "read"> = {
  read(name, payload) {
    const session = textOf(payload, "sessionId");
    const cwd = folderOf(payload);
    if (isOfSession(name)) return { name, session, cwd, goesOn: goesOn(name, payload) };
    const tool = textOf(payload, "toolName");
    const call: ToolCall = {
      ...{ tool, session, cwd, id: undefined },
      input: objectOf(payload, "toolArgs"),
      ...mcpOfDashes(tool),
    };
    if (name === "before") return { name, call };
    return { name, call, report: reportOf(payload, payload["toolResult"], payload["error"]) };
  },
};

/**
 * `mcp__server__tool`. Both names can have underscores, so that only the agent can tell where the first ends.
 *
 * @param told What the agent tells of the server.
 */
function mcpOfUnderscores(tool: string, told: unknown): Pick<ToolCall, "mcp"> {
  if (told !== undefined) {
    const server = textOf(objectOf({ mcp_server: told }, "mcp_server"), "name");
    const start = `mcp__${server}__`;
    if (tool.startsWith(start) && tool.length > start.length) {
      return { mcp: { server, tool: tool.slice(start.length) } };
    }
    throw new HookError(`${JSON.stringify(tool)} is no tool of the MCP server "${server}"`);
  }
  if (!tool.startsWith("mcp__")) return {};
  const names = tool.slice("mcp__".length);
  const [split, ...more] = Array.from(names.matchAll(/(?<=.)_(?=_.)/gs), ({ index }) => index);
  if (split === undefined) return {};
  if (more.length === 0) {
    return { mcp: { server: names.slice(0, split), tool: names.slice(split + 2) } };
  }
  throw new HookError(
    `${JSON.stringify(tool)} could be a tool of several MCP servers: ` +
      'give the server a name without "_" at its end and without "__"',
  );
}

/** Two names joined by one dash; with more dashes nobody can tell where the first name ends. */
function mcpOfDashes(tool: string): Pick<ToolCall, "mcp"> {
  const [server, name, ...more] = tool.split("-");
  if (server === undefined || name === undefined) return {};
  if (more.length === 0) return { mcp: { server, tool: name } };
  throw new HookError(
    `${
      JSON.stringify(tool)
    } could be a tool of several MCP servers: give the server a name without "-"`,
  );
}

const CLAUDE: HookAgent = {
  ...CLAUDE_FORM,
  answer: ({ isAllowed, reason }) =>
    printed({
      hookSpecificOutput: {
        hookEventName: "PreToolUse",
        permissionDecision: isAllowed ? "allow" : "deny",
        permissionDecisionReason: reason,
      },
    }),
};

/** By the name that the command line takes. */
export const HOOK_AGENTS: Readonly<Record<string, HookAgent>> = {
  claude: CLAUDE,
  // It takes an allow for an error, and goes on without an answer.
  codex: {
    ...CLAUDE,
    answer: (verdict) => verdict.isAllowed ? printed({}) : CLAUDE.answer(verdict),
  },
  qwen: CLAUDE,
  gemini: {
    ...GEMINI_FORM,
    answer: ({ isAllowed, reason }) => printed({ decision: isAllowed ? "allow" : "deny", reason }),
  },
  copilot: {
    ...COPILOT_FORM,
    answer: ({ isAllowed, reason }) =>
      printed({
        permissionDecision: isAllowed ? "allow" : "deny",
        permissionDecisionReason: reason,
      }),
  },
};

function isOfSession(name: EventKind): name is "session-start" | "session-end" {
  return name === "session-start" || name === "session-end";
}

function printed(answer: object): HookAnswer {
  return { stdout: JSON.stringify(answer), stderr: "", exitCode: 0 };
}

function textOf(payload: Payload, key: string): string {
  const text = optionalText(payload, key);
  if (text !== undefined && text !== "") return text;
  throw new HookError(`The hook sent no "${key}"`);
}

function optionalText(payload: Payload, key: string): string | undefined {
  const value = payload[key];
  return typeof value === "string" ? value : undefined;
}

function folderOf(payload: Payload): string {
  const cwd = textOf(payload, "cwd");
  if (cwd.startsWith("/")) return cwd;
  throw new HookError(`The hook sent the folder ${JSON.stringify(cwd)}, expected an absolute path`);
}

function objectOf(payload: Payload, key: string): Payload {
  const value = payload[key];
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Payload;
  throw new HookError(`The hook sent no object "${key}"`);
}

/** Whether it is still the session that there was, whose calls can be reported. */
function goesOn(name: EventKind, payload: Payload): boolean {
  const source = payload["source"];
  return name === "session-start" && (source === "compact" || source === "resume");
}

/** What is reported of a call that has ended: untrusted, and only its digest is kept. */
function reportOf(payload: Payload, response: unknown, error: unknown): PermitReport {
  const duration = payload["duration_ms"];
  const text = typeof error === "string" ? error : Object(error)["message"];
  return {
    ...typeof text === "string" && { error: text },
    ...typeof duration === "number" && { durationMs: duration },
    ...response !== undefined && { resultDigest: sha256(JSON.stringify(response)) },
  };
}
