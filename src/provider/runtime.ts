/**
 * The provider's side of its Worker.
 *
 * @module
 */
import { executeOnce } from "./execution.ts";
import {
  type Answer,
  type Call,
  type FromWorker,
  identityOf,
  type Surroundings,
  type ToWorker,
} from "./protocol.ts";
import type { Execute, Question, Verdict } from "./provider.ts";

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
if (identity !== undefined) closeSideDoors();

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
  const running = new Map<number, AbortController>();
  const asked = new Map<number, (verdict: Verdict) => void>();
  let answers: (Answer & { id: number })[] = [];
  let questions = 0;
  let config: unknown;
  let maxOutputBytes = 0;
  let surroundings: Surroundings;

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

  async function run(call: Call): Promise<void> {
    const controller = new AbortController();
    running.set(call.id, controller);
    const { id, ...request } = call;
    const { signal } = controller;
    const decide = (about: Question) => ask(id, about);
    const answer = await executeOnce(execute, request, {
      ...{ config, signal, maxOutputBytes, ...surroundings, decide, warn },
    });
    running.delete(id);
    // What is answered in one tick travels in one message.
    if (answers.length === 0) queueMicrotask(send);
    answers.push({ ...answer, id });
  }

  function send(): void {
    const sent = answers;
    answers = [];
    try {
      scope.postMessage({ answers: sent });
    } catch {
      // Something in it cannot be cloned: send what can, say of the rest that it cannot.
      for (const answer of sent) post(answer);
    }
  }

  function post(answer: Answer & { id: number }): void {
    try {
      scope.postMessage({ answers: [answer] });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const { id } = answer;
      scope.postMessage({
        answers: [{
          id,
          ok: false,
          code: "RESULT_INVALID",
          error: `The result is no JSON value: ${reason}`,
        }],
      });
    }
  }

  scope.onmessage = ({ data: message }) => {
    switch (message.type) {
      case "init":
        ({ config, maxOutputBytes, surroundings } = message);
        break;
      case "calls":
        for (const call of message.calls) run(call);
        break;
      case "verdict":
        asked.get(message.question)?.(message.verdict);
        asked.delete(message.question);
        break;
      case "abort":
        running.get(message.id)?.abort(new DOMException("The deadline has passed", "TimeoutError"));
        break;
    }
  };
}
