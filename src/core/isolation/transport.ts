/**
 * How messages reach a Worker and come back. The implementation is not part of the core: it can lose
 * or forge the Worker's own messages, but it cannot widen what the Worker may do.
 *
 * @module
 */
import type { ToWorker } from "./protocol.ts";

/** What the kernel does with what comes from a Worker. */
export interface Receiver {
  /** Gets each message, in the order in which the Worker sent them. Untrusted. */
  receive(message: unknown): void;
  /** How many calls the Worker has that are not answered yet. */
  unanswered(): number;
  /** Called once if messages cannot be sent or read any more, with what happened. */
  fail(reason: string): void;
}

/** The connection to one Worker. */
export interface Connection {
  /** Sends a message after all that were sent before; it leaves at the end of the tick at latest. */
  send(message: ToWorker): void;
  /** Ends the connection. The Worker finds out before it begins with another call. */
  close(): void;
}

/** Connects the kernel with Workers that it has just created. */
export interface Transport {
  connect(worker: Worker, receiver: Receiver): Connection;
}
