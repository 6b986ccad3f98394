/**
 * The decision on a request, and on what a provider asks while it carries one out.
 *
 * @module
 */
import { type ActionRequest, type CanonicalRequest, CODES } from "../action.ts";
import { messageOf } from "../errors.ts";
import { type Authorisation, authorise } from "./authorize.ts";
import type { Policy } from "./policy.ts";
import type { ResourceDecision } from "../isolation/provider_host.ts";
import { receive } from "../request.ts";
import { CanonicalError, NotNamedError, type World } from "../resource/world.ts";

/** What is decided by. */
export interface PolicyContext {
  readonly policy: Policy;
  readonly world: World;
}

/** Decides a received request; never throws. */
export function authorize(
  request: ActionRequest,
  { policy, world }: PolicyContext,
): Authorisation {
  try {
    return authorise(policy, request, world);
  } catch (error) {
    const denied = (code: string, reason: string) => ({
      request: request as CanonicalRequest,
      decision: { effect: "deny", code, reason } as const,
    });
    if (error instanceof CanonicalError && !(error instanceof NotNamedError)) {
      return denied(CODES.INVALID_TARGET, error.message);
    }
    // INVARIANT: an error while deciding denies.
    const code = error instanceof NotNamedError ? CODES.NO_RULE : CODES.RULE_ERRORED;
    return denied(code, `not permitted: ${messageOf(error)}`);
  }
}

/** The params of a request are repeated in questions; the largest hold the body of an HTTP request. */
const QUESTION_LIMITS = { characters: 16 * 1024 * 1024 };

/**
 * Decides a question of a provider: like all that comes from a Worker, untrusted, and of any size.
 *
 * @param action Under which it is decided if it names none.
 */
export function decideQuestion(
  question: unknown,
  action: string,
  context: PolicyContext,
): ResourceDecision {
  const asked = (question ?? {}) as Readonly<Record<string, unknown>>;
  const given = {
    action: asked["action"] ?? action,
    target: asked["target"],
    params: asked["params"],
  };
  const received = receive(given, { limits: QUESTION_LIMITS });
  if (received.problem !== undefined) {
    const { request: { target }, problem } = received;
    return { allowed: false, target, code: CODES.INVALID_REQUEST, reason: problem };
  }
  const { request: { target }, decision } = authorize(received.request, context);
  const { effect, code, reason, ruleId } = decision;
  const allowed = effect === "allow";
  const answer = { allowed, target, code, reason: allowed ? "" : reason };
  return ruleId === undefined ? answer : { ...answer, rule: ruleId };
}
