/**
 * The loop between a model and the kernel.
 *
 * @module
 */
import type { SubmitFn } from "../stages/submit.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { type Answer, AnswerBuilder, usageOf } from "./answer.ts";
import {
  addUsage,
  type Conversation,
  type Message,
  NO_USAGE,
  restoreConversation,
  type ToolCall,
  type Usage,
} from "./conversation.ts";
import { type AgentEvent, EventQueue, type RunResult } from "./event.ts";
import { untilAborted, wait } from "./interruption.ts";
import {
  type AgentLoopOptions,
  type Limits,
  limitsOf,
  type OnApproval,
  onApprovalOf,
  type RunOptions,
  toolsByName,
} from "./loop_options.ts";
import type { ModelClient, ModelError } from "./model_client.ts";
import { openAiClient } from "./openai_client.ts";
import { planCall, type PlannedCall } from "./planned_call.ts";
import { retryDelay, type RetryOptions } from "./retry.ts";
import { end, incomplete, type Interrupted, textOf } from "./run_end.ts";
import { submitCalls } from "./submission.ts";
import type { ToolDef } from "./tool_def.ts";
import { giveUpWaiting, planAgain, tellResults, type Told, waitingCalls } from "./waiting_calls.ts";

/** Reason of the abort when `maxDurationMs` is over. */
const TIME_IS_OVER = new DOMException("The time of the run is over", "TimeoutError");

/** The state of a run. */
interface Run {
  readonly emit: (event: AgentEvent) => void;
  readonly signal: AbortSignal;
  usage: Usage;
  toolCalls: number;
}

/**
 * Asks a model, submits its tool calls to the kernel, returns the results to the model, and repeats
 * this until the model calls no tool.
 *
 * Its only effect is to call `submit`. What the model says, what it calls and what tools return are
 * data: the result of a tool becomes a message with the role `tool`, and nothing else.
 *
 * @example
 * ```ts ignore
 * import { Kernel } from "@agent-kernel/kernel";
 * import { AgentLoop, fsTools } from "@agent-kernel/kernel/agent";
 * import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
 *
 * await using kernel = await Kernel.open({
 *   policy: "policy.yaml",
 *   providers: [new FilesystemProvider()],
 * });
 * const loop = new AgentLoop({ kernel, model: "gpt-5", tools: fsTools() });
 * console.log(await loop.run("Summarise /workspace/sales.csv"));
 * ```
 */
export class AgentLoop {
  readonly #submit: SubmitFn;
  readonly #model: ModelClient;
  readonly #instructions: string | undefined;
  readonly #tools: ReadonlyMap<string, ToolDef>;
  readonly #agent: string | undefined;
  readonly #limits: Limits;
  readonly #onApproval: OnApproval;
  readonly #retry: RetryOptions;
  readonly #timer: Timer;
  readonly #messages: Message[];
  readonly #ids: Set<string>;
  #usage: Usage;
  #freshIds = 0;
  #running = false;

  /**
   * Checks the options. If the model is a name, this finds its host and reads the key.
   *
   * @param options The kernel, the model, the tools and the bounds.
   * @throws {TypeError | RangeError} An option has not the required form, or two tools have the same
   * name.
   * @throws {ModelError} `KEY_MISSING`
   */
  constructor(options: AgentLoopOptions) {
    const { kernel, model, tools = [] } = options;
    const submit = options.submit ?? kernel?.submit.bind(kernel);
    if (typeof submit !== "function") {
      throw new TypeError("Cannot make a loop: expected kernel or submit");
    }
    this.#submit = submit;
    this.#model = typeof model === "string" ? openAiClient(model, options.modelOptions) : model;
    this.#instructions = options.instructions;
    this.#tools = toolsByName(tools);
    this.#agent = options.agent;
    this.#limits = limitsOf(options);
    this.#onApproval = onApprovalOf(options);
    this.#retry = options.retry ?? {};
    this.#timer = options.timer ?? SYSTEM_TIMER;
    const { messages, usage } = options.conversation === undefined
      ? { messages: [], usage: NO_USAGE }
      : restoreConversation(options.conversation);
    this.#messages = [...messages];
    this.#usage = usage;
    this.#ids = new Set(
      messages.flatMap((one) => one.role === "assistant" ? one.toolCalls ?? [] : [])
        .map(({ id }) => id),
    );
  }

  /** All messages so far, the oldest first. */
  get messages(): readonly Message[] {
    return [...this.#messages];
  }

  /** The calls of the last answer that wait for a person. */
  get pending(): readonly ToolCall[] {
    return waitingCalls(this.#messages);
  }

  /** Tokens and requests of all runs. */
  get usage(): Usage {
    return this.#usage;
  }

  /** The conversation, to be stored, and continued by another loop. */
  toJSON(): Conversation {
    return { version: 1, messages: this.messages, usage: this.#usage };
  }

  /**
   * Sends a message to the model and waits for the end. The next run continues the conversation. Calls that
   * wait for a person stay told as waiting: the model can make them again.
   *
   * @param prompt The message.
   * @param options A signal that ends the run.
   * @returns The final text of the model. If a budget is used up: `[max turns reached]`,
   * `[max tool calls reached]`, `[max tokens reached]` or `[max duration reached]`; with `onApproval: "pause"`
   * also `[waiting for a person]`.
   * @throws {ModelError} The model cannot be asked, or its last answer was cut off
   * (`ANSWER_TRUNCATED`) or refused (`ANSWER_WITHHELD`).
   * @throws {unknown} The reason of the signal, or what `submit` threw.
   */
  async run(prompt: string, options: RunOptions = {}): Promise<string> {
    return await textOf(this.stream(prompt, options));
  }

  /**
   * Goes on where calls wait for a person, after a restore too: submits them again, tells the model the
   * results and runs to the end. If an answer is still missing, it ends as waiting again.
   *
   * @param options A signal that ends the run.
   * @returns As {@linkcode AgentLoop.run}.
   * @throws {TypeError} (as a rejection) No call waits.
   * @throws {unknown} As {@linkcode AgentLoop.run}.
   */
  async resume(options: RunOptions = {}): Promise<string> {
    return await textOf(this.resumeStream(options));
  }

  /**
   * As {@linkcode AgentLoop.resume}, event by event, as {@linkcode AgentLoop.stream}.
   *
   * @param options A signal that ends the run.
   * @throws {TypeError} No call waits, or this loop is running.
   */
  async *resumeStream(options: RunOptions = {}): AsyncGenerator<AgentEvent, void, void> {
    if (this.pending.length === 0) {
      throw new TypeError("Cannot resume: no call waits for a person");
    }
    yield* this.#stream(undefined, options);
  }

  /**
   * As {@linkcode AgentLoop.run}, event by event. The last event, `done`, says how the run ended; what
   * fails in the run is not thrown. Ending the iteration ends the run.
   *
   * @param prompt The message.
   * @param options A signal that ends the run.
   * @throws {TypeError} The prompt is not a string, or this loop is running.
   */
  async *stream(
    prompt: string,
    options: RunOptions = {},
  ): AsyncGenerator<AgentEvent, void, void> {
    if (typeof prompt !== "string") throw new TypeError("Cannot run: expected a string as prompt");
    yield* this.#stream(prompt, options);
  }

  /** @param prompt `undefined` to go on with the calls that wait. */
  async *#stream(
    prompt: string | undefined,
    { signal }: RunOptions,
  ): AsyncGenerator<AgentEvent, void, void> {
    if (this.#running) throw new TypeError("Cannot run: this loop is running");
    this.#running = true;
    const stopped = new AbortController();
    const timeIsOver = () => stopped.abort(TIME_IS_OVER);
    const { durationMs } = this.#limits;
    const cancel = durationMs === Infinity
      ? () => {}
      : this.#timer.schedule(timeIsOver, durationMs);
    const queue = new EventQueue();
    const run: Run = {
      emit: (event) => queue.push(event),
      signal: AbortSignal.any([stopped.signal, ...(signal === undefined ? [] : [signal])]),
      usage: NO_USAGE,
      toolCalls: 0,
    };
    const waiting = prompt === undefined ? this.pending : [];
    if (prompt !== undefined) {
      giveUpWaiting(this.#messages);
      this.#messages.push({ role: "user", content: prompt.toWellFormed() });
    }
    const ended = this.#drive(run, waiting).then((result) => {
      run.emit({ type: "done", ...result });
      queue.end();
    });
    try {
      yield* queue.read();
    } finally {
      stopped.abort(new DOMException("The run is no longer read", "AbortError"));
      cancel();
      await ended;
      this.#running = false;
    }
  }

  /** Performs a run, first the calls that have waited. Never rejects. */
  async #drive(run: Run, waiting: readonly ToolCall[]): Promise<RunResult> {
    try {
      if (waiting.length > 0) {
        const exceeded = await this.#submitAgain(waiting, run);
        if (exceeded !== undefined) return end(exceeded, run.usage);
      }
      for (let turn = 0; turn < this.#limits.turns; turn++) {
        run.signal.throwIfAborted();
        const answer = await this.#ask(run);
        if (answer.ending !== "complete" || answer.calls.length === 0) {
          return this.#finish(answer, run);
        }
        const exceeded = await this.#submitCalls(answer, run);
        if (exceeded !== undefined) return end(exceeded, run.usage);
      }
      return end("max_turns", run.usage);
    } catch (error) {
      if (!run.signal.aborted) return { ...end("failed", run.usage), error };
      const { reason } = run.signal;
      if (reason === TIME_IS_OVER) return end("max_duration", run.usage);
      return { ...end("aborted", run.usage), error: reason };
    }
  }

  /** Gets one answer of the model, with retries. */
  async #ask(run: Run): Promise<Answer> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#askOnce(run);
      } catch (error) {
        run.signal.throwIfAborted();
        const delayMs = retryDelay(error, attempt, this.#retry);
        if (delayMs === undefined) throw error;
        run.emit({ type: "retry", error: error as ModelError, attempt, delayMs });
        await wait(this.#timer, delayMs, run.signal);
      }
    }
  }

  async #askOnce(run: Run): Promise<Answer> {
    const builder = new AnswerBuilder();
    const deltas = this.#model.ask({
      ...(this.#instructions === undefined ? {} : { instructions: this.#instructions }),
      messages: this.messages,
      tools: [...this.#tools.values()],
      signal: run.signal,
    });
    for await (const delta of untilAborted(deltas, run.signal)) {
      const text = builder.add(delta);
      if (text !== "") run.emit({ type: "text", text });
    }
    const answer = builder.end();
    const usage = usageOf(answer, [this.#instructions ?? "", this.#messages]);
    run.usage = addUsage(run.usage, usage);
    this.#usage = addUsage(this.#usage, usage);
    run.emit({ type: "usage", usage, total: run.usage });
    return answer;
  }

  /** Ends a run with an answer without tool calls. */
  #finish({ text, ending, finishReason }: Answer, { usage }: Run): RunResult {
    // Hosts refuse a conversation with an empty answer of the model.
    if (text !== "" || ending === "complete") {
      this.#messages.push({ role: "assistant", content: text });
    }
    if (ending === "complete") return { outcome: "final", text, usage, finishReason };
    const error = incomplete(ending, { model: this.#model.name, finishReason });
    return { outcome: ending, text, usage, finishReason, error };
  }

  /**
   * Submits the calls of an answer, and adds the answer and the results to the conversation.
   *
   * @returns The budget that is used up.
   */
  async #submitCalls({ text, calls, extra }: Answer, run: Run): Promise<Interrupted | undefined> {
    const planned = calls.map((raw) => {
      const plan = planCall(raw, this.#tools, {
        usedIds: this.#ids,
        freshId: () => this.#freshId(),
        agent: this.#agent,
      });
      this.#ids.add(plan.call.id);
      return plan;
    });
    this.#messages.push({
      role: "assistant",
      content: text,
      toolCalls: planned.map(({ call }) => call),
      ...(extra === undefined ? {} : { extra }),
      ...(extra === undefined && calls.every((call) => call.extra === undefined)
        ? {}
        : { model: this.#model.name }),
    });
    return await this.#submitPlanned(planned, [], run);
  }

  /** Submits calls that have waited for a person. */
  #submitAgain(calls: readonly ToolCall[], run: Run): Promise<Interrupted | undefined> {
    const planned = calls.map((call) => planAgain(call, this.#tools, this.#agent));
    const told = calls.map(({ id }): Told => {
      const earlier = this.#messages.findLast((one) =>
        one.role === "tool" && one.toolCallId === id
      );
      return { content: earlier?.content ?? "", pending: true };
    });
    return this.#submitPlanned(planned, told, run);
  }

  async #submitPlanned(
    planned: readonly PlannedCall[],
    told: Told[],
    run: Run,
  ): Promise<Interrupted | undefined> {
    const { inputTokens, outputTokens } = run.usage;
    const isOverBudget = inputTokens + outputTokens > this.#limits.tokens;
    const granted = isOverBudget ? 0 : Math.max(0, this.#limits.toolCalls - run.toolCalls);
    run.toolCalls += planned.length;
    try {
      await submitCalls(planned, told, {
        submit: this.#submit,
        granted,
        concurrency: this.#limits.concurrency,
        resultChars: this.#limits.resultChars,
        waits: this.#onApproval === "wait",
        timer: this.#timer,
        signal: run.signal,
        emit: run.emit,
      });
    } finally {
      // INVARIANT: each call has one result, in the order of the calls, however the run ends.
      // INVARIANT: the content of a result becomes a message with the role "tool", and nothing else.
      tellResults(this.#messages, planned, told);
    }
    if (this.#onApproval === "pause" && this.pending.length > 0) return "waiting";
    return isOverBudget ? "max_tokens" : planned.length > granted ? "max_tool_calls" : undefined;
  }

  /** Nine letters and digits: the form that the strictest host, Mistral, accepts. */
  #freshId(): string {
    let id: string;
    do id = `k${String(++this.#freshIds).padStart(8, "0")}`; while (this.#ids.has(id));
    return id;
  }
}

/**
 * Makes a loop and runs it once.
 *
 * @param prompt The message to the model.
 * @param options Options of the loop and of the run.
 * @returns As {@linkcode AgentLoop.run}.
 * @throws {unknown} As the constructor and {@linkcode AgentLoop.run}.
 */
export function runAgentLoop(
  prompt: string,
  options: AgentLoopOptions & RunOptions,
): Promise<string> {
  const { signal } = options;
  return new AgentLoop(options).run(prompt, signal === undefined ? {} : { signal });
}
