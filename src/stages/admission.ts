/**
 * The stages of one request: entered in order, confirmed, told how it ended.
 *
 * @module
 */
import { type CanonicalRequest, CODES } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import { copyJson } from "../core/json.ts";
import type { Admission, Preparation, StageOutcome, StageRefusal } from "../core/admission.ts";
import type { Stage, StageAnswer, StageContext, StagePass } from "./stage.ts";
import type { Timer } from "../core/timer.ts";

/** How stages are run. */
export interface AdmissionOptions {
  readonly timer: Timer;
  /** Digest of the policy in force now. */
  readonly policyInForce: () => string;
  readonly onWarning: (line: string) => void;
}

/** JSON on the record, by the name of the stage. */
type Fields = Record<string, Record<string, unknown>>;

const NAME = /^[a-z][a-z0-9_]{0,31}$/;
const CODE = /^[A-Z][A-Z0-9_]{0,63}$/;
const DEFAULT_TIMEOUT_MS = 30_000;
/** What a stage may put on the record. */
const FIELD_LIMITS = { nodes: 1000, characters: 16_384 };
const PASS_KEYS: readonly string[] = ["fields", "preparation", "confirm", "settle"];

/**
 * Runs the stages of one request (admission control: after authorization, before execution).
 *
 * INVARIANT: a stage can only refuse. It sees a copy of the request, and whatever it throws, answers or
 * omits to answer is a refusal or has no effect.
 */
export class StageAdmission implements Admission {
  readonly #options: AdmissionOptions;
  readonly #passed: { readonly stage: Stage; readonly pass: StagePass }[] = [];
  readonly #fields: Fields = {};
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
    for (const { stage, pass } of this.#passed) {
      try {
        const answer = pass.confirm?.({ policy });
        if (answer !== undefined) return this.#refusal = this.#refusalOf(stage, answer);
      } catch (error) {
        return this.#refusal = failed(stage, error);
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
      const copy = i === stages.length - 1 ? request : structuredClone(request);
      this.#refusal = await this.#enterOne(stage, copy, context);
      if (this.#refusal !== undefined) break;
    }
    return this;
  }

  /** Tells the stages that were passed how the request ended. Never rejects. */
  async settle(outcome: StageOutcome): Promise<void> {
    for (const { stage, pass } of this.#passed) {
      if (pass.settle === undefined) continue;
      try {
        const settled = pass.settle(outcome);
        const fields = isPromise(settled) ? await this.#within(stage, settled) : settled;
        if (fields !== undefined) this.#record(stage, fields);
      } catch (error) {
        this.#warn(stage, `cannot settle: ${messageOf(error)}`);
      }
    }
  }

  async #enterOne(
    stage: Stage,
    request: CanonicalRequest,
    context: Omit<StageContext, "signal">,
  ): Promise<StageRefusal | undefined> {
    let late = false;
    const abort = new AbortController();
    try {
      const { name } = stage;
      if (!NAME.test(name) || Object.hasOwn(this.#fields, name)) {
        throw new RangeError(`its name is "${name}", expected another one of a-z, 0-9 and _`);
      }
      const entered = stage.enter(request, { ...context, signal: abort.signal });
      // One that answers at once takes no timer and no turn of the event loop.
      const answer = isPromise(entered)
        ? await this.#within(
          stage,
          Promise.resolve(entered).then(async (answer) => {
            // It may have reserved something meanwhile, which has to be given back.
            if (late) await this.#settleLate(stage, answer);
            return answer;
          }),
        )
        : entered;
      if (answer === undefined) return undefined;
      if ("refusal" in answer) return this.#refusalOf(stage, answer);
      this.#pass(stage, answer);
      return undefined;
    } catch (error) {
      late = true;
      abort.abort(error);
      return failed(stage, error);
    }
  }

  #pass(stage: Stage, answer: StagePass): void {
    // First, so that it is settled whatever else is wrong with it.
    this.#passed.push({ stage, pass: answer });
    const unknown = Object.keys(answer).find((key) => !PASS_KEYS.includes(key));
    if (unknown !== undefined) {
      throw new TypeError(`its answer has "${unknown}", expected only ${PASS_KEYS.join(", ")}`);
    }
    const { fields, preparation } = answer;
    if (fields !== undefined) this.#record(stage, fields);
    if (preparation !== undefined) {
      const copy = copyJson(preparation, "preparation") as Preparation;
      this.#preparation = { ...this.#preparation, ...copy };
    }
  }

  #refusalOf(stage: Stage, answer: StageAnswer): StageRefusal {
    const { refusal, code, details, fields } = answer as StageRefusal;
    if (typeof refusal !== "string" || !CODE.test(code)) {
      throw new TypeError("its refusal has no reason or no code in upper case");
    }
    if (fields !== undefined) this.#record(stage, fields);
    if (details === undefined) return { refusal, code };
    const copy = copyJson(details, "details", FIELD_LIMITS) as Record<string, unknown>;
    return { refusal, code, details: copy };
  }

  #record(stage: Stage, fields: Readonly<Record<string, unknown>>): void {
    const copy = copyJson(fields, "fields", FIELD_LIMITS) as Record<string, unknown>;
    this.#fields[stage.name] = { ...this.#fields[stage.name], ...copy };
  }

  async #settleLate(stage: Stage, answer: StageAnswer): Promise<void> {
    try {
      if (answer === undefined || "refusal" in answer) return;
      await answer.settle?.({
        status: "DENIED",
        code: CODES.STAGE_TIMEOUT,
        executed: false,
        durationMs: 0,
      });
    } catch (error) {
      this.#warn(stage, `cannot settle: ${messageOf(error)}`);
    }
  }

  /** Waits for a stage; rejects when its time is over. */
  #within<T>(stage: Stage, answer: PromiseLike<T>): Promise<T> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = stage;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const cancel = this.#options.timer.schedule(
      () => reject(new StageTimeout(`it did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    answer.then(resolve, reject);
    return promise.finally(cancel);
  }

  #warn({ name }: Stage, line: string): void {
    this.#options.onWarning(`agent-kernel: stage "${name}": ${line}`);
  }
}

/** Also what only has a `then`: JavaScript waits for that too. */
function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | undefined)?.then === "function";
}

class StageTimeout extends Error {}

/** INVARIANT: a stage that throws, or does not answer, denies. */
function failed({ name }: Stage, error: unknown): StageRefusal {
  const code = error instanceof StageTimeout ? CODES.STAGE_TIMEOUT : CODES.STAGE_FAILED;
  return { refusal: `not permitted: stage "${name}" failed: ${messageOf(error)}`, code };
}
