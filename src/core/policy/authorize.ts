/**
 * From an untrusted target to a canonical request and the decision on it.
 *
 * @module
 */
import { type ActionRequest, type CanonicalRequest, CODES } from "../action.ts";
import { isInstance, messageOf } from "../errors.ts";
import { receive } from "../request.ts";
import { type KindName, type ResolveOptions, specOf } from "../resource/kind.ts";
import { KINDS } from "../resource/table.ts";
import { CanonicalError, NotNamedError, type World } from "../resource/world.ts";
import type { Asked, Session } from "./constraint.ts";
import { decide, type Decision, denialOf, deniedBy, stricter } from "./decide.ts";
import type { Policy } from "./policy.ts";

/** What requests are decided by. */
export interface PolicyContext {
  readonly policy: Policy;
  readonly world: World;
  /** Of which the request is a part. */
  readonly session?: Session | undefined;
}

/** A decision together with the request that it is about. */
export interface AuthorizedRequest {
  /**
   * In canonical form as far as it was needed: links of a denied target are not followed. As it was
   * given, if it has no canonical form.
   */
  readonly request: CanonicalRequest;
  readonly decision: Decision;
  /** Why the request has no canonical form; set exactly with the code `INVALID_TARGET`. */
  readonly cause?: CanonicalError;
}

/**
 * Canonicalises the target and all secondary resources of a request and decides each of them; all
 * have to be allowed, by their text and, where links are involved, by their real paths. Used for
 * requests and for the questions of providers.
 *
 * @param request Validated by `receive`: strings are strings, params are a private copy.
 * @param context The policy, and the machine on which targets are looked up.
 * @returns Never throws. The code is `INVALID_TARGET` if a resource has no canonical form, and
 * `RULE_ERRORED` if deciding failed; both deny.
 */
export function authorize(request: ActionRequest, context: PolicyContext): AuthorizedRequest {
  try {
    return authorizeOrThrow(request, context);
  } catch (error) {
    const given = { ...request, params: request.params ?? {} };
    if (isInstance(error, CanonicalError) && !isInstance(error, NotNamedError)) {
      const { message: reason } = error;
      const decision = { effect: "deny", code: CODES.INVALID_TARGET, reason } as const;
      return { request: given, decision, cause: error };
    }
    // INVARIANT: an error while deciding denies.
    const code = isInstance(error, NotNamedError) ? CODES.NO_RULE : CODES.RULE_ERRORED;
    const reason = `not permitted: ${messageOf(error)}`;
    return { request: given, decision: { effect: "deny", code, reason } };
  }
}

/** The params of a request are repeated in questions; the largest hold the body of an HTTP request. */
const QUESTION_LIMITS = { characters: 16 * 1024 * 1024 };

/**
 * Decides a question of a provider: like all that comes from a Worker, untrusted, and of any size.
 *
 * @param question Should be `{target, action?, params?}`.
 * @param request That the provider carries out: the question is decided for its agent, and under its
 * action if it names none.
 * @param context The policy of the request that the provider carries out.
 * @returns A `ResourceDecision`. Never throws: what is not a question is not allowed.
 */
export function decideQuestion(question: unknown, request: ActionRequest, context: PolicyContext) {
  const { action = request.action, target: named, params } = Object(question);
  const given = { action, target: named, params, agent: request.agent };
  const received = receive(given, { limits: QUESTION_LIMITS });
  if (received.problem !== undefined) {
    const { request: { target }, problem } = received;
    return { allowed: false, target, code: CODES.INVALID_REQUEST, reason: problem };
  }
  const { request: { target }, decision } = authorize(received.request, context);
  const { effect, code, reason, ruleId: rule } = decision;
  const allowed = effect === "allow";
  const answer = { allowed, target, code, reason: allowed ? "" : reason };
  return rule === undefined ? answer : { ...answer, rule };
}

/** A target or a secondary resource on the way to its canonical form. */
interface Resource extends ResolveOptions {
  /** The param that holds it; missing for the target. */
  readonly param?: string;
  readonly kind: KindName;
  readonly action: string;
  target: string;
}

function authorizeOrThrow(request: ActionRequest, context: PolicyContext): AuthorizedRequest {
  const { policy, world, session } = context;
  const { action, agent } = request;
  const spec = specOf(policy.actions, action);
  const { kind, follow = "all", defaults, canonicalParams, resources: further = [] } = spec;
  const given = { ...defaults, ...request.params };
  if (!policy.index.has(action)) {
    // No rule names the action: it is denied, whether the target has a canonical form or not.
    const target = canonicalOrGiven(kind, request.target, world);
    const decision = decide(policy, { action, target, params: given, agent, session });
    return { request: { ...request, target, params: given }, decision };
  }
  const params = canonicalParams === undefined ? given : { ...canonicalParams(given) };
  const named = KINDS[kind].normalise(request.target, world);
  const main: Resource = { kind, action, follow, target: named };
  const resources = [main];
  for (const { param, kind, action, follow = "all", required = false } of further) {
    const value = params[param];
    if (value === undefined && !required) continue;
    if (typeof value !== "string" || value === "") {
      throw new CanonicalError(`The param "${param}" has to be a ${kind}`);
    }
    const target = params[param] = KINDS[kind].normalise(value, world);
    resources.push({ param, kind, action, follow, target });
  }
  let decision = decideAll(policy, resources, { params, agent, session });
  // A target that is denied by its text is not touched: none of its links is followed.
  if (decision.effect === "allow") {
    const links: string[] = [];
    for (const resource of resources) {
      const named = resource.target;
      resource.target = KINDS[resource.kind].resolve(named, world, resource);
      if (resource.follow === "parents") {
        decision = stricter(decision, guardOfGoal(resource, { policy, world }));
      }
      if (resource.target === named) continue;
      if (resource.param !== undefined) params[resource.param] = resource.target;
      links.push(`"${named}" leads to "${resource.target}"`);
    }
    // INVARIANT: what is executed was decided: all resources by their real paths, and all params.
    if (links.length > 0) {
      const real = decideAll(policy, resources, { params, agent, session });
      const reason = `${real.reason} (${links.join(", ")})`;
      decision = stricter(decision, { ...real, reason });
    }
  }
  return { request: { ...request, target: main.target, params }, decision };
}

function canonicalOrGiven(kind: KindName, target: string, world: World): string {
  try {
    return KINDS[kind].normalise(target, world);
  } catch (error) {
    if (error instanceof CanonicalError) return target;
    throw error;
  }
}

/** The strictest decision on all resources of a request, and on what carrying it out amounts to. */
function decideAll(
  policy: Policy,
  resources: readonly Resource[],
  { params = {}, ...who }: Asked,
): Decision {
  const main = resources[0] as Resource;
  const parts = specOf(policy.actions, main.action).implies ?? [];
  const implied = parts.flatMap(({ action, param }) => {
    const resource = resources.find((one) => one.param === param);
    return resource === undefined ? [] : { ...resource, action };
  });
  return [...resources, ...implied].map(({ action, target, param }, i) => {
    // Params belong to the action they came with; under another action, its defaults hold.
    const isOwn = action === main.action;
    const own = isOwn ? params : specOf(policy.actions, action).defaults ?? {};
    // INVARIANT: what that action would be asked with nobody knows, so a deny rule on it denies.
    const denial = isOwn ? undefined : denialOf(policy, { action, target, ...who });
    const decision = stricter(decide(policy, { action, target, params: own, ...who }), denial);
    const isPart = i >= resources.length;
    if (decision.effect === "allow" || (param === undefined && !isPart)) return decision;
    const part = isPart ? `${main.action} is also ${action} of "${target}"` : `param "${param}"`;
    return { ...decision, reason: `${decision.reason} (${part})` };
  }).reduce(stricter);
}

/**
 * INVARIANT: no link by which the kernel finds one of its own files is taken away, although the action
 * does nothing to what the link leads to.
 */
function guardOfGoal(
  { kind, action, target }: Resource,
  { policy, world }: PolicyContext,
): Decision | undefined {
  try {
    const goal = KINDS[kind].resolve(target, world);
    if (goal === target) return undefined;
    // A deny rule of the policy itself does not stand before a guard.
    const rules = policy.index.get(action)?.deny.match(KINDS[kind].segments(goal));
    const guard = rules?.find(({ guard }) => guard);
    return guard && deniedBy(guard, goal);
  } catch (error) {
    if (error instanceof CanonicalError) return undefined; // A link that leads nowhere.
    throw error;
  }
}
