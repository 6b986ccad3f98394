/**
 * Connects the kernel with its Workers, and a Worker with its kernel.
 *
 * @module
 */
import type { ToWorker } from "../core/isolation/protocol.ts";
import type { Transport } from "../core/isolation/transport.ts";
import { Box } from "./box.ts";
import { Channel } from "./channel.ts";

/** The first message to a Worker: the memory that it shares with the kernel. */
interface Boxes {
  readonly toWorker: SharedArrayBuffer;
  readonly fromWorker: SharedArrayBuffer;
}

/** The kernel's end. */
export const WORKER_TRANSPORT: Transport = {
  connect(worker, { receive, fail, unanswered }) {
    const [inbox, outbox] = [new Box(), new Box()];
    const post = (batch: readonly unknown[]) => worker.postMessage(batch);
    // With several calls under way, this thread has other things to do.
    const mayPoll = () => unanswered() === 1;
    const channel = new Channel({ inbox, outbox, post, receive, fail, mayPoll });
    worker.onmessage = ({ data }) => channel.accept(data);
    worker.onmessageerror = () => fail("sent what cannot be read");
    const boxes: Boxes = { toWorker: outbox.shared, fromWorker: inbox.shared };
    worker.postMessage(boxes);
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
  /** Whether the Worker may wait for the next call for a moment and do nothing else. */
  readonly mayPoll: () => boolean;
}

/** Connects a Worker with the kernel that has created it. */
export function connectToKernel(scope: WorkerScope, { receive, mayPoll }: WorkerEnd): void {
  scope.onmessage = ({ data }) => {
    const { toWorker, fromWorker } = data as Boxes;
    const channel: Channel = new Channel({
      inbox: new Box(toWorker),
      outbox: new Box(fromWorker),
      post: (batch) => scope.postMessage(batch),
      receive: (message) => receive(message as ToWorker, channel),
      fail: (reason) => {
        throw new Error(`The connection to the kernel ${reason}`);
      },
      mayPoll,
    });
    scope.onmessage = ({ data }) => channel.accept(data);
  };
}
