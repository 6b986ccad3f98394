/**
 * What a resident kernel serves: the parts that its API uses.
 *
 * @module
 */
import type { ApprovalInbox } from "../approval/inbox.ts";
import type { ActionRequest } from "../core/action.ts";
import type { Timer } from "../core/timer.ts";
import type { DownstreamOptions } from "../gateway/mcp_gateway.ts";
import type { HookDesk, PermittingKernel } from "../hooks/desk.ts";
import type { ReversibleActionLayer } from "../reversible/layer.ts";
import type { SnapshotStore } from "../reversible/store.ts";
import type { SubmitFn } from "../stages/submit.ts";
import type { ToolDef } from "../agent/tool_def.ts";
import type { Caller } from "./caller.ts";
import type { PermitOwners } from "./permit_owners.ts";

/** The parts. */
export interface ServedParts {
  /** With a layer that saves what actions change, if there is one, before it. */
  readonly kernel: PermittingKernel & { readonly submit: SubmitFn };
  readonly hooks: HookDesk;
  readonly permits: PermitOwners;
  /** The questions that wait for a person. */
  readonly inbox: ApprovalInbox;
  /** The audit log. */
  readonly logPath: string;
  /** Set if what actions change is saved. */
  readonly undo?:
    | { readonly layer: ReversibleActionLayer; readonly store: SnapshotStore }
    | undefined;
  /** What `GET /v1/health` says beside the version and the time since the start. */
  readonly status: () => Readonly<Record<string, unknown>>;
  /** How a request would be decided, as `agent-kernel explain --json` prints it. */
  readonly explain: (request: ActionRequest) => object;
  /** What is used of limits, as `agent-kernel limits --json` prints it. */
  readonly limits: (agent: string | undefined) => readonly object[];
  /** The tools that the gateway offers to a caller. @default none: there is no gateway */
  readonly tools?: () => Promise<readonly ToolDef[]>;
  /** The MCP servers behind the gateway. @default none */
  readonly downstream?: DownstreamOptions | undefined;
  /** Wall clock. */
  readonly clock: () => Date;
  readonly timer: Timer;
  /** Gets what failed while an answer was made. */
  readonly onWarning: (line: string) => void;
}

/** What an MCP client is answered, by the gateway. */
export type McpAnswerer = (request: {
  readonly method: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly caller: Caller;
}) => Promise<Response>;
