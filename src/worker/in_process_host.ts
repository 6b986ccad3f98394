/**
 * A provider without isolation.
 *
 * @module
 */
import { CODES } from "../core/action.ts";
import { copyJson } from "../core/json.ts";
import { checkedAnswer, executeOnce } from "../core/isolation/answer.ts";
import type { ProviderHost } from "../core/isolation/host.ts";
import { SYSTEM_TIMER, type Timer } from "../core/timer.ts";
import type { Answer, Judge, Surroundings } from "../core/isolation/protocol.ts";
import {
  type Execute,
  executorOf,
  type Provider,
  type ProviderRequest,
  type Question,
} from "../core/isolation/provider.ts";
import { Warnings } from "../core/isolation/warnings.ts";

/** What an in-process provider runs with. */
export interface InProcessOptions {
  readonly surroundings: Surroundings;
  readonly onWarning: (line: string) => void;
  /** @default the platform's */
  readonly timer?: Timer;
}

/**
 * Runs a provider in this process. At the deadline its signal is aborted and the call is answered;
 * code that does not heed the signal cannot be stopped.
 */
export class InProcessHost implements ProviderHost {
  readonly #provider: Provider;
  readonly #execute: Execute;
  readonly #timer: Timer;
  readonly #surroundings: Surroundings;
  readonly #warnings: Warnings;
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(provider: Provider, options: InProcessOptions) {
    const { surroundings, onWarning, timer = SYSTEM_TIMER } = options;
    this.#provider = provider;
    this.#execute = executorOf(provider);
    this.#timer = timer;
    this.#surroundings = surroundings;
    this.#warnings = new Warnings(provider.name, onWarning);
  }

  get maxOutputBytes(): number {
    return this.#provider.maxOutputBytes;
  }

  call(request: ProviderRequest, judge: Judge): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const { name, config, maxOutputBytes, deadlineMs } = this.#provider;
    let controller: AbortController | undefined;
    const aborted = () => controller ??= new AbortController();
    const cancel = this.#timer.schedule(() => {
      aborted().abort(new DOMException("The deadline has passed", "TimeoutError"));
      const error = `Provider "${name}" did not end within ${deadlineMs} ms`;
      resolve({ ok: false, code: CODES.DEADLINE_EXCEEDED, error });
    }, deadlineMs);
    const decide = (question: Question) => Promise.resolve(judge(question));
    const warn = (line: string) => this.#warnings.pass(line);
    // INVARIANT: what is recorded is out of the provider's reach.
    const own = { ...request, params: copyJson(request.params, "params") as typeof request.params };
    const answer = executeOnce(this.#execute, own, {
      ...{ config, maxOutputBytes, ...this.#surroundings, decide, warn },
      signal: () => aborted().signal,
    });
    Promise.resolve(answer).then((answer) => resolve(checkedAnswer(answer, maxOutputBytes)));
    this.#running++;
    promise.then(() => {
      cancel();
      if (--this.#running === 0) this.#idle?.();
    });
    return promise;
  }

  async close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle = resolve);
  }
}
