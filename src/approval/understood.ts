/**
 * What an answer says.
 *
 * @module
 */
import type { StageRefusal } from "../core/admission.ts";
import { cutText } from "../core/isolation/answer.ts";
import { type ApprovalAnswer, type Approver, namesOf } from "./approver.ts";
import type { ApprovalQuestion } from "./question.ts";
import { MAX_REASON_BYTES, refused } from "./refusal.ts";

/** A yes. */
export interface Understood {
  readonly who: string;
  readonly fields: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly remember: boolean;
}

/** What an answer says: a yes, or why it is none. INVARIANT: each is read once, and only `true` is a yes. */
export function understand(answer: ApprovalAnswer, { approver, approvers, question, now }: {
  readonly approver: Approver;
  readonly approvers: readonly string[] | undefined;
  readonly question: ApprovalQuestion;
  readonly now: Date;
}): StageRefusal | Understood {
  const { approved, by, reason, remember, method = approver.method } = answer;
  const { id, askedAt: asked_at } = question;
  const facts = { id, asked_at, answered_at: now.toISOString() };
  const names = namesOf({ by });
  if (names.length === 0) {
    return refused("UNAVAILABLE", "the answer does not say who gave it", facts);
  }
  const who = names.join(", ");
  const fields = { ...facts, by: who, method: String(method).slice(0, 32) };
  const why = typeof reason === "string" && reason !== ""
    ? cutText(reason, MAX_REASON_BYTES)
    : undefined;
  const said = why === undefined ? fields : { ...fields, reason: why };
  const stranger = names.find((name) => approvers?.includes(name) === false);
  if (stranger !== undefined) {
    const expected = approvers?.join(" or ");
    return refused("DENIED", `"${stranger}" answered, and may not: expected ${expected}`, said);
  }
  if (approved === true) return { who, fields: said, remember: remember === true };
  return refused("DENIED", `${who} said no${why === undefined ? "" : `: ${why}`}`, said);
}
