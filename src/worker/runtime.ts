/**
 * The provider's side of its Worker.
 *
 * @module
 */
import { InFlight } from "./in_flight.ts";
import { type Answer, checkAnswer } from "../core/isolation/answer.ts";
import { type FromWorker, identityOf, type ToWorker } from "../core/isolation/protocol.ts";
import type { ProviderRequest, ResourceDecision } from "../core/isolation/provider_host.ts";
import { connectToKernel, type WorkerScope } from "../transport/worker_transport.ts";
import { executeCall } from "./execute.ts";
import type { Execute, ProviderEnvironment, Question } from "./provider_context.ts";

const scope = globalThis as unknown as WorkerScope & { readonly name?: unknown };
const identity = typeof scope.postMessage === "function" ? identityOf(scope.name) : undefined;
// INVARIANT: given up while modules are still being loaded, before any module runs that is imported
// after this one.
for (const descriptor of identity?.revoke ?? []) Deno.permissions.revokeSync(descriptor);
if (identity !== undefined) {
  removeAmbientAuthority();
  // serveProvider replaces it. If the module never calls that, the first message finds out.
  scope.onmessage = () => {
    const { provider } = identity;
    throw new TypeError(`its module never calls serveProvider("${provider}", …)`);
  };
}

/**
 * Removes what Deno gives to every Worker without a permission and a provider does not need: signals
 * to its own process, and channels to other Workers. It does not stop code that was loaded before this
 * module and kept a reference.
 */
function removeAmbientAuthority(): void {
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
 * Makes a module the entry of its provider's Worker. Where the module is loaded for another reason (in
 * the process that describes the provider, in a test, in another Worker) it does nothing.
 *
 * @param name The name of the provider, the same as in its description.
 * @param execute Carries out the requests; may be asynchronous. Calls run concurrently.
 */
export function serveProvider(name: string, execute: Execute): void {
  if (identity?.provider !== name) return;
  const service = new Service(execute);
  connectToKernel(scope, {
    receive: (message, channel) => service.receive(message, channel),
    maySleep: () => service.maySleep,
  });
}

/** The way back to the kernel. */
interface Kernel {
  send(message: FromWorker): void;
  /** Whether the kernel has ended this Worker. */
  readonly isAbandoned: boolean;
}

/** Carries out the calls that the kernel sends. */
class Service {
  readonly #execute: Execute;
  /** What aborts the calls that did not end in the tick in which they came. */
  readonly #running = new InFlight<number, () => void>();
  readonly #questions = new InFlight<number, (decision: ResourceDecision) => void>();
  #nextQuestion = 0;
  /** Whether the last call ended in the tick in which it came. */
  #isPrompt = true;
  #config: unknown;
  #maxOutputBytes = 0;
  #environment: ProviderEnvironment = {
    hosts: [],
    files: { readable: [], writable: [], denied: [] },
    network: false,
  };

  constructor(execute: Execute) {
    this.#execute = execute;
  }

  /**
   * Whether the thread may sleep until the next call comes: not while calls need the event loop, and not
   * after one that did.
   */
  get maySleep(): boolean {
    return this.#isPrompt && this.#running.size === 0;
  }

  receive(message: ToWorker, kernel: Kernel): void {
    switch (message.type) {
      case "init":
        this.#config = message.config;
        this.#maxOutputBytes = message.maxOutputBytes;
        this.#environment = message.environment as ProviderEnvironment;
        break;
      case "call":
        this.#call(message.id, message.request, kernel);
        break;
      case "abort":
        this.#running.get(message.id)?.();
        break;
      case "decision":
        this.#questions.get(message.id)?.(message.decision);
        this.#questions.delete(message.id);
        break;
    }
  }

  #call(id: number, request: ProviderRequest, kernel: Kernel): void {
    // Deno lets a Worker that was terminated finish what it has: these calls have been answered.
    if (kernel.isAbandoned) return;
    let controller: AbortController | undefined;
    const aborted = () => controller ??= new AbortController();
    const answer = executeCall(this.#execute, request, {
      ...this.#environment,
      config: this.#config,
      maxOutputBytes: this.#maxOutputBytes,
      warn: (warning) => kernel.send({ type: "warning", warning }),
      decide: (about) => this.#ask(id, about, kernel),
      onClose: () => {/* The kernel ends this Worker. */},
      signal: () => aborted().signal,
    });
    // Checked by the kernel too; here, because what is not JSON could not even be sent.
    const reply = (answer: Answer) =>
      kernel.send({ type: "answer", id, answer: checkAnswer(answer, this.#maxOutputBytes) });
    this.#isPrompt = !(answer instanceof Promise);
    if (!(answer instanceof Promise)) return reply(answer);
    this.#running.set(
      id,
      () => aborted().abort(new DOMException("The deadline has passed", "TimeoutError")),
    );
    answer.then((answer) => {
      this.#running.delete(id);
      reply(answer);
    });
  }

  #ask(id: number, about: Question, kernel: Kernel): Promise<ResourceDecision> {
    const { promise, resolve } = Promise.withResolvers<ResourceDecision>();
    const question = this.#nextQuestion++;
    this.#questions.set(question, resolve);
    // A copy, because the question leaves later, and one that cannot be sent must fail here.
    kernel.send({ type: "question", id, question, about: structuredClone(about) });
    return promise;
  }
}
