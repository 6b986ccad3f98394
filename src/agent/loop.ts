/**
 * The loop between a model and the gate.
 *
 * @module
 */
import type { SubmitFn } from "../core/action.ts";
import { SYSTEM_TIMER, type Timer } from "../core/timer.ts";
import { type Answer, AnswerBuilder } from "./answer.ts";
import {
  addUsage,
  type Conversation,
  type Message,
  NO_USAGE,
  restoreConversation,
  type Usage,
} from "./conversation.ts";
import { type AgentEvent, EventQueue, type Outcome, type RunResult } from "./event.ts";
import { untilAborted, wait } from "./interruption.ts";
import {
  type AgentLoopOptions,
  type Limits,
  limitsOf,
  type RunOptions,
  toolsByName,
} from "./loop_options.ts";
import type { ModelClient, ModelError } from "./model_client.ts";
import { openAiClient } from "./openai_client.ts";
import { planCall } from "./planned_call.ts";
import { retryDelay, type RetryOptions } from "./retry.ts";
import { submitCalls } from "./submission.ts";
import type { ToolDef } from "./tool_def.ts";

/** Thrown into the run by itself when its time is over. */
const TIME_IS_OVER = new DOMException("The time of the run is over", "TimeoutError");

const TEXTS: Readonly<Record<Outcome, string>> = {
  final: "",
  max_turns: "[max turns reached]",
  max_tool_calls: "[max tool calls reached]",
  max_tokens: "[max tokens reached]",
  max_duration: "[max duration reached]",
  aborted: "[aborted]",
  failed: "[failed]",
};

/** What a run carries along. */
interface Run {
  readonly emit: (event: AgentEvent) => void;
  readonly signal: AbortSignal;
  usage: Usage;
  toolCalls: number;
}

/**
 * Asks a model, has its tool calls decided, carried out and recorded by the kernel, tells it the
 * results, and so on, until it has nothing more to call.
 *
 * The only thing it does to the world is to call `submit`. What the model says, what it calls and
 * what comes back are data to it: a tool's result becomes a message of the role `tool`, and nothing
 * else.
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
  readonly #retry: RetryOptions;
  readonly #timer: Timer;
  readonly #messages: Message[];
  readonly #ids: Set<string>;
  #usage: Usage;
  #freshIds = 0;
  #running = false;

  /**
   * Checks the options; a model by name is resolved, and its key read.
   *
   * @throws {TypeError | RangeError} An option is not of the required form, or two tools have the
   * same name.
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

  /** What all runs together have cost. */
  get usage(): Usage {
    return this.#usage;
  }

  /** The conversation, to be stored, and gone on with by another loop. */
  toJSON(): Conversation {
    return { version: 1, messages: this.messages, usage: this.#usage };
  }

  /**
   * Says something to the model and waits for the end. The next run continues the conversation.
   *
   * @returns The final text of the model. If a budget is used up: `[max turns reached]`,
   * `[max tool calls reached]`, `[max tokens reached]` or `[max duration reached]`.
   * @throws {ModelError} The model cannot be asked.
   * @throws {unknown} The reason of the signal; what `submit` threw.
   */
  async run(prompt: string, options: RunOptions = {}): Promise<string> {
    for await (const event of this.stream(prompt, options)) {
      if (event.type !== "done") continue;
      if (event.outcome === "failed" || event.outcome === "aborted") throw event.error;
      return event.text;
    }
    throw new Error("The run ended without an outcome");
  }

  /**
   * The same, event by event. It does not throw: the last event, `done`, says how the run ended. Who
   * stops reading ends the run.
   */
  async *stream(
    prompt: string,
    { signal }: RunOptions = {},
  ): AsyncGenerator<AgentEvent, void, void> {
    if (typeof prompt !== "string") throw new TypeError("Cannot run: expected a text");
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
    this.#messages.push({ role: "user", content: prompt.toWellFormed() });
    const ended = this.#drive(run).then((result) => {
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

  /** A whole run; never rejects. */
  async #drive(run: Run): Promise<RunResult> {
    try {
      for (let turn = 0; turn < this.#limits.turns; turn++) {
        run.signal.throwIfAborted();
        const { text, calls } = await this.#ask(run);
        if (calls.length === 0) {
          this.#messages.push({ role: "assistant", content: text });
          return { outcome: "final", text, usage: run.usage };
        }
        const over = await this.#answer(text, calls, run);
        if (over !== undefined) return end(over, run);
      }
      return end("max_turns", run);
    } catch (error) {
      if (!run.signal.aborted) return { ...end("failed", run), error };
      const { reason } = run.signal;
      if (reason === TIME_IS_OVER) return end("max_duration", run);
      return { ...end("aborted", run), error: reason };
    }
  }

  /** One answer of the model, however often it has to be asked. */
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
    const usage = this.#cost(answer);
    run.usage = addUsage(run.usage, usage);
    this.#usage = addUsage(this.#usage, usage);
    run.emit({ type: "usage", usage, total: run.usage });
    return answer;
  }

  /** Some hosts do not tell: then about four characters are a token. */
  #cost({ text, calls, tokens }: Answer): Usage {
    if (tokens !== undefined) return { ...tokens, requests: 1 };
    const characters = (values: unknown) => Math.ceil(JSON.stringify(values).length / 4);
    return {
      inputTokens: characters([this.#instructions ?? "", this.#messages]),
      outputTokens: characters([text, calls]),
      requests: 1,
      estimated: true,
    };
  }

  /**
   * Has the calls of one answer submitted, and puts their results behind it.
   *
   * @returns The budget that is used up.
   */
  async #answer(text: string, calls: Answer["calls"], run: Run): Promise<Outcome | undefined> {
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
    });
    const { inputTokens, outputTokens } = run.usage;
    const broke = inputTokens + outputTokens > this.#limits.tokens;
    const granted = broke ? 0 : Math.max(0, this.#limits.toolCalls - run.toolCalls);
    run.toolCalls += planned.length;
    const contents: string[] = [];
    try {
      await submitCalls(planned, contents, {
        submit: this.#submit,
        granted,
        concurrency: this.#limits.concurrency,
        resultChars: this.#limits.resultChars,
        signal: run.signal,
        emit: run.emit,
      });
    } finally {
      // INVARIANT: each call has one answer, in the order of the calls, however the run ends.
      // INVARIANT: what a result contains becomes a message of the role "tool", and nothing else.
      this.#messages.push(...planned.map(({ call }, i): Message => ({
        role: "tool",
        toolCallId: call.id,
        content: contents[i] ?? "",
      })));
    }
    return broke ? "max_tokens" : planned.length > granted ? "max_tool_calls" : undefined;
  }

  /** Nine letters and digits: the form that the strictest host wants. */
  #freshId(): string {
    let id: string;
    do id = `k${String(++this.#freshIds).padStart(8, "0")}`; while (this.#ids.has(id));
    return id;
  }
}

/**
 * Makes a loop and runs it once.
 *
 * @param prompt What the model is told.
 * @returns As {@linkcode AgentLoop.run}.
 */
export function runAgentLoop(
  prompt: string,
  options: AgentLoopOptions & RunOptions,
): Promise<string> {
  const { signal } = options;
  return new AgentLoop(options).run(prompt, signal === undefined ? {} : { signal });
}

function end(outcome: Outcome, { usage }: Run): RunResult {
  return { outcome, text: TEXTS[outcome], usage };
}
