/**
 * The interface between the loop and a model: messages and tools go in, pieces of an answer come out.
 *
 * @module
 */
import type { Message } from "./conversation.ts";

/** The description of a tool that a model gets; every {@linkcode ToolDef} is one. */
export interface ToolDescription {
  /** The name by which the model calls it. */
  readonly name: string;
  /** What the tool is for. */
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** One request to a model. */
export interface ModelRequest {
  /** The system prompt. */
  readonly instructions?: string;
  /** The conversation so far. */
  readonly messages: readonly Message[];
  /** The tools that the model may call. */
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
    /** A piece of the text. */
    readonly type: "text";
    /** The piece. */
    readonly text: string;
  }
  | {
    /** A piece of a tool call. */
    readonly type: "tool_call";
    /** Number of the call in this answer. @default the call with the same `id`, else the last one */
    readonly index?: number;
    /** Id of the call, in at least one piece. */
    readonly id?: string;
    /** Name of the tool, in at least one piece. */
    readonly name?: string;
    /** A piece of the arguments, which are JSON. */
    readonly arguments?: string;
    /** A JSON value that the host wants back with the call. */
    readonly extra?: unknown;
  }
  | {
    /** Fields that the host wants back with the message, such as `reasoning_content`. */
    readonly type: "extra";
    /** The fields by name, or pieces of them: strings and lists are joined. */
    readonly fields: Readonly<Record<string, unknown>>;
  }
  | {
    /** How many tokens the answer took. */
    readonly type: "usage";
    /** Tokens of the request. */
    readonly inputTokens: number;
    /** Tokens of the answer. */
    readonly outputTokens: number;
  }
  | {
    /** The end of the answer. Without this delta the connection broke. */
    readonly type: "finish";
    /** The host's word: `"stop"`, `"tool_calls"`, `"length"`, `"content_filter"` or another one. */
    readonly reason: string;
  };

/** A client of a model. Implement it to use another SDK. */
export interface ModelClient {
  /** The name of the model, for messages. Up to the first `/` it names the host. */
  readonly name: string;
  /**
   * Asks the model once, without retrying.
   *
   * @param request The conversation, the tools and a signal.
   * @returns The pieces of the answer as they arrive.
   * @throws {ModelError} From the iteration, if the host fails.
   */
  ask(request: ModelRequest): AsyncIterable<ModelDelta>;
}

/** Why a model gave no usable answer; stable codes. */
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
  | "RESPONSE_INVALID"
  | "ANSWER_TRUNCATED"
  | "ANSWER_WITHHELD";

const RETRYABLE: readonly ModelErrorCode[] = [
  "UNREACHABLE",
  "RATE_LIMITED",
  "SERVER_FAILED",
  "RESPONSE_CUT",
];

/** A model could not be asked, or its answer cannot be used. */
export class ModelError extends Error {
  /** The name of this class. */
  override name = "ModelError";
  /** Stable code. */
  readonly code: ModelErrorCode;
  /** The wait that the host asks for before the next request, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /**
   * An error with a code.
   *
   * @param code Stable code.
   * @param message What failed and why.
   */
  constructor(
    code: ModelErrorCode,
    message: string,
    { retryAfterMs }: {
      /** The wait that the host asks for before the next request, in milliseconds. */
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
