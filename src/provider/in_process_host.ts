/**
 * A provider without isolation.
 *
 * @module
 */
import { CODES } from "../action.ts";
import { checkedAnswer, executeOnce } from "./execution.ts";
import type { ProviderHost } from "./host.ts";
import { SYSTEM_TIMER, type Timer } from "../timer.ts";
import type { Answer, Judge } from "./protocol.ts";
import {
  type Execute,
  executorOf,
  type Provider,
  type ProviderRequest,
  type Question,
} from "./provider.ts";

/**
 * Runs a provider in this process. At the deadline its signal is aborted and the call is answered;
 * code that does not heed the signal cannot be stopped.
 */
export class InProcessHost implements ProviderHost {
  readonly #provider: Provider;
  readonly #execute: Execute;
  readonly #hosts: readonly string[];
  readonly #timer: Timer;
  readonly #running = new Set<Promise<Answer>>();

  /** @param hosts Hosts that the policy names literally. */
  constructor(provider: Provider, hosts: readonly string[], timer: Timer = SYSTEM_TIMER) {
    this.#provider = provider;
    this.#hosts = hosts;
    this.#execute = executorOf(provider);
    this.#timer = timer;
  }

  call(request: ProviderRequest, judge: Judge): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const { name, config, maxOutputBytes, deadlineMs } = this.#provider;
    const controller = new AbortController();
    const cancel = this.#timer.schedule(() => {
      controller.abort(new DOMException("The deadline has passed", "TimeoutError"));
      const error = `Provider "${name}" did not end within ${deadlineMs} ms`;
      resolve({ ok: false, code: CODES.DEADLINE_EXCEEDED, error });
    }, deadlineMs);
    const { signal } = controller;
    const decide = (question: Question) => Promise.resolve(judge(question));
    const hosts = this.#hosts;
    executeOnce(this.#execute, request, { config, signal, maxOutputBytes, hosts, decide })
      .then((answer) => resolve(checkedAnswer(answer, maxOutputBytes)));
    this.#running.add(promise);
    promise.then(() => {
      cancel();
      this.#running.delete(promise);
    });
    return promise;
  }

  async close(): Promise<void> {
    await Promise.all(this.#running);
  }
}
