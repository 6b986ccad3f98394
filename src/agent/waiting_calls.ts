/**
 * Calls of a conversation that wait for a person's answer.
 *
 * @module
 */
import type { ActionResult } from "../core/action.ts";
import { APPROVAL_CODES } from "../approval/refusal.ts";
import type { Message, ToolCall } from "./conversation.ts";
import { planCall, type PlannedCall } from "./planned_call.ts";
import type { ToolDef } from "./tool_def.ts";

/** What the model is told of a call. */
export interface Told {
  /** The content of its tool message. */
  readonly content: string;
  /** Whether it waits for a person. @default it has ended */
  readonly pending?: true;
}

/** Whether nothing was done because nobody has answered yet. */
export function isPending({ status, code, recordId }: ActionResult): boolean {
  return status === "DENIED" && code === APPROVAL_CODES.PENDING && recordId === undefined;
}

/** How long the question of a pending result can still be answered, in milliseconds. */
export function answerableMs({ details }: ActionResult): number {
  const ms = details?.["left_ms"];
  return typeof ms === "number" && ms > 0 ? ms : 0;
}

/** The calls at the end of a conversation whose results are pending, in their order. */
export function waitingCalls(messages: readonly Message[]): ToolCall[] {
  const first = firstResult(messages);
  const asked = messages[first - 1];
  const ids = messages.slice(first).flatMap((one) =>
    one.role === "tool" && one.pending === true ? one.toolCallId : []
  );
  const calls = asked?.role === "assistant" ? asked.toolCalls ?? [] : [];
  return calls.filter(({ id }) => ids.includes(id));
}

/**
 * A call that waits, as it is submitted again: checked like a call that a model makes now.
 *
 * INVARIANT: a stored conversation can ask for nothing that a model could not.
 */
export function planAgain(
  call: ToolCall,
  tools: ReadonlyMap<string, ToolDef>,
  agent: string | undefined,
): PlannedCall {
  const ids = { usedIds: new Set<string>(), freshId: () => call.id };
  return { ...planCall(call, tools, { ...ids, agent }), call };
}

/** Adds the results of calls to a conversation, or puts them in the place of those that were pending. */
export function tellResults(
  messages: Message[],
  calls: readonly PlannedCall[],
  told: readonly Told[],
): void {
  const first = firstResult(messages);
  const earlier = messages.slice(first);
  for (const [i, { call: { id } }] of calls.entries()) {
    const message = { role: "tool", toolCallId: id, ...told[i] ?? { content: "" } } as const;
    const at = earlier.findIndex((one) => one.role === "tool" && one.toolCallId === id);
    if (at === -1) messages.push(message);
    else messages[first + at] = message;
  }
}

/** What the model was told stays; what waits is not submitted again. */
export function giveUpWaiting(messages: Message[]): void {
  for (let i = firstResult(messages); i < messages.length; i++) {
    const message = messages[i];
    if (message?.role !== "tool" || message.pending === undefined) continue;
    const { pending: _, ...told } = message;
    messages[i] = told;
  }
}

/** Where the results of the last answer begin. */
function firstResult(messages: readonly Message[]): number {
  return messages.findLastIndex(({ role }) => role !== "tool") + 1;
}
