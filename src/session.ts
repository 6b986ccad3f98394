/**
 * A session as its user holds it.
 *
 * @module
 */
import type { ActionRequest } from "./core/action.ts";
import type { Scope } from "./provenance/scope.ts";
import type { ActiveSession } from "./provenance/session.ts";
import type { LabelledResult, SubmitOptions } from "./stages/submit.ts";

/** The part of a kernel that sessions use. */
interface SessionKernel {
  submit(request: ActionRequest, options?: SubmitOptions): Promise<LabelledResult>;
  permit(request: ActionRequest, options?: SubmitOptions): Promise<LabelledResult>;
}

/**
 * The requests of one task. It has the same `submit` as the kernel, so that it can stand wherever a kernel does: in an
 * agent loop, an adapter, a layer, a gateway.
 */
export class Session implements AsyncDisposable {
  readonly #kernel: SessionKernel;
  readonly #active: ActiveSession;
  readonly #end: () => void;

  /** Made by `Kernel.session`. */
  constructor(kernel: SessionKernel, active: ActiveSession, end: () => void) {
    this.#kernel = kernel;
    this.#active = active;
    this.#end = end;
  }

  /** Appears in its records. */
  get id(): string {
    return this.#active.header.id;
  }

  /** How much it keeps: whole values, characters of texts, fingerprints, pieces of secrets. */
  get size(): Readonly<Record<"values" | "characters" | "seen" | "secrets", number>> {
    return this.#active.state.size;
  }

  /** `Kernel.submit`, for this task. */
  submit(request: ActionRequest, options: SubmitOptions = {}): Promise<LabelledResult> {
    return this.#kernel.submit(this.#own(request), { ...options, session: this });
  }

  /** `Kernel.permit`, for this task. */
  permit(request: ActionRequest, options: SubmitOptions = {}): Promise<LabelledResult> {
    return this.#kernel.permit(this.#own(request), { ...options, session: this });
  }

  /**
   * Adds what the user said later. Only what the user wrote: a document that was pasted is a stranger's text.
   *
   * @throws {SessionError} It could not be kept.
   */
  prompt(text: string): void {
    this.#active.addPrompt(text);
  }

  /**
   * Takes more away from what the task may do. There is no way to give it back.
   *
   * @throws {TypeError} It is no scope.
   */
  narrow(scope: Scope): void {
    this.#active.narrow(scope);
  }

  /** Ends it for good: what it knew is deleted, and its further requests are refused. */
  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  /** The same as {@linkcode Session.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #own(request: ActionRequest): ActionRequest {
    const { agent } = this.#active.header;
    if (agent === undefined) return request;
    try {
      return { ...request, agent };
    } catch {
      // A getter may throw: what is left of it is no request, and on record as one that is invalid.
      return { action: "", target: "", agent };
    }
  }
}
