/**
 * One end of the way between the kernel and a provider's Worker.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Item, Mailbox } from "./mailbox.ts";

/** Whether something may come: from an end that is at it, or from one that may be long about it. */
export type Expectation = "nothing" | "soon" | "sometime";

/** What an end is made of. */
export interface ChannelOptions<T> {
  readonly inbox: Mailbox;
  readonly outbox: Mailbox;
  /** Sends the slow way, which wakes the other end. */
  readonly post: (items: readonly T[]) => void;
  /** What goes through a box of one that is sent. */
  readonly pack: (item: T) => Item;
  /** Gets what came through the box; untrusted. */
  readonly receive: (items: readonly unknown[]) => void;
  /** For how long one looks at a time, in milliseconds; the event loop goes on in between. */
  readonly glanceMs: number;
  /** Whether something may come. */
  readonly expecting: () => Expectation;
  /** Told once of a message that is none; then nothing more is read. */
  readonly unreadable: () => void;
}

/** How often one pauses between two looks at the clock. */
const PAUSES = 50;
/** For how long one looks in vain for what may come soon. With one processor the other end could do nothing. */
const PATIENCE_MS = navigator.hardwareConcurrency > 1 ? 1 : 0;
/** For how long one looks for what may come sometime, at first: to wake takes a part of a millisecond. */
const SOMETIME_MS = PATIENCE_MS / 2;

/**
 * Sends and receives through shared memory while both ends look, else by messages. Items that are sent
 * in one tick, or while the other end is busy, travel together.
 */
export class Channel<T> {
  readonly #options: ChannelOptions<T>;
  #waiting: T[] = [];
  #scheduled = false;
  #looking = false;
  #closed = false;
  #lastNews = 0;
  /** Whether something was posted in this tick: the other end wakes, and will find the rest in its box. */
  #rung = false;
  /** Halved when it was in vain, so that little is spent on what takes its time. */
  #sometime = SOMETIME_MS;

  readonly #turn = () => this.#look();

  constructor(options: ChannelOptions<T>) {
    this.#options = options;
  }

  /** Sends something: at once if the other end waits for it, else with what is sent in the same tick. */
  send(item: T): void {
    if (this.#closed) return;
    this.#waiting.push(item);
    if (this.#looking) this.#flush();
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    NOW.then(() => {
      this.#scheduled = this.#rung = false;
      this.attend();
      this.#flush();
    });
  }

  /**
   * Takes back what has not left yet.
   *
   * @returns Whether there was such an item.
   */
  withdraw(unwanted: (item: T) => boolean): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((item) => !unwanted(item));
    return this.#waiting.length < before;
  }

  /** Begins to look, if something may come. */
  attend(): void {
    if (this.#looking || this.#closed || PATIENCE_MS === 0) return;
    if (this.#options.expecting() === "nothing") return;
    this.#looking = true;
    this.#lastNews = performance.now();
    this.#options.inbox.attend();
    setImmediate(this.#turn);
  }

  /** Takes what is in the box now. What was sent before a message must not come after it. */
  pull(): void {
    this.#take();
  }

  /** Looks no more, sends no more, and tells the other end so. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#options.inbox.end();
  }

  /** Whether the other end has closed: nobody waits for anything any more. */
  get isAbandoned(): boolean {
    return this.#options.outbox.ended;
  }

  #look(): void {
    if (this.#closed) return;
    const { inbox, expecting, glanceMs } = this.#options;
    const start = performance.now();
    let now = start;
    do {
      if (this.#take()) {
        this.#lastNews = now = performance.now();
        this.#sometime = SOMETIME_MS;
        break;
      }
      if (this.#waiting.length > 0) this.#flush();
      // A processor's other half may be at the work that is waited for.
      for (let i = 0; i < PAUSES && !inbox.filled; i++) Atomics.pause();
      now = performance.now();
    } while (now - start < glanceMs);
    if (this.#closed) return;
    const expected = expecting();
    if (expected === "nothing") return this.#leave();
    const patience = expected === "soon" ? PATIENCE_MS : this.#sometime;
    if (now - this.#lastNews < patience) return void setImmediate(this.#turn);
    if (expected === "sometime") this.#sometime /= 2;
    this.#leave();
  }

  #take(): boolean {
    const { inbox, receive, unreadable } = this.#options;
    let items: unknown[] | undefined;
    try {
      items = inbox.take();
    } catch {
      this.close();
      unreadable();
    }
    if (items === undefined) return false;
    receive(items);
    return true;
  }

  #leave(): void {
    if (!this.#options.inbox.leave()) return void setImmediate(this.#turn);
    this.#looking = false;
    this.#rung = false;
    this.#flush();
  }

  /** Sends what waits, unless it can wait until the other end has taken what it has, or has woken. */
  #flush(): void {
    const { outbox, pack, post } = this.#options;
    while (this.#waiting.length > 0) {
      const { attended } = outbox;
      if (attended) this.#rung = false;
      if (attended && outbox.free) {
        const sent = outbox.put(this.#waiting.map(pack));
        this.#waiting.splice(0, sent);
        if (sent > 0) continue;
      } else if (this.#looking && (attended || this.#rung)) return;
      this.#rung = true;
      return post(this.#waiting.splice(0));
    }
  }
}

const NOW = Promise.resolve();
