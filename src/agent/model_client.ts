/**
 * What a model is to the loop: something that answers messages with text and tool calls.
 *
 * @module
 */
import type { Message } from "./conversation.ts";

/** A tool as a model is told of it; every {@linkcode ToolDef} is one. */
export interface ToolDescription {
  /** What the model calls it. */
  readonly name: string;
  /** What it is for. */
  readonly description: string;
  /** JSON Schema of its arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** One request to a model. */
export interface ModelRequest {
  /** The system's text, before all messages. */
  readonly instructions?: string;
  /** The conversation so far. */
  readonly messages: readonly Message[];
  /** What the model may call. */
  readonly tools: readonly ToolDescription[];
  /** Aborted when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

/**
 * A piece of a model's answer. Everything in it is untrusted, also its types: it may come from
 * another machine.
 */
export type ModelDelta =
  | {
    /** More of the text. */
    readonly type: "text";
    /** The piece. */
    readonly text: string;
  }
  | {
    /** More of a tool call. */
    readonly type: "tool_call";
    /** Which call of this answer it belongs to; without it, the one of that `id`, or the last. */
    readonly index?: number;
    /** The id of the call, at least once. */
    readonly id?: string;
    /** The tool's name, at least once. */
    readonly name?: string;
    /** A piece of the arguments, which are JSON. */
    readonly arguments?: string;
    /** What the host wants back with the call; JSON. */
    readonly extra?: unknown;
  }
  | {
    /** What the answer has cost. */
    readonly type: "usage";
    /** Tokens of the request. */
    readonly inputTokens: number;
    /** Tokens of the answer. */
    readonly outputTokens: number;
  }
  | {
    /** The answer is complete; without it, it was cut off. */
    readonly type: "finish";
    /** Why: `"stop"`, `"tool_calls"`, `"length"`, or another word of the model. */
    readonly reason: string;
  };

/** A model that can be asked. Other SDKs fit behind it. */
export interface ModelClient {
  /** For messages to humans. */
  readonly name: string;
  /**
   * Asks once, without retrying.
   *
   * @throws {ModelError} While it is asked or read.
   */
  ask(request: ModelRequest): AsyncIterable<ModelDelta>;
}

/** Why a model did not answer; stable codes. */
export type ModelErrorCode =
  | "KEY_MISSING"
  | "KEY_REFUSED"
  | "MODEL_UNKNOWN"
  | "NOT_PERMITTED"
  | "UNREACHABLE"
  | "RATE_LIMITED"
  | "SERVER_FAILED"
  | "REQUEST_REFUSED"
  | "RESPONSE_CUT"
  | "RESPONSE_INVALID";

const RETRYABLE: readonly ModelErrorCode[] = [
  "UNREACHABLE",
  "RATE_LIMITED",
  "SERVER_FAILED",
  "RESPONSE_CUT",
];

/** A model could not be asked, or its answer could not be read. */
export class ModelError extends Error {
  /** The name of this class. */
  override name = "ModelError";
  /** Stable code. */
  readonly code: ModelErrorCode;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** An error with a code. */
  constructor(
    code: ModelErrorCode,
    message: string,
    { retryAfterMs }: {
      /** How long the server wants to be left alone, in milliseconds. */
      readonly retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return RETRYABLE.includes(this.code);
  }
}
