/**
 * Decisions on what a provider asks during a call, each with a record of its own: the connections of
 * a program that runs in the sandbox.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, CODES } from "./core/action.ts";
import type { ProviderHost } from "./core/isolation/provider_host.ts";

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
    call: (request, decide) =>
      host.call(request, async (question) => {
        const { action, target, params } = Object(question) as Readonly<Record<string, unknown>>;
        if (typeof action !== "string" || !actions.includes(action)) return await decide(question);
        const { agent } = request;
        let canonical = "";
        // INVARIANT: allowed is only what has its record: an answer comes after that is written.
        const { status, error, code = CODES.RULE_ERRORED, rule } = await submit(
          { action, target, params, ...(agent === undefined ? {} : { agent }) } as ActionRequest,
          {
            maxOutputBytes: host.maxOutputBytes,
            close: () => Promise.resolve(),
            call(asked) {
              canonical = asked.target;
              return Promise.resolve({ ok: true, data: null, truncated: false });
            },
          },
        );
        if (status === "OK") {
          return { allowed: true, target: canonical, code: "ALLOWED", reason: "" };
        }
        const denied = { allowed: false, target: String(target), code, reason: error ?? "" };
        return rule === undefined ? denied : { ...denied, rule };
      }),
  };
}
