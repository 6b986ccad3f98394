/**
 * The verdict on a request, and on what a provider asks in the course of one.
 *
 * @module
 */
import { type ActionRequest, type CanonicalRequest, CODES } from "../action.ts";
import { type Authorisation, authorise } from "./authorize.ts";
import type { Policy } from "./policy.ts";
import type { Verdict } from "../isolation/provider.ts";
import { receive } from "../request.ts";
import { CanonicalError, NotNamedError, type World } from "../resource/world.ts";

/** By what is judged. */
export interface Law {
  readonly policy: Policy;
  readonly world: World;
}

/**
 * Judges a validated request; never throws.
 *
 * @returns A `CanonicalError` if a resource of it has no canonical form.
 */
export function judge(
  request: ActionRequest,
  { policy, world }: Law,
): Authorisation | CanonicalError {
  try {
    return authorise(policy, request, world);
  } catch (error) {
    if (error instanceof CanonicalError && !(error instanceof NotNamedError)) return error;
    // INVARIANT: an error while deciding denies.
    const reason = `not permitted: ${error instanceof Error ? error.message : String(error)}`;
    return {
      request: request as CanonicalRequest,
      decision: {
        effect: "deny",
        code: error instanceof NotNamedError ? CODES.NO_RULE : CODES.RULE_ERRORED,
        reason,
      },
    };
  }
}

/**
 * A message may refer to one text a thousand times. The params of a request are repeated in questions, and
 * the largest there are hold the body of an HTTP request.
 */
const QUESTION_LIMITS = { characters: 16 * 1024 * 1024 };

/**
 * The same for a question of a provider: like all that comes from a Worker, untrusted, and of any size.
 *
 * @param action Under which it is decided if it names none.
 */
export function judgeQuestion(question: unknown, action: string, law: Law): Verdict {
  const asked = (question ?? {}) as Readonly<Record<string, unknown>>;
  const { request, problem } = receive({
    ...{ action: asked["action"] ?? action, target: asked["target"], params: asked["params"] },
  }, QUESTION_LIMITS);
  const no = (target: string, code: string, reason: string) => ({
    ...{ allowed: false, target, code, reason },
  });
  if (problem !== undefined) return no(request.target, CODES.INVALID_REQUEST, problem);
  const authorisation = judge(request, law);
  if (authorisation instanceof CanonicalError) {
    return no(request.target, CODES.INVALID_TARGET, authorisation.message);
  }
  const { effect, code, reason, ruleId } = authorisation.decision;
  const { target } = authorisation.request;
  const rule = ruleId === undefined ? {} : { rule: ruleId };
  if (effect !== "allow") return { ...no(target, code, reason), ...rule };
  return { allowed: true, target, code, reason: "", ...rule };
}
