/**
 * What a denial teaches: the rule that was nearest, and what was lacking.
 *
 * @module
 */
import { type ActionRequest, CODES } from "../core/action.ts";
import type { World } from "../core/resource/world.ts";
import { explainRequest } from "./explained_request.ts";
import type { PolicyWithExamples } from "./read.ts";

/** Denials to which a rule was near, or not. */
const BY_DEFAULT: readonly (string | undefined)[] = [CODES.NO_RULE, CODES.CONSTRAINT_UNMET];

const MAX_LENGTH = 600;

/**
 * Says which rule came nearest to allowing a request that was denied because none does.
 *
 * @param code Of the denial.
 * @returns A sentence without its full stop; `undefined` for another denial.
 */
export function nearestRule(
  request: ActionRequest,
  code: string | undefined,
  context: { readonly policy: PolicyWithExamples; readonly world: World },
): string | undefined {
  if (!BY_DEFAULT.includes(code)) return undefined;
  const { explanation: { nearMisses: [nearest], lacking } } = explainRequest(request, context);
  const what = lacking?.param === undefined
    ? ""
    : `What lacks is ${lacking.action} on ${JSON.stringify(lacking.target)}, which ${
      JSON.stringify(lacking.param)
    } names. `;
  if (nearest === undefined) {
    return `${what}No rule is near: one with the action ${
      lacking?.action ?? request.action
    } would be needed`;
  }
  const { rule: { id }, lacks } = nearest;
  const text = `${what}The nearest rule is ${JSON.stringify(id)}: ${lacks.join("; ")}`;
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
