/**
 * One end of the connection between the kernel and a Worker.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import type { Ring } from "./ring.ts";

/** What an end is made of. */
export interface ChannelOptions {
  /** What the other end writes. */
  readonly inbox: Ring;
  /** What the other end reads. */
  readonly outbox: Ring;
  /** Sends what has no place in the ring, with its number, as a message of the Worker. */
  readonly post: (posted: readonly [number: number, message: unknown]) => void;
  /** Whether a message is to be posted in any case: it may hold what JSON cannot. @default none is */
  readonly isPosted?: (message: unknown) => boolean;
  /** Gets each message in the order in which it was sent. Untrusted. */
  readonly receive: (message: unknown) => void;
  /** Called once when nothing can be sent or read any more. */
  readonly fail: (reason: string) => void;
  /**
   * Whether this thread may look for the answer to what it has just sent, and do nothing else for a moment.
   *
   * @default never
   */
  readonly mayLook?: () => boolean;
  /**
   * Whether this thread may sleep until there is something to read, and do nothing else: it has nothing
   * else to do. @default never
   */
  readonly maySleep?: () => boolean;
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number;
}

/** The longest time to look, in milliseconds. */
const MAX_LOOK_MS = 0.5;
/** How often to pause between two looks at the clock. */
const PAUSES = 20;
/** So many looks are left out at most after one in vain, as a power of two: 1,024. */
const MAX_BACKOFF = 10;
/** What one look that was not in vain takes back of that power. */
const RECOVERY = 1 / 4;
/** How long this thread may go on without a turn of its event loop: timers and signals wait meanwhile. */
const MAX_TURN_MS = 2;
/** The same for a thread that may sleep: it has nothing else to do. */
const MAX_SLEEP_MS = 10;
/** So many messages are not held back until the end of the tick: the other thread begins meanwhile. */
const MAX_WAITING = 4;
/** The most posted messages that wait for those before them. */
const MAX_EARLY = 128;
/** How far ahead of the next message a posted one may be: more have no place in the ring. */
const MAX_AHEAD = 32 * 1024;
/** The most signals since the last message that have come for nothing. */
const MAX_VAIN_SIGNALS = 1000;

/**
 * Sends and receives messages, in order, through shared memory; what is too large for it is posted.
 *
 * To wake the other thread takes some 50 µs, whether it sleeps or waits in its event loop; two threads that
 * look at the memory meet within 2 µs. But where threads have to share the cores, one that looks only takes
 * the time that the other one needs, while one that sleeps is served at once. So both ends look for at most
 * 0.5 ms before they wait, and each look in vain makes them leave out the next ones: 1, 2, 4, … 1,024.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #now: () => number;
  #outgoing: unknown[] = [];
  /** How many messages were sent, and received. */
  #sent = 0;
  #received = 0;
  /** How many of those were posted. */
  #posted = 0;
  /** Posted messages by their numbers, until it is their turn. */
  readonly #early = new Map<number, unknown>();
  #vainSignals = 0;
  #isClosed = false;
  /** Whether a turn will come without a signal, and whether one will with the next signal. */
  #isDue = false;
  #isAwaited = false;
  /** How many looks are left out. */
  #looksLeftOut = 0;
  /** How many will be after the next one in vain, as a power of two. */
  #backoff = 0;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#wait();
  }

  /** Sends a message, together with all others of the same tick. */
  send(message: unknown): void {
    const waiting = this.#outgoing.push(message);
    if (waiting === 1) Promise.resolve().then(() => this.#flushAndLook());
    else if (waiting === MAX_WAITING) this.#flush();
  }

  /** Receives a posted message. */
  accept(posted: unknown): void {
    this.#posted++;
    const [number, message] = Array.isArray(posted) ? posted : [];
    const ahead = Number.isSafeInteger(number) ? number - this.#received : -1;
    const isEarly = ahead >= 0 && ahead < MAX_AHEAD && !this.#early.has(number);
    if (isEarly && this.#early.size < MAX_EARLY) this.#early.set(number, message);
    // What comes from no channel is as untrusted as the rest, but has no place in its order.
    else if (!this.#isClosed) this.#options.receive(message);
    this.#turn();
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

  #flushAndLook(): void {
    this.#flush();
    if (this.#isClosed || this.#options.mayLook?.() !== true) return;
    this.#look();
    this.#take();
  }

  /** Does nothing else for a moment than to look for the next message, if that has lately been worth it. */
  #look(): void {
    if (this.#looksLeftOut > 0) return void this.#looksLeftOut--;
    const { inbox } = this.#options;
    const end = this.#now() + MAX_LOOK_MS;
    while (inbox.isEmpty) {
      if (this.#now() >= end) {
        this.#looksLeftOut = Math.floor(2 ** this.#backoff);
        this.#backoff = Math.min(this.#backoff + 1, MAX_BACKOFF);
        return;
      }
      for (let i = 0; i < PAUSES && inbox.isEmpty; i++) Atomics.pause();
    }
    this.#backoff = Math.max(this.#backoff - RECOVERY, 0);
  }

  #flush(): void {
    if (this.#isClosed || this.#outgoing.length === 0) return;
    const { outbox, post, isPosted } = this.#options;
    const messages = this.#outgoing;
    this.#outgoing = [];
    try {
      for (const message of messages) {
        const number = this.#sent++;
        if (isPosted?.(message) !== true && outbox.push(number, message)) continue;
        outbox.countPosted();
        post([number, message]);
      }
    } catch (error) {
      return this.#fail(`could not be reached: ${messageOf(error)}`);
    }
    outbox.signal();
  }

  /** A turn of the event loop: receives what there is, sleeps for more if it may, then waits for it. */
  #turn(): void {
    const { inbox, maySleep } = this.#options;
    const start = this.#now();
    for (;;) {
      const { signals } = inbox;
      this.#take();
      const left = MAX_SLEEP_MS - (this.#now() - start);
      // What was posted comes in another turn.
      if (this.#isClosed || left <= 0 || !inbox.hasPosted(this.#posted) || !maySleep?.()) break;
      if (inbox.isEmpty) this.#look();
      if (inbox.isEmpty) inbox.wait(signals, left);
    }
    this.#wait();
  }

  /** Has the next turn come when there is something to read. */
  #wait(): void {
    if (this.#isClosed || this.#isDue) return;
    const { inbox } = this.#options;
    // INVARIANT: read before the ring is found empty, so that no signal is missed.
    const { signals } = inbox;
    // What waits for a posted message is received when that arrives. INVARIANT: what a turn leaves behind
    // has another one, whether a signal is awaited or not: its own signal may have come before.
    const isThere = this.#early.has(this.#received) || inbox.hasNext(this.#received);
    if (!isThere && this.#isAwaited) return;
    const signal = isThere ? undefined : inbox.waitAsync(signals);
    if (signal === undefined) {
      this.#isDue = true;
      setImmediate(() => {
        this.#isDue = false;
        this.#wake();
      });
    } else {
      this.#isAwaited = true;
      signal.then(() => {
        this.#isAwaited = false;
        this.#wake();
      });
    }
  }

  #wake(): void {
    if (this.#isClosed) return;
    // INVARIANT: a Worker that only signals is ended, as one that floods with messages is.
    if (++this.#vainSignals > MAX_VAIN_SIGNALS) this.#fail("sent signals for nothing");
    else this.#turn();
  }

  /** Receives what is there, in order, for as long as a turn may take. */
  #take(): void {
    const start = this.#now();
    do {
      let next: { readonly message: unknown } | undefined;
      try {
        next = this.#next();
      } catch (error) {
        return this.#fail(`sent what cannot be read: ${messageOf(error)}`);
      }
      if (next === undefined) return;
      this.#deliver(next.message);
      // An answer is on its way before the next call is begun.
      this.#flush();
      // INVARIANT: however much a Worker sends, and however long it takes to read, timers have their turn.
    } while (this.#now() - start < MAX_TURN_MS);
  }

  /** The message whose turn it is, from the ring or from those that were posted. */
  #next(): { readonly message: unknown } | undefined {
    if (this.#isClosed) return undefined;
    const number = this.#received;
    if (!this.#early.has(number)) return this.#options.inbox.take(number);
    const message = this.#early.get(number);
    this.#early.delete(number);
    return { message };
  }

  #deliver(message: unknown): void {
    this.#received++;
    this.#vainSignals = 0;
    if (!this.#isClosed) this.#options.receive(message);
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.fail(reason);
  }
}
