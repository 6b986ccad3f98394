/**
 * A provider in a Worker of its own, with only the permissions that the policy implies.
 *
 * @module
 */
import { CODES } from "../action.ts";
import type { WorkerPermissions } from "../../launch/flags.ts";
import { Channel } from "../../transport/channel.ts";
import { Deadlines } from "./deadlines.ts";
import { checkedAnswer, cutText, MAX_ERROR_BYTES } from "./answer.ts";
import type { ProviderHost } from "./host.ts";
import { InFlight } from "../in_flight.ts";
import { Mailbox } from "../../transport/mailbox.ts";
import { SYSTEM_TIMER, type Timer } from "../timer.ts";
import {
  type Answer,
  type Call,
  type Judge,
  type Surroundings,
  type ToWorker,
  unpackAnswer,
  workerName,
} from "./protocol.ts";
import type { Provider, ProviderRequest } from "./provider.ts";
import { Warnings } from "./warnings.ts";

/** How long a call may take to notice that it was aborted, before its Worker is terminated. */
const GRACE_MS = 250;

/** How many calls a Worker gets at once; the results of all may be there together. */
const MAX_IN_FLIGHT = 64;

/** How many calls travel in one message. */
const CALLS_A_MESSAGE = 16;

/** How much a call may ask the gate: a provider that was taken over must not keep it busy. */
const MAX_QUESTIONS = 100_000;

/** For how long the gate answers a Worker's questions in a row, and which part of the time in the long run. */
const JUDGING_BURST_MS = 2000;
const JUDGING_SHARE = 0.5;

/** How many messages a Worker may send for each call that are no answer, and no question of a call. */
const MAX_STRAYS = 10_000;

/** What a Worker is started with. */
export interface WorkerHostOptions {
  readonly permissions: WorkerPermissions;
  /** Inherited permissions that the Worker gives up before its first call. */
  readonly revoke: readonly Deno.PermissionDescriptor[];
  readonly surroundings: Surroundings;
  readonly onWarning: (line: string) => void;
  /** @default the platform's */
  readonly timer?: Timer;
}

interface Pending extends Waiting {
  /** How many questions it may still ask. */
  questions: number;
  /** Set when the deadline has passed and the call is only waited for. */
  overdue?: true;
}

/** A call, the gate behind it, and who waits for its answer. */
interface Waiting {
  readonly request: ProviderRequest;
  readonly judge: Judge;
  readonly resolve: (answer: Answer) => void;
}

/** A Worker and the way to it. */
interface WorkerEnd {
  readonly worker: Worker;
  readonly channel: Channel<Call>;
}

/** Runs a provider in a Worker, started with the first call, and anew after each death. */
export class WorkerHost implements ProviderHost {
  readonly #provider: Provider;
  readonly #options: WorkerHostOptions;
  readonly #pending = new InFlight<number, Pending>();
  readonly #deadlines: Deadlines;
  readonly #grace: Deadlines;
  readonly #warnings: Warnings;
  readonly #timer: Timer;
  /** How long the gate was asked lately, in milliseconds, and until when that was counted. */
  #judging = 0;
  #judgedUntil = 0;
  #strays = 0;
  #end: WorkerEnd | undefined;
  /** Calls that wait for their turn; their deadline begins with it. */
  readonly #queue: Waiting[] = [];
  #nextId = 0;
  #idle: (() => void) | undefined;

  constructor(provider: Provider, options: WorkerHostOptions) {
    this.#provider = provider;
    this.#options = options;
    this.#warnings = new Warnings(provider.name, options.onWarning);
    const timer = this.#timer = options.timer ?? SYSTEM_TIMER;
    this.#deadlines = new Deadlines(timer, provider.deadlineMs, (id) => this.#overdue(id));
    this.#grace = new Deadlines(timer, GRACE_MS, (id) => {
      // Of several that are due together, the first ends the Worker and with it all.
      if (this.#pending.get(id) !== undefined) {
        this.#die("was terminated because a call did not end at its deadline");
      }
    });
  }

  get maxOutputBytes(): number {
    return this.#provider.maxOutputBytes;
  }

  call(request: ProviderRequest, judge: Judge): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const waiting = { request, judge, resolve };
    if (this.#pending.size < MAX_IN_FLIGHT) this.#dispatch(waiting);
    else this.#queue.push(waiting);
    return promise;
  }

  #dispatch(waiting: Waiting): void {
    const id = this.#nextId++;
    this.#strays = 0;
    this.#pending.set(id, { ...waiting, questions: MAX_QUESTIONS });
    this.#deadlines.start(id);
    this.#reach(({ channel }) => channel.send({ ...waiting.request, id }));
  }

  async close(): Promise<void> {
    if (this.#pending.size > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    this.#stop();
  }

  #send(message: ToWorker): void {
    this.#reach(({ worker }) => worker.postMessage(message));
  }

  /** Does something with the Worker, after it was started if there is none. */
  #reach(act: (end: WorkerEnd) => void): void {
    try {
      act(this.#end ??= this.#start());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#die(`could not be started: ${reason}`);
    }
  }

  #start(): WorkerEnd {
    const { name, module, config, maxOutputBytes } = this.#provider;
    const { permissions, revoke, surroundings } = this.#options;
    const worker = new Worker(new URL(module as string), {
      type: "module",
      name: workerName({ provider: name, revoke }),
      deno: { permissions },
    });
    const calls = new Mailbox();
    const answers = new Mailbox();
    const channel = new Channel<Call>({
      inbox: answers,
      outbox: calls,
      post: (calls) => {
        // In pieces: a Worker answers a message at a time, and answers may be large.
        for (let i = 0; i < calls.length; i += CALLS_A_MESSAGE) {
          const message: ToWorker = { type: "calls", calls: calls.slice(i, i + CALLS_A_MESSAGE) };
          worker.postMessage(message);
        }
      },
      pack: (call) => ({ json: call }),
      glanceMs: 0.05,
      receive: (items) => this.#receiveAnswers(items),
      expecting: () => this.#pending.size === 0 ? "nothing" : calls.attended ? "soon" : "sometime",
      unreadable: () => worker === this.#end?.worker && this.#die("sent what cannot be read"),
    });
    worker.onmessage = ({ data }) => worker === this.#end?.worker && this.#receive(data);
    worker.onmessageerror = () =>
      worker === this.#end?.worker && this.#die("sent what cannot be read");
    worker.onerror = (event) => {
      // INVARIANT: a provider's death is an answer, never the death of the process.
      event.preventDefault();
      if (worker === this.#end?.worker) this.#die(`died: ${event.message}`);
    };
    const mailboxes = { calls: calls.shared, answers: answers.shared };
    const init: ToWorker = { type: "init", config, maxOutputBytes, surroundings, mailboxes };
    try {
      worker.postMessage(init);
    } catch (error) {
      worker.terminate();
      throw error;
    }
    return { worker, channel };
  }

  #receive(message: unknown): void {
    const { answers, id, question, about, warning } = (message ?? {}) as Readonly<
      Record<string, unknown>
    >;
    const before = this.#pending.size;
    if (warning !== undefined) this.#warnings.pass(warning);
    const isAsked = typeof question === "number" && typeof id === "number" &&
      this.#judge(id, question, about);
    if (Array.isArray(answers)) this.#receiveAnswers(answers);
    // While messages come without a pause, no timer has its turn, and no deadline ends them.
    if (!isAsked && this.#pending.size === before && ++this.#strays > MAX_STRAYS) {
      return this.#die("sent messages that nobody waits for");
    }
    this.#end?.channel.attend();
  }

  #receiveAnswers(answers: readonly unknown[]): void {
    // An array of a size that nobody had to fill would keep the kernel busy.
    if (answers.length > MAX_IN_FLIGHT) return this.#die("sent more answers than it had calls");
    for (const item of answers) {
      const answer = unpackAnswer(item);
      const id = (answer as { id?: unknown } | null)?.id;
      const pending = typeof id === "number" ? this.#pending.get(id) : undefined;
      if (pending === undefined) continue;
      this.#settle(
        id as number,
        pending.overdue ? this.#late() : checkedAnswer(answer, this.#provider.maxOutputBytes),
      );
    }
  }

  /** @returns Whether a call is under way that may ask. */
  #judge(id: number, question: number, about: unknown): boolean {
    const pending = this.#pending.get(id);
    const no = (reason: string) => ({
      ...{ allowed: false, target: "", reason, code: CODES.RULE_ERRORED },
    });
    const start = this.#timer.now();
    const verdict = pending === undefined
      ? no("the call has ended")
      : pending.questions-- > 0
      ? pending.judge(about)
      : no("too many questions");
    this.#send({ type: "verdict", question, verdict });
    const now = this.#timer.now();
    const rested = Math.max(0, start - this.#judgedUntil);
    this.#judging = Math.max(0, this.#judging - rested * JUDGING_SHARE) + (now - start);
    this.#judgedUntil = now;
    if (this.#judging > JUDGING_BURST_MS) this.#die("kept the gate busy with questions");
    return pending !== undefined;
  }

  #settle(id: number, answer: Answer): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#deadlines.stop(id);
    this.#grace.stop(id);
    pending.resolve(answer);
    const next = this.#queue.shift();
    if (next !== undefined) this.#dispatch(next);
    if (this.#pending.size === 0) this.#idle?.();
  }

  #overdue(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    // One that the Worker has not got yet must not be carried out any more.
    if (this.#end?.channel.withdraw((call) => call.id === id)) {
      return this.#settle(id, this.#late());
    }
    pending.overdue = true;
    this.#grace.start(id);
    this.#send({ type: "abort", id });
  }

  #late(): Answer {
    return {
      ok: false,
      code: CODES.DEADLINE_EXCEEDED,
      error: `Provider "${this.#provider.name}" did not end within ${this.#provider.deadlineMs} ms`,
    };
  }

  /** Ends the Worker and with it all calls in flight. */
  #die(how: string): void {
    this.#stop();
    const error = cutText(
      `The Worker of provider "${this.#provider.name}" ${how}`,
      MAX_ERROR_BYTES,
    );
    const late = this.#late();
    for (const [id, { overdue }] of this.#pending.entries()) {
      this.#settle(id, overdue ? late : { ok: false, code: CODES.PROVIDER_CRASHED, error });
    }
  }

  #stop(): void {
    this.#end?.channel.close();
    this.#end?.worker.terminate();
    this.#end = undefined;
    this.#deadlines.clear();
    this.#grace.clear();
  }
}
