/**
 * A provider without isolation.
 *
 * @module
 */
import { CODES } from "../core/action.ts";
import { copyJson } from "../core/json.ts";
import type {
  DecideQuestion,
  ProviderHost,
  ProviderRequest,
} from "../core/isolation/provider_host.ts";
import { abortSafely } from "../abort.ts";
import type { Timer } from "../core/timer.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { executeCall } from "./execute.ts";
import { executorOf, type Provider } from "./provider.ts";
import type { Execute, ProviderEnvironment } from "./provider_context.ts";

/** What an in-process provider runs with. */
export interface InProcessOptions {
  readonly environment: ProviderEnvironment;
  /** Gets each warning of the provider as it is. */
  readonly onWarning: (warning: unknown) => void;
  /** @default the platform's */
  readonly timer?: Timer;
}

/**
 * Runs a provider in this process. At the deadline its signal is aborted and the call is answered; a
 * function that ignores the signal cannot be stopped.
 */
export class InProcessHost implements ProviderHost {
  readonly maxOutputBytes: number;
  readonly #provider: Provider;
  readonly #execute: Execute;
  readonly #environment: ProviderEnvironment;
  readonly #onWarning: (warning: unknown) => void;
  readonly #timer: Timer;
  readonly #cleanups = new Set<() => void>();
  #running = 0;
  #onIdle: (() => void) | undefined;

  constructor(provider: Provider, options: InProcessOptions) {
    const { environment, onWarning, timer = SYSTEM_TIMER } = options;
    this.maxOutputBytes = provider.maxOutputBytes;
    this.#provider = provider;
    this.#execute = executorOf(provider);
    this.#environment = environment;
    this.#onWarning = onWarning;
    this.#timer = timer;
  }

  async call(request: ProviderRequest, decide: DecideQuestion): Promise<unknown> {
    const { name, config, maxOutputBytes, deadlineMs } = this.#provider;
    const { promise: expired, resolve } = Promise.withResolvers<unknown>();
    let controller: AbortController | undefined;
    const aborted = () => controller ??= new AbortController();
    const cancel = this.#timer.schedule(() => {
      const reason = new DOMException("The deadline has passed", "TimeoutError");
      abortSafely(aborted(), reason, this.#onWarning);
      const error = `Provider "${name}" did not end within ${deadlineMs} ms`;
      resolve({ ok: false, code: CODES.DEADLINE_EXCEEDED, error });
    }, deadlineMs);
    this.#running++;
    try {
      // INVARIANT: a provider cannot change what is recorded.
      const params = copyJson(request.params, "params") as typeof request.params;
      const answer = executeCall(this.#execute, { ...request, params }, {
        ...this.#environment,
        config,
        maxOutputBytes,
        decide: (question) => Promise.resolve(decide(question)),
        warn: this.#onWarning,
        onClose: (cleanup) => void this.#cleanups.add(cleanup),
        signal: () => aborted().signal,
      });
      return await (answer instanceof Promise ? Promise.race([answer, expired]) : answer);
    } finally {
      cancel();
      if (--this.#running === 0) this.#onIdle?.();
    }
  }

  async close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#onIdle = resolve);
    for (const cleanup of this.#cleanups) cleanup();
    this.#cleanups.clear();
  }
}
