/**
 * The events of a run.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import type { ToolCall, Usage } from "./conversation.ts";
import type { ModelError } from "./model_client.ts";

/**
 * How a run ended. `final`: the model finished. `truncated`: its last answer was cut off at a limit.
 * `withheld`: the host or the model refused to give it. `waiting`: calls wait for a person. `max_…`: a budget was used up. `aborted`: by
 * the signal. `failed`: the model could not be asked, or the kernel is closed.
 */
export type RunOutcome =
  | "final"
  | "truncated"
  | "withheld"
  | "waiting"
  | "max_turns"
  | "max_tool_calls"
  | "max_tokens"
  | "max_duration"
  | "aborted"
  | "failed";

/** The end of a run. */
export interface RunResult {
  /** How it ended. */
  readonly outcome: RunOutcome;
  /**
   * With `final`, `truncated` and `withheld` the text of the model's last answer, else the outcome in
   * brackets, such as `[max turns reached]`.
   */
  readonly text: string;
  /** Tokens and requests of this run. */
  readonly usage: Usage;
  /**
   * With `final`, `truncated` and `withheld` the host's own word for why the answer ended, such as
   * `stop`, `length` or `content_filter`.
   */
  readonly finishReason?: string;
  /** With `truncated`, `withheld`, `failed` and `aborted` what {@linkcode AgentLoop.run} throws. */
  readonly error?: unknown;
}

/** An event of a run. */
export type AgentEvent =
  | {
    /** A piece of the model's text arrived. */
    readonly type: "text";
    /** The piece. */
    readonly text: string;
  }
  | {
    /** A tool call is submitted; nothing is decided yet. */
    readonly type: "tool_call";
    /** The call. */
    readonly call: ToolCall;
    /** The request that it becomes. */
    readonly request: ActionRequest;
    /** Why the request is only recorded, as `INVALID`. */
    readonly problem?: string;
  }
  | {
    /** The kernel has decided. `allow` comes right before the action is carried out. */
    readonly type: "decision";
    /** Id of the call. */
    readonly id: string;
    /** `none`: nothing was decided, because the call is invalid or cannot be recorded. */
    readonly effect: "allow" | "deny" | "none";
  }
  | {
    /** The kernel has answered. */
    readonly type: "result";
    /** Id of the call. */
    readonly id: string;
    /** The whole result, including what the model does not get. */
    readonly result: ActionResult;
    /** The content of the tool message that the model gets. */
    readonly content: string;
  }
  | {
    /** An answer of the model is complete. */
    readonly type: "usage";
    /** Tokens of this answer. */
    readonly usage: Usage;
    /** Tokens and requests of the run so far. */
    readonly total: Usage;
  }
  | {
    /** The model is asked again; its text since the last event `usage` is void. */
    readonly type: "retry";
    /** Why the attempt failed. */
    readonly error: ModelError;
    /** Number of attempts that have failed. */
    readonly attempt: number;
    /** The wait before the next attempt, in milliseconds. */
    readonly delayMs: number;
  }
  | (RunResult & {
    /** The run has ended; always the last event. */
    readonly type: "done";
  });

/** Queue of events between a run and its reader. */
export class EventQueue {
  readonly #events: AgentEvent[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  /** Adds an event. */
  push(event: AgentEvent): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** Ends the queue: no event follows. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Reads the events as they arrive; for one reader. */
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
