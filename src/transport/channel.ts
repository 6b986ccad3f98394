/**
 * One end of the connection between the kernel and a Worker.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Box } from "./box.ts";

/** What an end is made of. */
export interface ChannelOptions {
  /** What the other end fills. */
  readonly inbox: Box;
  /** What the other end reads. */
  readonly outbox: Box;
  /** Sends a batch as a message, which wakes the other thread. */
  readonly post: (batch: readonly unknown[]) => void;
  /** Gets each message in the order in which it was sent. Untrusted. */
  readonly receive: (message: unknown) => void;
  /** Called once when nothing can be sent or read any more. */
  readonly fail: (reason: string) => void;
  /** Whether this thread may wait for an answer for a moment and do nothing else. */
  readonly mayPoll: () => boolean;
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number;
}

/** The longest time to poll, in milliseconds. */
const MAX_POLL_MS = 0.1;
/** Polling that finds something lasts about as long as it lately took, but at least so long. */
const MIN_POLL_MS = 0.03;
/** After polling in vain, twice as many batches as before are sent without it, at most 2 to this power. */
const MAX_MISSES = 7;
/** How long this thread may go on without a turn of its event loop: timers and signals wait meanwhile. */
const MAX_TURN_MS = 2;
/** How often to pause between two looks at the clock. */
const PAUSES = 20;
/** With one processor the other thread cannot run while this one polls. */
const HAS_PROCESSORS = navigator.hardwareConcurrency > 1;
/** The most messages in a posted batch: a Worker answers a batch at a time, and answers may be large. */
export const MAX_BATCH = 16;
/** The most messages that one batch may hold: to walk through a sparse array would take for ever. */
const MAX_RECEIVED = 1024;

/**
 * Sends and receives batches of messages, in order: through shared memory if the other end polls, else
 * as messages. To wake a thread takes tens to hundreds of microseconds; a thread that polls is reached
 * in one or two. On a busy machine polling is in vain, because the other thread is not running; then
 * this end soon does without.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #now: () => number;
  #outgoing: unknown[] = [];
  #isClosed = false;
  #pollMs = MAX_POLL_MS;
  /** How many more times polling was in vain than not, of late. */
  #misses = 0;
  /** How many batches are still to be sent without polling. */
  #skipped = 0;
  /** When the event loop last had a turn. */
  #turnStart = 0;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Sends a message, together with all others of the same tick. */
  send(message: unknown): void {
    if (this.#outgoing.push(message) === 1) Promise.resolve().then(() => this.#flush());
  }

  /** Receives a posted batch. */
  accept(batch: unknown): void {
    this.#turnStart = this.#now();
    this.#options.inbox.countReceived();
    this.#deliver(batch);
  }

  /** Neither sends nor receives any more. */
  close(): void {
    this.#isClosed = true;
    this.#options.inbox.close();
  }

  /** Whether the other end has closed: nobody waits for an answer any more. */
  get isAbandoned(): boolean {
    return this.#options.outbox.isClosed;
  }

  #flush(): void {
    if (this.#isClosed) return;
    const { outbox, post, mayPoll } = this.#options;
    const messages = this.#outgoing;
    this.#outgoing = [];
    try {
      for (let i = 0; i < messages.length; i += MAX_BATCH) {
        const batch = messages.slice(i, i + MAX_BATCH);
        if (outbox.fill(batch)) continue;
        outbox.countPosted();
        post(batch);
      }
    } catch (error) {
      return this.#fail(`could not be reached: ${messageOf(error)}`);
    }
    if (HAS_PROCESSORS && mayPoll()) this.#poll();
  }

  /** Waits for an answer for a moment. */
  #poll(): void {
    const { inbox } = this.#options;
    const start = this.#now();
    if (this.#skipped > 0) return void this.#skipped--;
    if (start - this.#turnStart > MAX_TURN_MS || !inbox.startPolling()) return;
    let elapsed = 0;
    do {
      for (let i = 0; i < PAUSES && !inbox.isFilled; i++) Atomics.pause();
      elapsed = this.#now() - start;
    } while (!inbox.isFilled && elapsed < this.#pollMs);
    inbox.stopPolling();
    if (!inbox.isFilled) {
      this.#skipped = 2 ** this.#misses;
      this.#misses = Math.min(this.#misses + 1, MAX_MISSES);
      return;
    }
    // One at a time: polling that is in vain more often than not soon hardly happens any more.
    this.#misses = Math.max(0, this.#misses - 1);
    this.#pollMs = Math.min(Math.max(2 * elapsed, MIN_POLL_MS), MAX_POLL_MS);
    let batch: unknown;
    try {
      batch = inbox.take();
    } catch (error) {
      return this.#fail(`sent what cannot be read: ${messageOf(error)}`);
    }
    this.#deliver(batch);
  }

  #deliver(batch: unknown): void {
    const messages = Array.isArray(batch) && batch.length > 0 ? batch : [undefined];
    if (messages.length > MAX_RECEIVED) return this.#fail("sent too many messages at once");
    for (const message of messages) {
      if (!this.#isClosed) this.#options.receive(message);
    }
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.fail(reason);
  }
}
