/**
 * Routes by which actions are undone.
 *
 * @module
 */
import type { RollbackResult } from "../../reversible/rollback.ts";
import { resultJson } from "./actions.ts";
import { agentOf, type Call, memberOf, membersOf, ref, Refusal, type Route } from "./route.ts";

/** Preview and rollback. */
export const ROLLBACK_ROUTES: readonly Route[] = [
  {
    ...{ method: "POST", path: "/v1/rollback/preview", id: "previewRollback", roles: ["act"] },
    summary: "Show what a rollback would change. Changes nothing.",
    body: ref("PreviewRequest"),
    answer: { schema: ref("Preview"), description: "What would change." },
    refusals: [400, 404, 409],
    async handle(call) {
      const members = membersOf(call.body, ["record_id"]);
      const id = ownAction(call, memberOf(members, "record_id", "string") ?? "");
      const { recordId, ...rest } = await undoOf(call).layer.preview(id);
      return { ...rest, record_id: recordId };
    },
  },
  {
    ...{ method: "POST", path: "/v1/rollback", id: "rollback", roles: ["act"] },
    summary: "Undo an action, or all since a time. Goes through the gate, and is recorded.",
    body: ref("RollbackRequest"),
    answer: { schema: ref("RollbackResult"), description: "How it ended." },
    refusals: [400, 404, 409],
    async handle(call) {
      const members = membersOf(call.body, ["record_id", "since", "of", "agent", "force"]);
      const { layer } = undoOf(call);
      const agent = agentOf(call.caller, members["agent"]);
      const force = memberOf(members, "force", "boolean") ?? false;
      const options = { force, ...agent === undefined ? {} : { agent } };
      const since = memberOf(members, "since", "string");
      const recordId = memberOf(members, "record_id", "string");
      if ((since === undefined) === (recordId === undefined)) {
        throw new Refusal(400, "INVALID_BODY", "expected record_id or since");
      }
      if (recordId !== undefined) {
        return rollbackJson(await layer.rollback(ownAction(call, recordId), options));
      }
      const from = new Date(since ?? "");
      if (Number.isNaN(from.getTime())) {
        throw new Refusal(400, "INVALID_BODY", "since has to be a time like 2026-01-31T12:00:00Z");
      }
      // INVARIANT: a token undoes what is its own.
      const of = call.caller.name ?? memberOf(members, "of", "string");
      const { status, rolledBack, stopped, remaining } = await layer.rollbackAll({
        ...{ since: from, ...options },
        ...of === undefined ? {} : { of },
      });
      const why = stopped === undefined ? {} : { stopped: rollbackJson(stopped) };
      return { status, rolled_back: rolledBack, ...why, remaining };
    },
  },
];

function undoOf({ parts: { undo } }: Call): NonNullable<Call["parts"]["undo"]> {
  if (undo !== undefined) return undo;
  throw new Refusal(
    409,
    "NOT_REVERSIBLE",
    "nothing is saved that could be put back: start the kernel with --reversible",
  );
}

/**
 * INVARIANT: a preview shows what a file held before, and a rollback changes it: with a token only for
 * actions of its own.
 */
function ownAction(call: Call, recordId: string): string {
  const { caller: { name } } = call;
  const saved = undoOf(call).store.get(recordId);
  if (name === undefined || saved?.agent === name) return recordId;
  throw new Refusal(404, "NOT_FOUND", "the caller has no action of this record_id to undo");
}

function rollbackJson({ recordId, steps, ...rest }: RollbackResult): object {
  return {
    ...rest,
    record_id: recordId,
    steps: steps.map(({ action, target, ...step }) => ({ action, target, ...resultJson(step) })),
  };
}
