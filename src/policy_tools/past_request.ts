/**
 * Requests of the past, as an audit log has them.
 *
 * @module
 */
import { ARGUMENT_CODES, authorizeWithPaths } from "../argument_paths/decision.ts";
import { CODES, isActionName } from "../core/action.ts";
import { decide } from "../core/policy/decide.ts";
import type { AuditRecord } from "../core/record/record.ts";
import { sha256 } from "../core/request.ts";
import { specOf } from "../core/resource/kind.ts";
import { allKnowing } from "../provenance/any_session.ts";
import { NO_PROVENANCE } from "../provenance/policy.ts";
import type { World } from "../core/resource/world.ts";
import { type Effect, effectOf } from "./effect.ts";
import type { ExampleContext } from "./examples.ts";

/** A request of the past, in canonical form. */
export interface PastRequest {
  readonly action: string;
  readonly target: string;
  /** `undefined` if they are not in the log. */
  readonly params: Readonly<Record<string, unknown>> | undefined;
  readonly agent: string | undefined;
  /** What became of it, as far as the rules of a policy are concerned. */
  readonly past: Effect;
  /** Whether it was a part of a session: what that knew is not in the log. */
  readonly inSession: boolean;
  /** What shadow mode let through although the policy that was tried would have said otherwise. */
  readonly would: "deny" | "approve" | undefined;
}

/** `nothing`: the record is about no request that rules decide. `redacted`: its target is not known. */
export type Past = PastRequest | "nothing" | "redacted";

/** Codes of refusals by the rules of a policy, and not by a limit, a person or a provider. */
const BY_RULES: ReadonlySet<string> = new Set([
  CODES.NO_RULE,
  CODES.CONSTRAINT_UNMET,
  CODES.DENY_RULE,
  CODES.GUARDED,
  CODES.RULE_ERRORED,
  ARGUMENT_CODES.PATH_DENIED,
  ARGUMENT_CODES.ARGUMENT_DENIED,
]);
/** Digest of the params `{}`. */
const NO_PARAMS = sha256("{}");

/**
 * Reads the request out of a record.
 *
 * @param record Of a log, and so untrusted.
 */
export function pastOf(record: AuditRecord): Past {
  const { action, target, status, code = "", params, agent, stages, duration_ms } = record;
  // Records of the log itself; reports of what was permitted before, which has a record of its own.
  if (params === null || status === "INVALID" || status === "DONE" || status === "UNREPORTED") {
    return "nothing";
  }
  // A forged record could name a pattern of actions.
  if (!isActionName(action)) return "nothing";
  if (record.target_digest !== undefined) return "redacted";
  const asked = stages?.["approval"] !== undefined;
  // What a provider refused later, like a redirect, was allowed before.
  const denied = status === "DENIED" && duration_ms === undefined && BY_RULES.has(code);
  const { would } = Object(stages?.["shadow"]) as { readonly would?: unknown };
  const { id: session } = Object(stages?.["provenance"]) as { readonly id?: unknown };
  return {
    action,
    target,
    params: paramsOf(record),
    agent,
    inSession: session !== undefined,
    past: denied ? "deny" : asked ? "approve" : "allow",
    would: would === "deny" || would === "approve" ? would : undefined,
  };
}

function paramsOf({ params_values, params }: AuditRecord): PastRequest["params"] {
  if (
    params_values !== null && typeof params_values === "object" && !Array.isArray(params_values)
  ) {
    return params_values as Readonly<Record<string, unknown>>;
  }
  return params === NO_PARAMS ? {} : undefined;
}

/** A machine on which everything is what it is called: the targets of a log are canonical already. */
export const AS_RECORDED: World = {
  base: undefined,
  searchPath: [],
  realPath: (path) => path,
  readLink: () => undefined,
  list: () => [],
  typeOf: () => "executable",
};

/**
 * What a policy says of a request of the past.
 *
 * @param request Of a log.
 * @param context The policy; the world is {@linkcode AS_RECORDED}.
 * @returns The rule too; `unknown` if it depends on what is not in the log: params, or what a session knew.
 */
export function verdictOnPast(
  { action, target, params, agent, inSession }: PastRequest,
  context: ExampleContext,
): {
  readonly effect: Effect | "unknown";
  readonly rule: string | undefined;
  readonly code: string;
} {
  const { provenance = NO_PROVENANCE } = context;
  const request = agent === undefined ? { action, target } : { action, target, agent };
  if (params !== undefined) {
    const authorized = authorizeWithPaths({ ...request, params }, context);
    const { ruleId: rule, code } = authorized.decision;
    const effect = effectOf(authorized, context);
    if (!inSession || provenance.rules.size === 0) return { effect, rule, code };
    // INVARIANT: what a session knew is not in the log. A verdict that stands if it knew nothing, and if it knew
    // everything, stands for all of them.
    const session = allKnowing(provenance);
    const most = authorizeWithPaths({ ...request, params }, { ...context, session });
    const isCertain = most.decision.effect === "deny" || most.decision.ruleId === rule;
    return {
      effect: isCertain ? effect : "unknown",
      rule: isCertain ? rule : most.decision.ruleId,
      code,
    };
  }
  const { policy } = context;
  const { effect, ruleId: rule, code } = decide(policy, request);
  const unknown = { effect: "unknown", rule, code } as const;
  if (code === CODES.NO_RULE) return { effect, rule, code };
  const decisive = policy.rules.find(({ id }) => id === rule);
  // No condition on a param had a say in it.
  const certain = decisive !== undefined &&
    (decisive.constraint?.conditions ?? []).every(({ path }) => path.length === 0);
  if (!certain) return unknown;
  if (effect === "deny") return { effect, rule, code };
  const { resources = [] } = specOf(policy.actions, action);
  const further = resources.length > 0 || policy.argumentPaths?.has(decisive.id);
  if (further) return unknown;
  const authorized = authorizeWithPaths({ ...request, params: {} }, context);
  if (authorized.decision.ruleId !== rule) return unknown;
  return { effect: effectOf(authorized, context), rule, code };
}
