/**
 * Decides the paths among the arguments of an allowed request.
 *
 * @module
 */
import type { ActionRequest, CanonicalRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import { authorize, type AuthorizedRequest } from "../core/policy/authorize.ts";
import type { Session } from "../core/policy/constraint.ts";
import type { World } from "../core/resource/world.ts";
import type { PolicyWithPaths } from "./argument_paths.ts";
import { namedPaths } from "./named_paths.ts";

/** Codes of refusals. */
export const ARGUMENT_CODES = {
  /** The policy does not allow what a word of the command line names. */
  PATH_DENIED: "PATH_DENIED",
  /** A word cannot be taken as what it seems to be, or it holds what the rule refuses. */
  ARGUMENT_DENIED: "ARGUMENT_DENIED",
} as const;

/** By what paths are decided. */
export interface PathContext {
  readonly policy: PolicyWithPaths;
  readonly world: World;
  /** Of which the request is a part. @default none */
  readonly session?: Session | undefined;
}

/**
 * Decides the paths among the arguments of a request, if its rule has the key `paths`: by their text
 * and by their real paths, like targets.
 *
 * @param request Allowed, in canonical form.
 * @param rule Id of the rule that allows it.
 * @param context The policy and the machine by which it was allowed.
 * @returns Why it is refused; `undefined` if all paths are allowed.
 */
export function argumentPathsRefusal(
  { params, agent }: CanonicalRequest,
  rule: string,
  context: PathContext,
): StageRefusal | undefined {
  const paths = context.policy.argumentPaths?.get(rule);
  if (paths === undefined) return undefined;
  const { args = [], cwd } = params;
  if (!Array.isArray(args) || !args.every((word) => typeof word === "string")) {
    return denied("args is no list of texts");
  }
  if (typeof cwd !== "string") return denied("without cwd, nobody knows what its paths are");
  const named = namedPaths(args, paths);
  if ("refused" in named) {
    const { word, reason } = named.refused;
    return denied(`"${word}" in args: ${reason}`, { word });
  }
  const all = [{ word: cwd, path: cwd, actions: paths.cwd }, ...named.found];
  for (const { word, path, actions } of all) {
    // The canonical cwd has no links, so that ".." at the beginning means what the system means.
    const target = path.startsWith("/") ? path : `${cwd}/${path}`;
    for (const action of actions) {
      const asked = { action, target, params: {} };
      const { request, decision } = authorize(
        agent === undefined ? asked : { ...asked, agent },
        context,
      );
      const { code, reason, ruleId = "" } = decision;
      // INVARIANT: what needs a yes of its own is not given by the way.
      const asks = context.policy.approvals?.has(ruleId) === true && ruleId !== rule;
      if (decision.effect === "allow" && !asks) continue;
      if (asks) {
        const refusal =
          `not permitted: "${word}" is ${request.target}, and rule "${ruleId}" for it needs a yes of its own`;
        const details = {
          word,
          path: request.target,
          action,
          code: "APPROVAL_NEEDED",
          rule: ruleId,
        };
        return { refusal, code: ARGUMENT_CODES.PATH_DENIED, details };
      }
      const refusal =
        `not permitted: "${word}" is ${request.target}, which ${action} does not allow: ${reason}`;
      const details = {
        word,
        path: request.target,
        action,
        code,
        rule: ruleId === "" ? null : ruleId,
      };
      return { refusal, code: ARGUMENT_CODES.PATH_DENIED, details };
    }
  }
  return undefined;
}

/**
 * Decides a request as the kernel does, with the paths among its arguments.
 *
 * @param request Validated, as by `receive`.
 * @param context The policy and the machine.
 * @returns As `authorize`; a refusal names the rule that allows the rest.
 */
export function authorizeWithPaths(
  request: ActionRequest,
  context: PathContext,
): AuthorizedRequest {
  const authorized = authorize(request, context);
  const { effect, ruleId } = authorized.decision;
  if (effect !== "allow" || ruleId === undefined) return authorized;
  const refused = argumentPathsRefusal(authorized.request, ruleId, context);
  if (refused === undefined) return authorized;
  const { code, refusal: reason } = refused;
  return { ...authorized, decision: { effect: "deny", ruleId, code, reason } };
}

function denied(reason: string, details?: Readonly<Record<string, unknown>>): StageRefusal {
  const refusal = { refusal: `not permitted: ${reason}`, code: ARGUMENT_CODES.ARGUMENT_DENIED };
  return details === undefined ? refusal : { ...refusal, details };
}
