/**
 * What a request does beside acting on its target, and the rules that allow it: stages ask about all of it.
 *
 * @module
 */
import type { CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import type { Session } from "../core/policy/constraint.ts";
import { decide } from "../core/policy/decide.ts";
import type { Policy } from "../core/policy/policy.ts";
import { type ActionTable, specOf } from "../core/resource/kind.ts";

/** A resource that a request names in its params, or an action that it amounts to. */
export interface RequestPart {
  /** The action under which it is decided. */
  readonly action: string;
  /** Canonical. */
  readonly target: string;
  /** The params that it is decided with: those of the request, or the defaults of its own action. */
  readonly params: Readonly<Record<string, unknown>>;
  /** The param that names the target; missing for the target of the request. */
  readonly param?: string;
  /** Whether it is an action that the request amounts to: a move is also a read, a delete and a write. */
  readonly isImplied: boolean;
}

/** A part, and the rule that allows it. */
export interface RuledPart extends Pick<RequestPart, "action" | "target"> {
  /** Id of the rule. */
  readonly rule: string;
  /**
   * Whether limits count it: all but what is only looked at beside the target, like the folder in which a
   * program runs.
   */
  readonly isCounted: boolean;
}

/**
 * The parts of a request beside its target, as `authorize` decides them.
 *
 * @param request In canonical form.
 * @param actions The actions that there are.
 */
export function partsOf(
  { action, target, params }: CanonicalRequest,
  actions: ActionTable,
): RequestPart[] {
  const { resources = [], implies = [] } = specOf(actions, action);
  const named = [
    ...resources.map(({ param, action }) => ({ action, param, isImplied: false })),
    ...implies.map((one) => ({ ...one, isImplied: true })),
  ];
  return named.flatMap((one) => {
    const on = one.param === undefined ? target : params[one.param];
    if (typeof on !== "string") return [];
    // Params belong to the action they came with; under another action, its defaults hold.
    const own = one.action === action ? params : specOf(actions, one.action).defaults ?? {};
    return { ...one, target: on, params: own };
  });
}

/**
 * Finds the rules that allow the parts of a request.
 *
 * INVARIANT: a part that no rule allows refuses the whole: nothing that hangs on its rule is left out.
 *
 * @param request Canonical, and allowed.
 * @param context The policy that allows it, and the session in which it was allowed.
 */
export function ruledPartsOf(
  request: CanonicalRequest,
  { policy, session }: { readonly policy: Policy; readonly session?: Session | undefined },
): { readonly parts: readonly RuledPart[]; readonly refusal?: StageRefusal } {
  const parts: RuledPart[] = [];
  const { agent } = request;
  for (const { action, target, params, isImplied } of partsOf(request, policy.actions)) {
    const decision = decide(policy, { action, target, params, agent, session });
    const { effect, ruleId: rule, code, reason } = decision;
    if (effect === "deny" || rule === undefined) {
      const refusal = `${reason} (${action} of "${target}" is a part of ${request.action})`;
      return { parts: [], refusal: { refusal, code } };
    }
    const isCounted = isImplied || specOf(policy.actions, action).effect !== "none";
    parts.push({ action, target, rule, isCounted });
  }
  return { parts };
}
