/**
 * What led to no action, as requests that are put on record.
 *
 * @module
 */
import type { ActionRequest } from "../core/action.ts";
import type { StageRefusal } from "../core/admission.ts";
import type { ApprovalQuestion } from "./question.ts";
import { refused } from "./refusal.ts";

/** A request that is to be recorded as denied, and why. */
export interface Unanswered {
  readonly request: ActionRequest;
  readonly refusal: StageRefusal;
}

/** The requests that a question was about whose process has ended. */
export function unansweredOf(question: ApprovalQuestion): Unanswered[] {
  const { id, askedAt: asked_at, action } = question;
  const isPlan = action === "plan";
  const refusal = refused("UNAVAILABLE", "the process that asked has ended", {
    ...isPlan ? { plan: id } : { id },
    asked_at,
  });
  const parts = isPlan ? Object.values(question.params) : [question];
  return parts.map((part) => {
    // INVARIANT: a file may say anything: what is no request is recorded as invalid, and all else as denied.
    const { action, target, params, agent } = Object(part) as ActionRequest;
    const who = typeof agent === "string" ? { agent } : {};
    return { request: { action, target, params, ...who } as ActionRequest, refusal };
  });
}
