/**
 * The stages of one request: entered in order, confirmed, told how it ended.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { abortSafely } from "../abort.ts";
import { type CanonicalRequest, CODES } from "../core/action.ts";
import { isInstance, messageOf } from "../core/errors.ts";
import { cutText, isCode, MAX_ERROR_BYTES } from "../core/isolation/answer.ts";
import { copyJson, type JsonLimits } from "../core/json.ts";
import { clone } from "../core/request.ts";
import type { Admission, Preparation, StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Stage, StageAnswer, StageContext, StagePass } from "./stage.ts";
import type { Timer } from "../core/timer.ts";

/** How stages are run. */
export interface AdmissionOptions {
  readonly timer: Timer;
  /** Digest of the policy in force now. */
  readonly policyInForce: () => string;
  readonly onWarning: (line: string) => void;
  /** Those of the stages that are the kernel's own. */
  readonly ownStages: readonly Stage[];
}

/** JSON on the record, by the name of the stage. */
type Fields = Record<string, Readonly<Record<string, unknown>>>;

const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const DEFAULT_TIMEOUT_MS = 30_000;
/** A timer of the platform that is set to more fires at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** What a stage may put on the record. */
const FIELD_LIMITS = { nodes: 1000, characters: 16_384 };
const PASS_KEYS: readonly string[] = ["fields", "preparation", "confirm", "settle"];

/** The kernel's own stages that have fields on the record, or hand on a preparation. */
const OWN_NAMES: readonly string[] = [
  "approval",
  "argument_paths",
  "limits",
  "program_limits",
  "provenance",
  "shadow",
];

/** The kernel's own stages that bound their time themselves, and run nobody's code that submits a request. */
const PLAIN_NAMES: readonly string[] = ["limits", "program_limits", "provenance"];
const NEVER_ABORTED = new AbortController().signal;

/** How deep in stages that submit requests of their own the code is that runs now. */
const nesting = new AsyncLocalStorage<number>();
/** A stage that submits a request is entered again for it. */
const MAX_NESTING = 8;

/** A stage, with what has been read of it: once, because it could change. */
interface Entered {
  readonly stage: Stage;
  readonly name: string;
  readonly timeoutMs: number;
}

/** A stage that let the request pass. */
interface Passed extends Entered {
  readonly pass: StagePass;
}

/**
 * Runs the stages of one request (admission control: after authorization, before execution).
 *
 * INVARIANT: a stage can only refuse. It sees a copy of the request, and whatever it throws, answers or
 * omits to answer is a refusal or has no effect.
 */
export class StageAdmission implements Admission {
  readonly #options: AdmissionOptions;
  readonly #passed: Passed[] = [];
  readonly #fields: Fields = {};
  /** The stage that has fields on the record, by its name. */
  readonly #recorders = new Map<string, Stage>();
  #preparation: Preparation | undefined;
  #refusal: StageRefusal | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** What the stages put on the record; `undefined` if nothing. */
  get fields(): Readonly<Fields> | undefined {
    return Object.keys(this.#fields).length === 0 ? undefined : this.#fields;
  }

  /** What the provider is to know; a later stage's members win. */
  get preparation(): Preparation | undefined {
    return this.#preparation;
  }

  /**
   * Why the request may not go on. Asks all stages that were passed once more, synchronously.
   *
   * @returns `undefined` if all let it pass.
   */
  refusal(): StageRefusal | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const policy = this.#options.policyInForce();
    for (const passed of this.#passed) {
      try {
        const answer = passed.pass.confirm?.({ policy });
        if (answer === undefined) continue;
        // It is refused as no refusal; that it may reject as well must not end the process.
        if (isPromise(answer)) Promise.resolve(answer).catch(() => {});
        return this.#refusal = this.#refusalOf(passed, answer);
      } catch (error) {
        return this.#refusal = failed(passed.name, error);
      }
    }
    return undefined;
  }

  /**
   * Enters the stages, one after the other, up to the first that refuses.
   *
   * @param request A private copy of what the policy allowed; each stage gets one of its own.
   */
  async enter(
    stages: readonly Stage[],
    request: CanonicalRequest,
    context: Omit<StageContext, "signal">,
  ): Promise<this> {
    for (const [i, stage] of stages.entries()) {
      // The last one gets the copy that was handed in.
      const copy = i === stages.length - 1 ? request : clone(request);
      this.#refusal = this.#isPlain(stage)
        ? await this.#enterPlain(stage, copy, context)
        : await this.#enterOne(stage, copy, context);
      if (this.#refusal !== undefined) break;
    }
    return this;
  }

  /** Refuses without asking a stage. */
  refuse(refusal: StageRefusal): this {
    this.#refusal = refusal;
    return this;
  }

  /** Tells the stages that were passed how the request ended. Never rejects. */
  async settle(outcome: StageOutcome): Promise<void> {
    // A stage must not change what the next one is told.
    const told = Object.freeze({ ...outcome });
    for (const passed of this.#passed) {
      try {
        const settled = passed.pass.settle?.(told);
        const fields = isPromise(settled) ? await this.#within(passed, settled) : settled;
        if (fields !== undefined) this.#record(passed, fields);
      } catch (error) {
        this.#warn(passed.name, `cannot settle: ${messageOf(error)}`);
      }
    }
  }

  async #enterOne(
    stage: Stage,
    request: CanonicalRequest,
    context: Omit<StageContext, "signal">,
  ): Promise<StageRefusal | undefined> {
    let late = false;
    let known = "";
    const abort = new AbortController();
    try {
      const { name, timeoutMs = DEFAULT_TIMEOUT_MS } = stage;
      const isFree = !OWN_NAMES.includes(name) || this.#options.ownStages.includes(stage);
      if (typeof name !== "string" || !NAME.test(name) || this.#recorders.has(name) || !isFree) {
        throw new RangeError("its name: expected one of its own, of a-z, 0-9 and _");
      }
      known = name;
      if (typeof timeoutMs !== "number" || !(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
        throw new RangeError(`timeoutMs: expected 0 to ${MAX_TIMEOUT_MS}`);
      }
      const self = { stage, name, timeoutMs };
      const depth = nesting.getStore() ?? 0;
      if (depth === MAX_NESTING) {
        throw new RangeError(`stages submit requests whose stages submit requests, ${depth} deep`);
      }
      const entered = nesting.run(
        depth + 1,
        () => stage.enter(request, { ...context, signal: abort.signal }),
      );
      // One that answers at once takes no timer and no turn of the event loop.
      const answer = isPromise(entered)
        ? await this.#within(
          self,
          Promise.resolve(entered).then(async (answer) => {
            // It may have reserved something meanwhile, which has to be given back.
            if (late) await this.#settleLate(name, answer);
            return answer;
          }),
        )
        : entered;
      return this.#take(self, answer);
    } catch (error) {
      late = true;
      abortSafely(abort, error, (message) => this.#warn(known, `threw when aborted: ${message}`));
      return failed(known, error);
    }
  }

  #isPlain(stage: Stage): boolean {
    return this.#options.ownStages.includes(stage) && PLAIN_NAMES.includes(stage.name);
  }

  /** Enters a stage for which neither a timer nor a signal nor a nesting has to be there. */
  #enterPlain(
    stage: Stage,
    request: CanonicalRequest,
    context: Omit<StageContext, "signal">,
  ): StageRefusal | undefined | Promise<StageRefusal | undefined> {
    const { name } = stage;
    const take = (answer: StageAnswer) =>
      this.#take({ stage, name, timeoutMs: DEFAULT_TIMEOUT_MS }, answer);
    try {
      const answer = stage.enter(request, { ...context, signal: NEVER_ABORTED });
      if (!isPromise(answer)) return take(answer);
      return answer.then(take).catch((error) => failed(name, error));
    } catch (error) {
      return failed(name, error);
    }
  }

  #take(self: Entered, answer: StageAnswer): StageRefusal | undefined {
    if (answer === undefined) return undefined;
    // INVARIANT: an error, a list or a response that is returned is no answer, and no pass.
    if (!isPlainObject(answer)) throw new TypeError("its answer: expected a plain object");
    if ("refusal" in answer) return this.#refusalOf(self, answer);
    this.#pass({ ...self, pass: answer });
    return undefined;
  }

  #pass(passed: Passed): void {
    const { pass: answer } = passed;
    // First, so that it is settled whatever else is wrong with it.
    this.#passed.push(passed);
    const unknown = Object.keys(answer).find((key) => !PASS_KEYS.includes(key));
    if (unknown !== undefined) {
      throw new TypeError(`its answer has "${unknown}", expected only ${PASS_KEYS.join(", ")}`);
    }
    const { fields, preparation } = answer;
    if (fields !== undefined) this.#record(passed, fields);
    if (preparation !== undefined) {
      this.#preparation = { ...this.#preparation, ...copyFields(preparation, "preparation") };
    }
  }

  #refusalOf(entered: Entered, answer: StageAnswer): StageRefusal {
    const { refusal: reason, code, details, fields } = answer as StageRefusal;
    if (typeof reason !== "string" || !isCode(code)) {
      throw new TypeError("its refusal has no reason or no code in upper case");
    }
    if (fields !== undefined) this.#record(entered, fields);
    const refusal = cutText(reason, MAX_ERROR_BYTES);
    if (details === undefined) return { refusal, code };
    return { refusal, code, details: copyFields(details, "details", FIELD_LIMITS) };
  }

  #record({ stage, name }: Entered, fields: Readonly<Record<string, unknown>>): void {
    if ((this.#recorders.get(name) ?? stage) !== stage) {
      throw new RangeError("another stage of its name has fields on the record");
    }
    this.#recorders.set(name, stage);
    const before = this.#fields[name];
    // INVARIANT: only what the kernel's own code has frozen is JSON that nobody changes.
    const isConstant = Object.isFrozen(fields) && this.#options.ownStages.includes(stage);
    const copy = isConstant ? fields : copyFields(fields, "fields", FIELD_LIMITS);
    this.#fields[name] = before === undefined ? copy : { ...before, ...copy };
  }

  async #settleLate(name: string, answer: StageAnswer): Promise<void> {
    try {
      if (answer === undefined || "refusal" in answer) return;
      await answer.settle?.({
        status: "DENIED",
        code: CODES.STAGE_TIMEOUT,
        executed: false,
        durationMs: 0,
      });
    } catch (error) {
      this.#warn(name, `cannot settle: ${messageOf(error)}`);
    }
  }

  /** Waits for a stage; rejects when its time is over. */
  #within<T>({ timeoutMs }: Entered, answer: PromiseLike<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const cancel = this.#options.timer.schedule(
      () => reject(new StageTimeout(`it did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    // What only has a `then` may throw in it.
    Promise.resolve(answer).then(resolve, reject);
    return promise.finally(cancel);
  }

  #warn(name: string, line: string): void {
    this.#options.onWarning(`agent-kernel: stage "${name}": ${line}`);
  }
}

/** Also what only has a `then`: JavaScript waits for that too. */
function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | undefined)?.then === "function";
}

class StageTimeout extends Error {}

function copyFields(value: object, path: string, limits?: JsonLimits): Record<string, unknown> {
  if (!isPlainObject(value)) throw new TypeError(`its ${path}: expected a plain object`);
  return copyJson(value, path, limits) as Record<string, unknown>;
}

function isPlainObject(value: unknown): boolean {
  if (value === null || typeof value !== "object") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** INVARIANT: a stage that throws, or does not answer, denies. */
function failed(name: string, error: unknown): StageRefusal {
  const code = isInstance(error, StageTimeout) ? CODES.STAGE_TIMEOUT : CODES.STAGE_FAILED;
  const why = cutText(messageOf(error), MAX_ERROR_BYTES);
  return { refusal: `not permitted: stage "${name}" failed: ${why}`, code };
}
