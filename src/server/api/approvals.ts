/**
 * Routes of the questions that wait for a person.
 *
 * @module
 */
import type { ApprovalQuestion } from "../../approval/question.ts";
import type { ServedParts } from "../parts.ts";
import { memberOf, membersOf, ref, Refusal, type Route } from "./route.ts";

/** List, read and answer. */
export const APPROVAL_ROUTES: readonly Route[] = [
  {
    ...{ method: "GET", path: "/v1/approvals", id: "listApprovals", roles: ["look", "approve"] },
    summary: "The questions that wait for an answer, the oldest first.",
    answer: {
      schema: {
        type: "object",
        required: ["questions"],
        properties: { questions: { type: "array", items: ref("Question") } },
        additionalProperties: false,
      },
      description: "The questions.",
    },
    handle: ({ parts }) => ({
      questions: parts.inbox.list().map((question) => shown(question, parts)),
    }),
  },
  {
    ...{ method: "GET", path: "/v1/approvals/{id}", id: "readApproval" },
    roles: ["look", "approve"],
    summary: "One question, whole.",
    answer: { schema: ref("Question"), description: "The question." },
    refusals: [404],
    handle: ({ params, parts }) => shown(questionOf(params["id"] ?? "", parts), parts),
  },
  {
    ...{ method: "POST", path: "/v1/approvals/{id}", id: "answerApproval", roles: ["approve"] },
    summary: "Answer a question, once. By whom is the name of the token.",
    body: ref("Answer"),
    answer: { schema: ref("Answered"), description: "The answer counts." },
    refusals: [400, 404, 409],
    handle({ params, body, caller, parts }) {
      const question = questionOf(params["id"] ?? "", parts);
      const members = membersOf(body, ["approved", "digest", "reason", "remember"]);
      const approved = memberOf(members, "approved", "boolean");
      const digest = memberOf(members, "digest", "string");
      const reason = memberOf(members, "reason", "string");
      const remember = memberOf(members, "remember", "boolean") ?? false;
      if (approved === undefined || digest === undefined) {
        throw new Refusal(400, "INVALID_BODY", "expected approved and the digest of the question");
      }
      if (digest !== question.digest) {
        throw new Refusal(409, "OTHER_QUESTION", "the digest is not that of the question");
      }
      if (remember && (question.remember === undefined || !approved)) {
        throw new Refusal(409, "NOT_REMEMBERED", "the rule does not let this answer be remembered");
      }
      // INVARIANT: only a token has the role, so who answers is known.
      const by = caller.name ?? "";
      // The kernel would not count it, and the question would be used up.
      if (question.approvers?.includes(by) === false) {
        throw new Refusal(
          403,
          "NOT_AN_APPROVER",
          `the rule lets ${question.approvers.join(", ")} answer, and the token is of "${by}"`,
        );
      }
      const outcome = parts.inbox.answer(question, {
        ...{ approved, by, remember, method: "api" },
        ...reason === undefined ? {} : { reason },
      }, parts.clock());
      if (outcome === "answered") return { id: question.id, approved, by };
      throw new Refusal(409, "NOT_ANSWERED", `this answer does not count: ${outcome}`);
    },
  },
];

function questionOf(id: string, { inbox }: ServedParts): ApprovalQuestion {
  const question = inbox.get(id);
  if (question !== undefined) return question;
  throw new Refusal(404, "NOT_FOUND", "no question of this id waits for an answer");
}

function shown(question: ApprovalQuestion, { inbox }: ServedParts): object {
  return { ...question, state: inbox.stateOf(question) };
}
