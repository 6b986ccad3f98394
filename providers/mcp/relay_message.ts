/**
 * What goes between the Worker of the provider and the relay in the process that has the clients.
 *
 * @module
 */

/** Requests that a server makes of its client, and the actions that decide them. */
export const ASKS = {
  "sampling/createMessage": "mcp.sample",
  "elicitation/create": "mcp.elicit",
  "roots/list": "mcp.roots",
} as const;

/** A request that a server can make. */
export type AskMethod = keyof typeof ASKS;
/** The action that decides it. */
export type AskAction = typeof ASKS[AskMethod];

/** What a server can say has changed. */
export type Changed = "tools" | "resources" | "prompts";

/** From the Worker; untrusted, like all that a Worker sends. */
export type FromPort =
  | {
    readonly type: "progress";
    readonly call: string;
    readonly progress: number;
    readonly total?: number;
    readonly message?: string;
  }
  | {
    readonly type: "log";
    readonly server: string;
    readonly level: string;
    readonly data: unknown;
  }
  /** The call has ended: whatever was said during it has come before this. */
  | { readonly type: "finished"; readonly call: string }
  | { readonly type: "changed"; readonly server: string; readonly what: Changed }
  | { readonly type: "updated"; readonly server: string; readonly uri: string }
  | { readonly type: "stderr"; readonly server: string; readonly text: string }
  | {
    readonly type: "ended";
    readonly server: string;
    readonly code: number;
    readonly signal: string | null;
  }
  | {
    readonly type: "ask";
    readonly id: string;
    readonly server: string;
    readonly method: AskMethod;
    readonly params: Readonly<Record<string, unknown>>;
  };

/** To the Worker. It can end what goes on, and answer what was asked; it can have nothing done. */
export type ToPort =
  | { readonly type: "cancel"; readonly call: string }
  | {
    readonly type: "end";
    readonly server: string;
    readonly signal: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGQUIT" | null;
  }
  | {
    readonly type: "answer";
    readonly id: string;
    readonly result: Readonly<Record<string, unknown>>;
  }
  | {
    readonly type: "answer";
    readonly id: string;
    readonly error: { readonly code: number; readonly message: string };
  };

/** The key under which the id of a call is handed to the provider, as a preparation. */
export const CALL_ID = "mcp_call";
