/**
 * Decisions on what a provider asks during a call, each with a record of its own: the connections of
 * a program that runs in the sandbox.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, CODES } from "./core/action.ts";
import type {
  DecideQuestion,
  ProviderHost,
  ResourceDecision,
} from "./core/isolation/provider_host.ts";

/**
 * The most questions of one call that are decided at once; further ones are denied. A Worker in the
 * hands of an attacker must not fill the memory of the kernel with them.
 */
const MAX_PENDING = 256;

/** Where questions go. */
export interface QuestionGate {
  /**
   * Submits a request; what is allowed is carried out by the host.
   *
   * @param ended Aborted when the call has ended.
   */
  submit(request: ActionRequest, host: ProviderHost, ended: AbortSignal): Promise<ActionResult>;
  /** Whether a rule gives what only a question with a record can give; it is then denied. */
  needsRecord(rule: string, target: string): boolean;
  /** Waits for a turn of the event loop that no other question gets. */
  turn(): Promise<void>;
}

/**
 * The host of a provider whose questions about some actions are requests of their own: received, decided
 * (also by stages), journalled and recorded. A question that is allowed has the record `OK`: the
 * provider then does what it asked about itself, and its result says what came of it.
 *
 * @param host Where the provider runs.
 * @param actions The actions whose questions are recorded; all others are only decided.
 * @param gate By the same policy.
 */
export function recordingHost(
  host: ProviderHost,
  actions: readonly string[],
  gate: QuestionGate,
): ProviderHost {
  return {
    maxOutputBytes: host.maxOutputBytes,
    close: () => host.close(),
    async call(request, decide) {
      const { agent } = request;
      const from = agent === undefined ? {} : { agent };
      const pending = new Set<Promise<ResourceDecision>>();
      const ended = new AbortController();
      const submitInTurn = async (asked: ActionRequest) => {
        // A Worker in the hands of an attacker asks as fast as it can: nothing else must wait for it.
        await gate.turn();
        if (ended.signal.aborted) return denial(asked, TOO_LATE);
        return await recorded(asked, {
          maxOutputBytes: host.maxOutputBytes,
          gate,
          ended: ended.signal,
        });
      };
      const decideOrSubmit: DecideQuestion = async (question) => {
        const asks = Object(question) as Readonly<Record<string, unknown>>;
        const { action = request.action, target, params } = asks;
        if (typeof action !== "string" || !actions.includes(action)) {
          const decision = await decide(question);
          const { allowed, rule = "", target } = decision;
          return allowed && gate.needsRecord(rule, target)
            ? denial({ target }, { ...UNASKED, rule })
            : decision;
        }
        const asked = { action, target, params, ...from } as ActionRequest;
        if (pending.size === MAX_PENDING) return denial(asked, TOO_MANY);
        const decision = submitInTurn(asked).finally(() => pending.delete(decision));
        pending.add(decision);
        return await decision;
      };
      const answer = await host.call(request, decideOrSubmit);
      ended.abort();
      // The record of a call comes after those of its questions, also where its Worker has died.
      await Promise.allSettled(pending);
      return answer;
    },
  };
}

const TOO_MANY = { error: `more than ${MAX_PENDING} questions of one call are being decided` };

const UNASKED = {
  error: "not permitted: it needs a yes of its own, and is a part of another action",
};
const TOO_LATE = { error: "the call has ended" };

/** Submits a question; what carries it out is nothing but the answer that it may be. */
async function recorded(
  asked: ActionRequest,
  { maxOutputBytes, gate, ended }: {
    readonly maxOutputBytes: number;
    readonly gate: QuestionGate;
    readonly ended: AbortSignal;
  },
): Promise<ResourceDecision> {
  let target = "";
  const result = await gate.submit(asked, {
    maxOutputBytes,
    close: () => Promise.resolve(),
    call(canonical) {
      target = canonical.target;
      return Promise.resolve({ ok: true, data: null, truncated: false });
    },
  }, ended);
  // INVARIANT: allowed is only what has its record: this answer comes after that is written.
  return result.status === "OK"
    ? { allowed: true, target, code: "ALLOWED", reason: "" }
    : denial(asked, result);
}

function denial(
  { target }: { readonly target: unknown },
  { error = "", code = CODES.RULE_ERRORED, rule }: Partial<ActionResult>,
): ResourceDecision {
  // INVARIANT: nothing is called on what a Worker has sent; a text of it could be thrown or endless.
  const text = typeof target === "string" ? target : "";
  const decision = { allowed: false, target: text, code, reason: error };
  return rule === undefined ? decision : { ...decision, rule };
}
