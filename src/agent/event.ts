/**
 * What happens in a run, one thing at a time.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import type { ToolCall, Usage } from "./conversation.ts";
import type { ModelError } from "./model_client.ts";

/**
 * How a run ended. `final`: the model had nothing more to call. `max_…`: a budget was used up.
 * `aborted`: by the signal. `failed`: the model could not be asked, or the gate is closed.
 */
export type Outcome =
  | "final"
  | "max_turns"
  | "max_tool_calls"
  | "max_tokens"
  | "max_duration"
  | "aborted"
  | "failed";

/** What a run was worth. */
export interface RunResult {
  /** How it ended. */
  readonly outcome: Outcome;
  /** The final text of the model; of other outcomes, what {@linkcode AgentLoop.run} returns. */
  readonly text: string;
  /** Tokens and requests of this run. */
  readonly usage: Usage;
  /** Of `failed` and `aborted`: what {@linkcode AgentLoop.run} throws. */
  readonly error?: unknown;
}

/** Something that happened in a run. */
export type AgentEvent =
  | {
    /** The model said more. */
    readonly type: "text";
    /** The piece. */
    readonly text: string;
  }
  | {
    /** The model wants something done; nothing is decided yet. */
    readonly type: "tool_call";
    /** The call. */
    readonly call: ToolCall;
    /** What goes to the gate. */
    readonly request: ActionRequest;
    /** Why it goes there to be put on record as `INVALID` only. */
    readonly problem?: string;
  }
  | {
    /** The gate has decided. It comes right before the action is carried out, or refused. */
    readonly type: "decision";
    /** Id of the call. */
    readonly id: string;
    /** `none`: nothing was decided, because the call is invalid or could not be recorded. */
    readonly effect: "allow" | "deny" | "none";
  }
  | {
    /** The gate has answered. */
    readonly type: "result";
    /** Id of the call. */
    readonly id: string;
    /** The whole result, also what the model is not told. */
    readonly result: ActionResult;
    /** What the model is told. */
    readonly content: string;
  }
  | {
    /** What an answer of the model has cost. */
    readonly type: "usage";
    /** This answer. */
    readonly usage: Usage;
    /** The run so far. */
    readonly total: Usage;
  }
  | {
    /** The model is asked again; what it said in this turn is void. */
    readonly type: "retry";
    /** What went wrong. */
    readonly error: ModelError;
    /** How many attempts have failed. */
    readonly attempt: number;
    /** How long it is waited before, in milliseconds. */
    readonly delayMs: number;
  }
  | (RunResult & {
    /** The run has ended; always the last event. */
    readonly type: "done";
  });

/** Events on their way from a run to who reads them. */
export class EventQueue {
  readonly #events: AgentEvent[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  /** Adds an event. */
  push(event: AgentEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** No more events come. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Gives the events as they come; for one reader. */
  async *read(): AsyncGenerator<AgentEvent, void, void> {
    while (true) {
      const events = this.#events.splice(0);
      yield* events;
      if (this.#events.length > 0) continue;
      if (this.#ended) return;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
