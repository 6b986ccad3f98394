/**
 * Conversations as data.
 *
 * @module
 */
import { copyJson, type JsonLimits } from "../core/json.ts";

/** A call that a model has made. */
export interface ToolCall {
  /** Unique in a conversation. */
  readonly id: string;
  /** The name that the model gave, or a placeholder if that name has not the required form. */
  readonly name: string;
  /** JSON of an object. */
  readonly arguments: string;
  /** A JSON value that the host wants back with the call, such as a signature. */
  readonly extra?: unknown;
}

/** One message. There is no system message: instructions belong to the loop. */
export type Message =
  | {
    /** A message of a human, or of the program. */
    readonly role: "user";
    /** The text. */
    readonly content: string;
  }
  | {
    /** An answer of the model. */
    readonly role: "assistant";
    /** The text, which may be empty. */
    readonly content: string;
    /** The tool calls. @default none */
    readonly toolCalls?: readonly ToolCall[];
    /**
     * Fields that the host wants back with the message, such as `reasoning_content`; JSON values.
     * Kept for messages with tool calls only. @default none
     */
    readonly extra?: Readonly<Record<string, unknown>>;
    /**
     * The model that sent `extra`, here or in a call. Another host does not get it. @default unknown:
     * every host gets it
     */
    readonly model?: string;
  }
  | {
    /** The result of a tool call. */
    readonly role: "tool";
    /** Id of the call. */
    readonly toolCallId: string;
    /** JSON of `{status, data?, error?, code?}`. */
    readonly content: string;
    /**
     * The call waits for a person's answer, and `resume` submits it again. Only results of the last answer
     * have it. @default it has ended
     */
    readonly pending?: true;
  };

/** Tokens and requests, summed up. */
export interface Usage {
  /** Tokens of the requests. */
  readonly inputTokens: number;
  /** Tokens of the answers. */
  readonly outputTokens: number;
  /** Number of answers. */
  readonly requests: number;
  /** Some of the tokens are estimated, because the host does not report them. */
  readonly estimated?: true;
}

/** A conversation as it is stored. */
export interface Conversation {
  /** Version of the format. */
  readonly version: 1;
  /** All messages, the oldest first. */
  readonly messages: readonly Message[];
  /** Tokens and requests so far. */
  readonly usage: Usage;
}

/** No tokens and no requests. */
export const NO_USAGE: Usage = Object.freeze({ inputTokens: 0, outputTokens: 0, requests: 0 });

/** The sum of two usages. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    requests: a.requests + b.requests,
    ...(a.estimated || b.estimated ? { estimated: true } : {}),
  };
}

type Untyped = Readonly<Record<string, unknown>>;

const LIMITS: JsonLimits = { depth: 32, nodes: 1_000_000, characters: 512 * 1024 * 1024 };

/**
 * Checks and copies a stored conversation.
 *
 * @param stored Anything, for example parsed JSON.
 * @returns A copy, without unknown fields.
 * @throws {TypeError} It is not a conversation, or a tool call in it does not have exactly one
 * result in the messages that follow it directly, or another one than the last calls waits.
 */
export function restoreConversation(stored: unknown): Conversation {
  const copy = copyJson(stored, "conversation", LIMITS) as Partial<Conversation> | null;
  if (copy === null || typeof copy !== "object" || copy.version !== 1) {
    throw wrong("conversation", "expected an object with version 1");
  }
  const { messages, usage } = copy;
  if (!Array.isArray(messages)) throw wrong("messages", "expected a list");
  const seen = new Set<string>();
  let open: string[] = [];
  const restored = messages.map((message: unknown, i): Message => {
    const where = `messages[${i}]`;
    const restored = restoreMessage(message, where);
    if (restored.role === "tool") {
      if (!open.includes(restored.toolCallId)) throw wrong(where, "answers no call before it");
      open = open.filter((id) => id !== restored.toolCallId);
      return restored;
    }
    if (open.length > 0) throw wrong(where, `the call "${open[0]}" has no answer`);
    for (const { id } of restored.role === "assistant" ? restored.toolCalls ?? [] : []) {
      if (seen.has(id)) throw wrong(where, `the id "${id}" is not unique`);
      seen.add(id);
      open.push(id);
    }
    return restored;
  });
  if (open.length > 0) throw wrong("messages", `the call "${open[0]}" has no answer`);
  const last = restored.findLastIndex(({ role }) => role !== "tool");
  const early = restored.slice(0, Math.max(0, last)).findIndex((one) =>
    one.role === "tool" && one.pending === true
  );
  if (early !== -1) throw wrong(`messages[${early}]`, "only results of the last answer can wait");
  return { version: 1, messages: restored, usage: restoreUsage(usage) };
}

function restoreMessage(message: unknown, where: string): Message {
  const { role, content, toolCalls, toolCallId, pending, extra, model } = Object(
    message,
  ) as Untyped;
  if (typeof content !== "string") throw wrong(where, "content is not a string");
  if (role === "user") return { role, content };
  if (role === "tool" && typeof toolCallId === "string") {
    return { role, toolCallId, content, ...(pending === true ? { pending } : {}) };
  }
  if (role !== "assistant") throw wrong(where, "expected role user, assistant or tool");
  if (toolCalls === undefined) return { role, content };
  if (!Array.isArray(toolCalls)) throw wrong(where, "toolCalls is not a list");
  if (extra !== undefined && !isObject(extra)) throw wrong(where, "extra is not an object");
  if (model !== undefined && typeof model !== "string") throw wrong(where, "model is not a string");
  return {
    role,
    content,
    toolCalls: toolCalls.map((call: unknown) => restoreCall(call, where)),
    ...(extra === undefined ? {} : { extra }),
    ...(model === undefined ? {} : { model }),
  };
}

function restoreCall(call: unknown, where: string): ToolCall {
  const { id, name, arguments: args, extra } = Object(call) as Untyped;
  if (typeof id !== "string" || typeof name !== "string" || typeof args !== "string") {
    throw wrong(where, "expected calls {id, name, arguments} whose values are strings");
  }
  return { id, name, arguments: args, ...(extra === undefined ? {} : { extra }) };
}

function restoreUsage(usage: unknown): Usage {
  const { inputTokens, outputTokens, requests, estimated } = Object(usage ?? NO_USAGE) as Untyped;
  if (![inputTokens, outputTokens, requests].every((one) => Number.isSafeInteger(one))) {
    throw wrong("usage", "expected whole numbers inputTokens, outputTokens and requests");
  }
  return {
    inputTokens: inputTokens as number,
    outputTokens: outputTokens as number,
    requests: requests as number,
    ...(estimated === true ? { estimated } : {}),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function wrong(where: string, why: string): TypeError {
  return new TypeError(`Cannot restore the conversation: ${where}: ${why}`);
}
