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
  /** The name that the model gave; if it had none of the right form, a placeholder. */
  readonly name: string;
  /** JSON of an object. */
  readonly arguments: string;
  /** What the host added and wants back with the call, like a signature; JSON. */
  readonly extra?: unknown;
}

/** One message. There is no system message: instructions belong to the loop. */
export type Message =
  | {
    /** What a human, or the program, says. */
    readonly role: "user";
    /** The text. */
    readonly content: string;
  }
  | {
    /** What the model says. */
    readonly role: "assistant";
    /** The text, which may be empty. */
    readonly content: string;
    /** What it calls. */
    readonly toolCalls?: readonly ToolCall[];
  }
  | {
    /** What came of a call. */
    readonly role: "tool";
    /** Of the call that it answers. */
    readonly toolCallId: string;
    /** JSON of `{status, data?, error?, code?}`. */
    readonly content: string;
  };

/** Tokens and requests, summed up. */
export interface Usage {
  /** Tokens of requests. */
  readonly inputTokens: number;
  /** Tokens of answers. */
  readonly outputTokens: number;
  /** Answers of the model. */
  readonly requests: number;
  /** Some of the tokens were estimated, because the model did not tell them. */
  readonly estimated?: true;
}

/** A conversation as it is stored. */
export interface Conversation {
  /** The format. */
  readonly version: 1;
  /** All messages, the oldest first. */
  readonly messages: readonly Message[];
  /** What it has cost so far. */
  readonly usage: Usage;
}

/** Usage of nothing. */
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

const LIMITS: JsonLimits = { depth: 32, nodes: 1_000_000, characters: 512 * 1024 * 1024 };

/**
 * Takes over a stored conversation, whatever it is.
 *
 * @throws {TypeError} It is none, or a call in it has not exactly one answer, right behind it.
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
    const place = `messages[${i}]`;
    const one = checked(message, place);
    if (one.role === "tool") {
      if (!open.includes(one.toolCallId)) throw wrong(place, "answers no call before it");
      open = open.filter((id) => id !== one.toolCallId);
      return one;
    }
    if (open.length > 0) throw wrong(place, `the call "${open[0]}" has no answer`);
    for (const { id } of one.role === "assistant" ? one.toolCalls ?? [] : []) {
      if (seen.has(id)) throw wrong(place, `the id "${id}" is not unique`);
      seen.add(id);
      open.push(id);
    }
    return one;
  });
  if (open.length > 0) throw wrong("messages", `the call "${open[0]}" has no answer`);
  return { version: 1, messages: restored, usage: checkedUsage(usage) };
}

function checked(message: unknown, place: string): Message {
  const { role, content, toolCalls, toolCallId } = Object(message) as Record<string, unknown>;
  if (typeof content !== "string") throw wrong(place, "content is no text");
  if (role === "user") return { role, content };
  if (role === "tool" && typeof toolCallId === "string") return { role, toolCallId, content };
  if (role !== "assistant") throw wrong(place, "expected role user, assistant or tool");
  if (toolCalls === undefined) return { role, content };
  if (!Array.isArray(toolCalls)) throw wrong(place, "toolCalls is no list");
  return {
    role,
    content,
    toolCalls: toolCalls.map((call: unknown): ToolCall => {
      const { id, name, arguments: args, extra } = Object(call) as Record<string, unknown>;
      if (typeof id !== "string" || typeof name !== "string" || typeof args !== "string") {
        throw wrong(place, "expected calls {id, name, arguments}, all of them texts");
      }
      return { id, name, arguments: args, ...(extra === undefined ? {} : { extra }) };
    }),
  };
}

function checkedUsage(usage: unknown): Usage {
  const { inputTokens, outputTokens, requests, estimated } = Object(usage ?? NO_USAGE) as Record<
    string,
    unknown
  >;
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

function wrong(place: string, why: string): TypeError {
  return new TypeError(`Cannot restore the conversation: ${place}: ${why}`);
}
