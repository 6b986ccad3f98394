/**
 * From an untrusted target to a canonical request and the verdict on it.
 *
 * @module
 */
import { type ActionRequest, type CanonicalRequest, CODES } from "../action.ts";
import type {
  ActionSpec,
  FurtherResource,
  ImpliedAction,
  KindName,
  ResolveOptions,
} from "../resource/kind.ts";
import { KINDS } from "../resource/table.ts";
import { CanonicalError, type World } from "../resource/world.ts";
import { decide, type Decision, denialOf, stricter } from "./decide.ts";
import type { Policy } from "./policy.ts";

/** A verdict together with what it is about. */
export interface Authorisation {
  /** In canonical form as far as it was needed: links of a denied target are not followed. */
  readonly request: CanonicalRequest;
  readonly decision: Decision;
}

/** One resource of a request under way to its canonical form. */
interface Resource extends ResolveOptions {
  readonly param?: string;
  readonly kind: KindName;
  readonly action: string;
  target: string;
}

const UNDECLARED: ActionSpec = { kind: "name" };

/**
 * Canonicalises the target and all further resources of a request and decides each of them; all
 * have to be allowed, by their text and, where links are involved, by what they really are.
 *
 * @param request Validated: strings are strings, params are a private copy.
 * @throws {CanonicalError} A resource has no canonical form.
 */
export function authorise(policy: Policy, request: ActionRequest, world: World): Authorisation {
  const { action } = request;
  const spec = Object.hasOwn(policy.actions, action) ? policy.actions[action] : undefined;
  const { kind, follow = "all", defaults, canonicalParams, resources: further = [] } = spec ??
    UNDECLARED;
  const given = { ...defaults, ...request.params };
  if (!policy.index.has(action)) {
    // No rule speaks of it: it is denied whatever the target is, or whether it is any.
    const target = normaliseOrKeep(kind, request.target, world);
    return {
      request: canonical(request, target, given),
      decision: decide(policy, { action, target, params: given }),
    };
  }
  const params = canonicalParams === undefined ? given : { ...canonicalParams(given) };
  const target = KINDS[kind].normalise(request.target, world);
  const main: Resource = { kind, action, follow, target };
  const resources: [Resource, ...Resource[]] = [main];
  for (const declared of further) {
    const target = normaliseFurther(declared, params, world);
    if (target === undefined) continue;
    params[declared.param] = target;
    const { param, kind, action, follow = "all" } = declared;
    resources.push({ param, kind, action, follow, target });
  }
  let decision = verdict(policy, resources, params);
  // A target that is denied by its text is not touched: no link of it is followed.
  if (decision.effect !== "deny") {
    const links: string[] = [];
    for (const resource of resources) {
      const named = resource.target;
      resource.target = KINDS[resource.kind].resolve(named, world, resource);
      if (resource.follow === "parents") {
        decision = stricter(decision, guardOfGoal(policy, resource, world));
      }
      if (resource.target === named) continue;
      if (resource.param !== undefined) params[resource.param] = resource.target;
      links.push(`"${named}" leads to "${resource.target}"`);
    }
    // INVARIANT: what is executed was decided: all resources, and constraints, on what they really are.
    if (links.length > 0) {
      decision = stricter(
        decision,
        throughLinks(verdict(policy, resources, params), links),
      );
    }
  }
  return { request: canonical(request, main.target, params), decision };
}

function normaliseOrKeep(kind: KindName, target: string, world: World): string {
  try {
    return KINDS[kind].normalise(target, world);
  } catch (error) {
    if (error instanceof CanonicalError) return target;
    throw error;
  }
}

function normaliseFurther(
  { param, kind, required }: FurtherResource,
  params: Readonly<Record<string, unknown>>,
  world: World,
): string | undefined {
  const value = params[param];
  if (value === undefined && !required) return undefined;
  if (typeof value !== "string" || value === "") {
    throw new CanonicalError(`The param "${param}" has to be a ${kind}`);
  }
  return KINDS[kind].normalise(value, world);
}

function verdict(
  policy: Policy,
  [main, ...further]: readonly [Resource, ...Resource[]],
  params: Readonly<Record<string, unknown>>,
): Decision {
  const { action, target } = main;
  let strictest = decide(policy, { action, target, params });
  for (const { action, target, param } of further) {
    // Params belong to the action they came with; under another action, its defaults hold.
    const own = action === main.action ? params : policy.actions[action]?.defaults ?? {};
    const decision = decide(policy, { action, target, params: own });
    const reason = `${decision.reason} (param "${param}")`;
    strictest = stricter(
      strictest,
      decision.effect === "allow" ? decision : { ...decision, reason },
    );
  }
  for (const implied of policy.actions[action]?.implies ?? []) {
    strictest = stricter(strictest, impliedDenial(policy, [main, ...further], implied));
  }
  return strictest;
}

/** What a deny rule says of an action that is part of this one; that no rule allows it is no denial. */
function impliedDenial(
  policy: Policy,
  [main, ...further]: readonly [Resource, ...Resource[]],
  { action, param }: ImpliedAction,
): Decision | undefined {
  const resource = param === undefined ? main : further.find((one) => one.param === param);
  if (resource === undefined) return undefined;
  const { target } = resource;
  const params = policy.actions[action]?.defaults ?? {};
  const denial = denialOf(policy, { action, target, params });
  const part = `${main.action} is also ${action} of "${target}"`;
  return denial && { ...denial, reason: `${denial.reason} (${part})` };
}

/**
 * INVARIANT: no link by which the kernel finds one of its own files is taken away, although the action
 * does nothing to what the link leads to.
 */
function guardOfGoal(policy: Policy, { kind, action, target }: Resource, world: World) {
  try {
    const goal = KINDS[kind].resolve(target, world);
    const denial = goal === target
      ? undefined
      : denialOf(policy, { action, target: goal, params: {} });
    return denial?.code === CODES.GUARDED ? denial : undefined;
  } catch (error) {
    if (error instanceof CanonicalError) return undefined; // A link that leads nowhere.
    throw error;
  }
}

function throughLinks(decision: Decision, links: readonly string[]): Decision {
  if (decision.effect === "allow") return decision;
  return { ...decision, reason: `${decision.reason} (${links.join(", ")})` };
}

function canonical(
  request: ActionRequest,
  target: string,
  params: Readonly<Record<string, unknown>>,
): CanonicalRequest {
  const { action, agent, undoes } = request;
  if (agent === undefined && undoes === undefined) return { action, target, params };
  return {
    ...{ action, target, params },
    ...(agent === undefined ? {} : { agent }),
    ...(undoes === undefined ? {} : { undoes }),
  };
}
