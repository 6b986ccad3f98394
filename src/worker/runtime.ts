/**
 * The provider's side of its Worker.
 *
 * @module
 */
import { InFlight } from "../core/in_flight.ts";
import { Channel } from "../transport/channel.ts";
import { checkedAnswer, executeOnce } from "../core/isolation/answer.ts";
import { Mailbox } from "../transport/mailbox.ts";
import {
  type Answer,
  type Call,
  type FromWorker,
  identityOf,
  type Mailboxes,
  type NumberedAnswer,
  packAnswer,
  type Surroundings,
  type ToWorker,
} from "../core/isolation/protocol.ts";
import type { Execute, Question, Verdict } from "../core/isolation/provider.ts";

/** The part of a Worker's global scope that is used here. */
interface WorkerScope {
  readonly name?: unknown;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as WorkerScope;
const identity = typeof scope.postMessage === "function" ? identityOf(scope.name) : undefined;
// INVARIANT: given up while modules are still being loaded, before the code of any that is imported
// behind this one runs.
for (const descriptor of identity?.revoke ?? []) Deno.permissions.revokeSync(descriptor);
if (identity !== undefined) {
  closeSideDoors();
  // Until the module serves that provider: the kernel's first message finds that it never does.
  scope.onmessage = () => {
    const { provider } = identity;
    throw new TypeError(`its module never calls serveProvider("${provider}", …)`);
  };
}

/**
 * What Deno gives to every Worker without asking for a permission, and a provider has no use for:
 * signals to the own process, and ways to other Workers. This stops code that uses them, not code
 * that knew of them before this module was loaded.
 */
function closeSideDoors(): void {
  const refuse = () => {
    throw new Deno.errors.NotCapable("A provider may not send signals");
  };
  Object.defineProperty(Deno, "kill", { value: refuse });
  const { process } = globalThis as unknown as { process?: object };
  if (process !== undefined) {
    for (const name of ["kill", "_kill", "abort"]) {
      Object.defineProperty(process, name, { value: refuse });
    }
  }
  for (const name of ["BroadcastChannel", "caches"]) Reflect.deleteProperty(globalThis, name);
}

/**
 * Makes the module of a provider the entry of its Worker. In any other place where the module is
 * loaded (the process that describes the provider, tests, another Worker) it does nothing.
 *
 * @param name The name of the provider, the same as in its description.
 */
export function serveProvider(name: string, execute: Execute): void {
  if (identity?.provider !== name) return;
  /** Calls that have not ended in the tick in which they came. */
  const running = new InFlight<number, { readonly abort: (reason: unknown) => void }>();
  const asked = new InFlight<number, (verdict: Verdict) => void>();
  let questions = 0;
  let config: unknown;
  let maxOutputBytes = 0;
  let surroundings: Surroundings;
  let channel: Channel<NumberedAnswer>;
  /** Whether the last call ended in the tick in which it came. */
  let isPrompt = false;

  function warn(warning: string): void {
    scope.postMessage({ warning });
  }

  function ask(id: number, about: Question): Promise<Verdict> {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const question = questions++;
    asked.set(question, resolve);
    scope.postMessage({ id, question, about });
    return promise;
  }

  function run({ id, ...request }: Call): void {
    // Deno lets a Worker that it terminates go on with what it has: these calls have had their answer.
    if (channel.isAbandoned) return;
    let controller: AbortController | undefined;
    const aborted = () => controller ??= new AbortController();
    const answer = executeOnce(execute, request, {
      ...{ config, maxOutputBytes, ...surroundings, warn },
      decide: (about) => ask(id, about),
      signal: () => aborted().signal,
    });
    isPrompt = !(answer instanceof Promise);
    if (!(answer instanceof Promise)) return reply(id, answer);
    running.set(id, { abort: (reason) => aborted().abort(reason) });
    answer.then((answer) => {
      running.delete(id);
      reply(id, answer);
    });
  }

  function reply(id: number, answer: Answer): void {
    // The kernel looks for itself; here, because what is no JSON could not even be sent.
    channel.send({ ...checkedAnswer(answer, maxOutputBytes), id });
  }

  function begin({ calls, answers }: Mailboxes): void {
    channel = new Channel({
      inbox: new Mailbox(calls),
      outbox: new Mailbox(answers),
      post: (answers) => scope.postMessage({ answers }),
      pack: packAnswer,
      // While no call goes on, there is nothing else to do here.
      glanceMs: 1,
      receive: (calls) => {
        for (const call of calls as readonly Call[]) run(call);
      },
      // While calls wait for something, the event loop has to go on; and after calls that took their
      // time, the next one need not be waited for.
      expecting: () => running.size === 0 && isPrompt ? "soon" : "nothing",
      unreadable: () => {
        throw new Error("The kernel's mailbox cannot be read");
      },
    });
  }

  scope.onmessage = ({ data: message }) => {
    switch (message.type) {
      case "init":
        ({ config, maxOutputBytes, surroundings } = message);
        begin(message.mailboxes);
        break;
      case "calls":
        isPrompt = true;
        channel.attend();
        for (const call of message.calls) run(call);
        break;
      case "verdict":
        asked.get(message.question)?.(message.verdict);
        asked.delete(message.question);
        break;
      case "abort":
        channel.pull();
        running.get(message.id)?.abort(new DOMException("The deadline has passed", "TimeoutError"));
        break;
    }
  };
}
