/**
 * What a hook of an agent tells, and what it is answered, for all agents the same.
 *
 * @module
 */
import type { PermitReport } from "../permits.ts";

/** A call of one of an agent's own tools. Untrusted. */
export interface ToolCall {
  /** As the agent names it, for example `Bash`. */
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Absolute folder in which the agent says that the tool runs. */
  readonly cwd: string;
  /** The agent's conversation. */
  readonly session: string;
  /** By which a call and its report belong together; `undefined` if the agent gives none. */
  readonly id: string | undefined;
  /** Set if the agent says that the tool is one of an MCP server. */
  readonly mcp?: { readonly server: string; readonly tool: string };
}

/** The name of the kernel among an agent's MCP servers. Without "-" and "_", which agents put between names. */
export const GATEWAY = "kernel";

/** When hooks are called. `gateway-only` is before a call too: nothing but the gateway's tools is permitted. */
export const HOOK_EVENTS = [
  "before",
  "gateway-only",
  "after",
  "session-start",
  "session-end",
] as const;

/** One of {@linkcode HOOK_EVENTS}. */
export type HookEventName = typeof HOOK_EVENTS[number];

/** What a hook is about. */
export type EventKind = HookEvent["name"];

/** What a hook tells. */
export type HookEvent =
  | { readonly name: "before"; readonly call: ToolCall }
  | { readonly name: "after"; readonly call: ToolCall; readonly report: PermitReport }
  | {
    readonly name: "session-start" | "session-end";
    readonly session: string;
    readonly cwd: string;
    /** Whether it is the session that there was before. */
    readonly goesOn: boolean;
  };

/** What an agent is told before a call. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Why not, and what would be needed, for the model. */
  readonly reason: string;
}

/** What the hook program prints, and how it ends. */
export interface HookAnswer {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** What a hook sent cannot be understood: the call is refused. */
export class HookError extends Error {
  /** The name of this class. */
  override name = "HookError";
}
