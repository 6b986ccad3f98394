/**
 * Decisions on what a provider asks during a call, each with a record of its own: the connections of
 * a program that runs in the sandbox.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, CODES } from "./core/action.ts";
import type { ProviderHost, ResourceDecision } from "./core/isolation/provider_host.ts";

/**
 * The most questions of one call that are decided at once; further ones are denied. A Worker in the
 * hands of an attacker must not fill the memory of the kernel with them.
 */
const MAX_PENDING = 256;

/** Submits a request to the gate; what is allowed is carried out by the host. */
export type SubmitTo = (request: ActionRequest, host: ProviderHost) => Promise<ActionResult>;

/**
 * The host of a provider whose questions about some actions are requests of their own: received, decided
 * (also by stages), journalled and recorded. A question that is allowed has the record `OK`: the
 * provider then does what it asked about itself, and its result says what came of it.
 *
 * @param host Where the provider runs.
 * @param actions The actions whose questions are recorded; all others are only decided.
 * @param submit To the same policy.
 */
export function recordingHost(
  host: ProviderHost,
  actions: readonly string[],
  submit: SubmitTo,
): ProviderHost {
  return {
    maxOutputBytes: host.maxOutputBytes,
    close: () => host.close(),
    call(request, decide) {
      const { agent } = request;
      const from = agent === undefined ? {} : { agent };
      let pending = 0;
      return host.call(request, async (question) => {
        const { action, target, params } = Object(question) as Readonly<Record<string, unknown>>;
        if (typeof action !== "string" || !actions.includes(action)) return await decide(question);
        const asked = { action, target, params, ...from } as ActionRequest;
        if (pending === MAX_PENDING) return denial(asked, TOO_MANY);
        pending++;
        const decision = await recorded(asked, host.maxOutputBytes, submit);
        pending--;
        return decision;
      });
    },
  };
}

const TOO_MANY = { error: `more than ${MAX_PENDING} questions of one call are being decided` };

/** Submits a question; what carries it out is nothing but the answer that it may be. */
async function recorded(
  asked: ActionRequest,
  maxOutputBytes: number,
  submit: SubmitTo,
): Promise<ResourceDecision> {
  let target = "";
  const result = await submit(asked, {
    maxOutputBytes,
    close: () => Promise.resolve(),
    call(canonical) {
      target = canonical.target;
      return Promise.resolve({ ok: true, data: null, truncated: false });
    },
  });
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
