/**
 * How many calls one server or program may hold at once, so that it does not hold back the others.
 *
 * @module
 */
import { ProviderError } from "../src/worker/provider_error.ts";
import type { Timer } from "../src/core/timer.ts";

/** How long calls wait for a slot while none becomes free, in milliseconds. */
const PATIENCE_MS = 1_000;

/** What slots are made with. */
export interface CallSlotsOptions {
  /** For messages, for example `MCP server "files"`. */
  readonly whose: string;
  /** Of the refusal. @default "SERVER_BUSY" */
  readonly code?: string;
  /** How many calls may be under way. */
  readonly slots: number;
  readonly timer: Timer;
}

interface Waiting {
  readonly enter: () => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * A semaphore whose queue does not outlive a hung server: a burst of quick calls passes one after the
 * other; when no slot became free for a second, calls that wait and new ones are refused. A call is
 * refused before it is sent, never afterwards.
 */
export class CallSlots {
  readonly #options: CallSlotsOptions;
  #free: number;
  /** When a slot was last taken or became free. */
  #lastChange = 0;
  #waiting: Waiting[] = [];
  #cancel: (() => void) | undefined;

  constructor(options: CallSlotsOptions) {
    this.#options = options;
    this.#free = options.slots;
  }

  /** Whether no call is under way. */
  get isIdle(): boolean {
    return this.#free === this.#options.slots;
  }

  /**
   * Waits for a slot.
   *
   * @param signal Ends the wait.
   * @returns Disposing of it frees the slot.
   * @throws {ProviderError} `SERVER_BUSY`, or what the options say: no slot became free.
   */
  async take(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      this.#lastChange = this.#options.timer.now();
    } else if (this.#patienceLeft() <= 0) {
      throw this.#busy();
    } else {
      await this.#wait(signal);
    }
    return { [Symbol.dispose]: () => this.#release() };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { enter: resolve, refuse: reject };
    const abort = () => {
      this.#waiting = this.#waiting.filter((one) => one !== waiting);
      reject(signal.reason);
    };
    this.#waiting.push(waiting);
    signal.addEventListener("abort", abort, { once: true });
    this.#schedule();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #release(): void {
    this.#lastChange = this.#options.timer.now();
    const next = this.#waiting.shift();
    // The slot goes to the next call; it is not free in between.
    if (next === undefined) this.#free++;
    else next.enter();
  }

  #schedule(): void {
    this.#cancel ??= this.#options.timer.schedule(() => {
      this.#cancel = undefined;
      if (this.#waiting.length === 0) return;
      if (this.#patienceLeft() > 0) return this.#schedule();
      const refused = this.#waiting;
      this.#waiting = [];
      for (const { refuse } of refused) refuse(this.#busy());
    }, this.#patienceLeft());
  }

  #patienceLeft(): number {
    return this.#lastChange + PATIENCE_MS - this.#options.timer.now();
  }

  #busy(): ProviderError {
    const { whose, slots, code = "SERVER_BUSY" } = this.#options;
    const message = code === "SERVER_BUSY"
      ? `${whose} is busy: it has not answered ${slots} calls yet; this call was not sent`
      : `${whose} is busy: ${slots} calls of it have not ended yet; this one was not started`;
    return new ProviderError(code, message);
  }
}
