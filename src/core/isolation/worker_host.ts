/**
 * A provider in a Worker of its own, with only the permissions that the policy implies.
 *
 * @module
 */
import { CODES } from "../action.ts";
import { messageOf } from "../errors.ts";
import type { Timer } from "../timer.ts";
import type { Answer } from "./answer.ts";
import type { WorkerPermissions } from "./permission_set.ts";
import { type ToWorker, workerName } from "./protocol.ts";
import type { DecideQuestion, ProviderHost, ProviderRequest } from "./provider_host.ts";
import type { Connection, Transport } from "./transport.ts";

/** How long a call may take to end after it was aborted, before its Worker is terminated. */
const GRACE_MS = 250;

/** The most calls that a Worker gets at once; all their results may be in memory together. */
const MAX_IN_FLIGHT = 64;

/** The most questions of one call. */
const MAX_QUESTIONS = 100_000;

/**
 * The most messages since the last call that neither end a call nor ask a question for one. While
 * messages arrive without a pause no timer fires, so that no deadline ends a Worker that floods.
 */
const MAX_UNSOLICITED_MESSAGES = 10_000;

/**
 * The longest time for decisions without a pause, in milliseconds, and the part of the time that they
 * may take in the long run: a token bucket, so that a Worker in the hands of an attacker cannot keep
 * the kernel busy.
 */
const MAX_DECIDING_MS = 2000;
const DECIDING_SHARE = 0.5;

/** After so many calls the table of calls is made anew. */
const RENEW_AFTER = 256;

const DENIED = { allowed: false, target: "", code: CODES.RULE_ERRORED };

/** What a Worker runs, and its bounds. */
export interface IsolatedProvider {
  readonly name: string;
  /** The URL of the Worker's module. */
  readonly module: string | undefined;
  /** Handed to the Worker as a structured clone. */
  readonly config: unknown;
  /** How long a call may take, in milliseconds. */
  readonly deadlineMs: number;
  readonly maxOutputBytes: number;
}

/** How a Worker is started and reached. */
export interface WorkerHostOptions {
  readonly permissions: WorkerPermissions;
  /** Inherited permissions that the Worker gives up before its first call. */
  readonly revoke: readonly Deno.PermissionDescriptor[];
  /** What the provider knows of the policy; handed on. */
  readonly environment: unknown;
  readonly transport: Transport;
  /** Gets each warning of the Worker, untrusted. */
  readonly onWarning: (warning: unknown) => void;
  readonly timer: Timer;
}

interface Call {
  readonly id: number;
  readonly request: ProviderRequest;
  readonly decide: DecideQuestion;
  readonly resolve: (answer: unknown) => void;
  questionsLeft: number;
  /** Takes back the timer of the deadline, or of the grace after it. */
  cancelTimer: () => void;
  /** Set when the deadline has passed while the Worker had the call. */
  isOverdue: boolean;
}

/** Runs a provider in a Worker, which is started with the first call and anew after each death. */
export class WorkerHost implements ProviderHost {
  readonly maxOutputBytes: number;
  readonly #provider: IsolatedProvider;
  readonly #options: WorkerHostOptions;
  readonly #timer: Timer;
  /** Calls that the Worker has. */
  #running = new Map<number, Call>();
  /** Calls that wait until the Worker has fewer. */
  readonly #queue: Call[] = [];
  #worker: Worker | undefined;
  #connection: Connection | undefined;
  #unsolicitedMessages = 0;
  /** Spent of the token bucket, and when that was. */
  #decidingMs = 0;
  #decidedAt = 0;
  #nextId = 0;
  #onIdle: (() => void) | undefined;

  constructor(provider: IsolatedProvider, options: WorkerHostOptions) {
    this.maxOutputBytes = provider.maxOutputBytes;
    this.#provider = provider;
    this.#options = options;
    this.#timer = options.timer;
  }

  call(request: ProviderRequest, decide: DecideQuestion): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const call: Call = {
      id: this.#nextId++,
      request,
      decide,
      resolve,
      questionsLeft: MAX_QUESTIONS,
      isOverdue: false,
      // INVARIANT: a deadline counts from here on, also while the call is in the queue.
      cancelTimer: this.#timer.schedule(() => this.#expire(call), this.#provider.deadlineMs),
    };
    this.#queue.push(call);
    this.#dispatch();
    return promise;
  }

  async close(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
    this.#stop();
  }

  /** Hands calls of the queue to the Worker, as many as it may have. */
  #dispatch(): void {
    while (this.#running.size < MAX_IN_FLIGHT) {
      const call = this.#queue.shift();
      if (call === undefined) return;
      this.#unsolicitedMessages = 0;
      this.#running.set(call.id, call);
      this.#send({ type: "call", id: call.id, request: call.request });
    }
  }

  /** Sends a message, to a new Worker if there is none. */
  #send(message: ToWorker): void {
    try {
      this.#connection ??= this.#start();
    } catch (error) {
      // Later, because each call that ends here makes the next one of the queue try to start it.
      return queueMicrotask(() => this.#die(`could not be started: ${messageOf(error)}`));
    }
    this.#connection.send(message);
  }

  #start(): Connection {
    const { name, module, config, maxOutputBytes } = this.#provider;
    const { permissions, revoke, environment, transport } = this.#options;
    const worker = this.#worker = new Worker(new URL(module as string), {
      type: "module",
      name: workerName({ provider: name, revoke }),
      deno: { permissions },
    });
    const die = (how: string) => void (worker === this.#worker && this.#die(how));
    worker.onerror = (event) => {
      // INVARIANT: the death of a provider is an answer, never the death of the process.
      event.preventDefault();
      die(`died: ${event.message}`);
    };
    const connection = transport.connect(worker, {
      receive: (message) => this.#receive(message),
      unanswered: () => this.#running.size,
      fail: die,
    });
    // Cloned here already, because what cannot be cloned must not get as far as the transport.
    const clone = structuredClone(config);
    connection.send({ type: "init", config: clone, maxOutputBytes, environment });
    return connection;
  }

  /** @param message Untrusted. */
  #receive(message: unknown): void {
    const fields = (message ?? {}) as Readonly<Record<string, unknown>>;
    const { type, id, answer, question, about, warning } = fields;
    const call = typeof id === "number" ? this.#running.get(id) : undefined;
    if (type === "answer" && call !== undefined) {
      return this.#settle(call, call.isOverdue ? this.#deadlineExceeded() : answer);
    }
    if (type === "question" && typeof question === "number") {
      if (this.#decide(question, about, call)) return;
    }
    if (type === "warning") this.#options.onWarning(warning);
    if (++this.#unsolicitedMessages > MAX_UNSOLICITED_MESSAGES) {
      this.#die("sent messages that nobody waits for");
    }
  }

  /**
   * Answers a question.
   *
   * @returns Whether the call may ask: it has not ended, and has questions left.
   */
  #decide(id: number, about: unknown, call: Call | undefined): boolean {
    const start = this.#timer.now();
    const mayAsk = call !== undefined && call.questionsLeft-- > 0;
    const reason = call === undefined ? "the call has ended" : "too many questions";
    const decision = mayAsk ? call.decide(about) : { ...DENIED, reason };
    const connection = this.#connection;
    // INVARIANT: an error while deciding denies.
    Promise.resolve(decision).catch((error) => ({ ...DENIED, reason: messageOf(error) }))
      .then((decision) => connection?.send({ type: "decision", id, decision }));
    const regainedMs = (start - this.#decidedAt) * DECIDING_SHARE;
    this.#decidedAt = this.#timer.now();
    this.#decidingMs = Math.max(0, this.#decidingMs - regainedMs) + this.#decidedAt - start;
    if (this.#decidingMs > MAX_DECIDING_MS) this.#die("kept the kernel busy with questions");
    return mayAsk;
  }

  #settle(call: Call, answer: unknown): void {
    this.#running.delete(call.id);
    // In V8 each table that a map has outgrown refers to the next one. Once one of them is in the old
    // generation, all that follow stay until the next full collection, with the calls that they had.
    if (call.id % RENEW_AFTER === 0) this.#running = new Map(this.#running);
    call.cancelTimer();
    call.resolve(answer);
    this.#dispatch();
    if (this.#running.size === 0) this.#onIdle?.();
  }

  #expire(call: Call): void {
    const place = this.#queue.indexOf(call);
    if (place !== -1) {
      // INVARIANT: a call whose deadline passed in the queue is never carried out.
      this.#queue.splice(place, 1);
      return this.#settle(call, this.#deadlineExceeded());
    }
    call.isOverdue = true;
    call.cancelTimer = this.#timer.schedule(
      () => this.#die("was terminated because a call did not end at its deadline"),
      GRACE_MS,
    );
    this.#send({ type: "abort", id: call.id });
  }

  #deadlineExceeded(): Answer {
    const { name, deadlineMs } = this.#provider;
    const error = `Provider "${name}" did not end within ${deadlineMs} ms`;
    return { ok: false, code: CODES.DEADLINE_EXCEEDED, error };
  }

  /** Ends the Worker and with it all calls that it has. */
  #die(how: string): void {
    this.#stop();
    const error = `The Worker of provider "${this.#provider.name}" ${how}`;
    // A copy, because a call that ends makes the next one of the queue begin.
    for (const call of [...this.#running.values()]) {
      const crashed = { ok: false, code: CODES.PROVIDER_CRASHED, error };
      this.#settle(call, call.isOverdue ? this.#deadlineExceeded() : crashed);
    }
  }

  #stop(): void {
    this.#connection?.close();
    this.#worker?.terminate();
    this.#connection = this.#worker = undefined;
  }
}
