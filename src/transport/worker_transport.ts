/**
 * Connects the kernel with its Workers, and a Worker with its kernel.
 *
 * @module
 */
import type { ToWorker } from "../core/isolation/protocol.ts";
import type { Transport } from "../core/isolation/transport.ts";
import { Channel } from "./channel.ts";
import { Ring } from "./ring.ts";

/** The first message to a Worker: the memory that it shares with the kernel. */
interface Rings {
  readonly toWorker: SharedArrayBuffer;
  readonly fromWorker: SharedArrayBuffer;
}

/** The kernel's end. */
export const WORKER_TRANSPORT: Transport = {
  connect(worker, { receive, fail, unanswered }) {
    const [inbox, outbox] = [new Ring(), new Ring()];
    const post = (posted: readonly unknown[]) => worker.postMessage(posted);
    // With several calls under way, this thread has other things to do.
    const mayLook = () => unanswered() === 1;
    // A configuration is a structured clone: it may hold a Map, or bytes.
    const isPosted = (message: unknown) => (message as ToWorker).type === "init";
    const channel = new Channel({ inbox, outbox, post, isPosted, receive, fail, mayLook });
    worker.onmessage = ({ data }) => channel.accept(data);
    worker.onmessageerror = () => fail("sent what cannot be read");
    const rings: Rings = { toWorker: outbox.shared, fromWorker: inbox.shared };
    worker.postMessage(rings);
    return channel;
  },
};

/** The part of a Worker's global scope that is used here. */
export interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown): void;
}

/** What a Worker does with the connection. */
export interface WorkerEnd {
  /** Gets each message of the kernel, in order. */
  readonly receive: (message: ToWorker, channel: Channel) => void;
  /** Whether the Worker may sleep for a moment until the next call comes, and do nothing else. */
  readonly maySleep: () => boolean;
}

/** Connects a Worker with the kernel that has created it. */
export function connectToKernel(scope: WorkerScope, { receive, maySleep }: WorkerEnd): void {
  scope.onmessage = ({ data }) => {
    const { toWorker, fromWorker } = data as Rings;
    const channel: Channel = new Channel({
      inbox: new Ring(toWorker),
      outbox: new Ring(fromWorker),
      post: (posted) => scope.postMessage(posted),
      receive: (message) => receive(message as ToWorker, channel),
      fail: (reason) => {
        throw new Error(`The connection to the kernel ${reason}`);
      },
      maySleep,
    });
    scope.onmessage = ({ data }) => channel.accept(data);
  };
}
