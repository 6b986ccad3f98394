/**
 * Routes by which actions are decided and done.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../../core/action.ts";
import type { PermitReport } from "../../permits.ts";
import { agentOf, type Call, memberOf, membersOf, ref, Refusal, type Route } from "./route.ts";

/** `submit`, `invalid`, `permit`, `report`, `explain`. */
export const ACTION_ROUTES: readonly Route[] = [
  {
    ...{ method: "POST", path: "/v1/submit", id: "submit", roles: ["act"] },
    summary: "Have one action decided, done and recorded.",
    body: ref("ActionRequest"),
    answer: { schema: ref("ActionResult"), description: "How it ended; a denial is a result." },
    // INVARIANT: it is a request, and nothing else: options of a submit are for code of the host.
    handle: async (call) => resultJson(await call.parts.kernel.submit(requestOf(call, call.body))),
  },
  {
    ...{ method: "POST", path: "/v1/invalid", id: "submitInvalid", roles: ["act"] },
    summary: "Put on record a request that its caller found malformed.",
    body: ref("InvalidRequest"),
    answer: { schema: ref("ActionResult"), description: "How it ended: never OK." },
    async handle(call) {
      const { request, problem } = Object(call.body) as Record<string, unknown>;
      const result = await call.parts.kernel.submit(requestOf(call, request), {
        problem: String(problem),
      });
      return resultJson(result);
    },
  },
  {
    ...{ method: "POST", path: "/v1/permit", id: "permit", roles: ["act"] },
    summary: "Have an action decided and recorded that the caller is going to do itself.",
    body: ref("ActionRequest"),
    answer: {
      schema: ref("ActionResult"),
      description: "OK if it is permitted; its record_id is for the report.",
    },
    async handle(call) {
      const { caller, parts: { kernel, permits } } = call;
      const result = await kernel.permit(requestOf(call, call.body));
      if (result.status === "OK" && result.recordId !== undefined) {
        permits.keep(result.recordId, caller.name);
      }
      return resultJson(result);
    },
  },
  {
    ...{ method: "POST", path: "/v1/report", id: "report", roles: ["act"] },
    summary: "Say what became of a permitted action.",
    body: ref("Report"),
    answer: { schema: ref("Reported"), description: "Whether it is on record." },
    refusals: [400],
    async handle({ body, caller, parts: { kernel, permits } }) {
      const members = membersOf(body, [
        ...["record_id", "error", "not_done", "duration_ms", "result_digest"],
      ]);
      const recordId = memberOf(members, "record_id", "string");
      if (recordId === undefined) throw new Refusal(400, "INVALID_BODY", "record_id is missing");
      const report = reportOf(members);
      if (!permits.take(recordId, caller.name)) return { reported: false };
      return { reported: await kernel.report(recordId, report) };
    },
  },
  {
    ...{ method: "POST", path: "/v1/explain", id: "explain", roles: ["act", "look"] },
    summary: "Say how a request would be decided, and why. Does nothing, records nothing.",
    body: ref("ActionRequest"),
    answer: { schema: ref("Explanation"), description: "The decision." },
    handle({ body, caller, parts }) {
      // Who only looks may ask about others.
      const isOwn = caller.roles.includes("act");
      return parts.explain(isOwn ? request(body, caller.name, caller) : body as ActionRequest);
    },
  },
];

function requestOf({ caller }: Call, body: unknown): ActionRequest {
  return request(body, caller.name, caller);
}

/** A request in the name of its caller. What is no object stays as it is: the kernel says what is wrong. */
function request(body: unknown, name: string | undefined, caller: Call["caller"]): ActionRequest {
  if (name === undefined || body === null || typeof body !== "object" || Array.isArray(body)) {
    return body as ActionRequest;
  }
  const { agent } = body as { readonly agent?: unknown };
  return { ...body, agent: agentOf(caller, agent) } as ActionRequest;
}

function reportOf(members: Readonly<Record<string, unknown>>): PermitReport {
  const error = memberOf(members, "error", "string");
  const notDone = memberOf(members, "not_done", "string");
  const durationMs = memberOf(members, "duration_ms", "number");
  const resultDigest = memberOf(members, "result_digest", "string");
  return {
    ...error !== undefined && { error },
    ...notDone !== undefined && { notDone },
    ...durationMs !== undefined && { durationMs },
    ...resultDigest !== undefined && { resultDigest },
  };
}

/** The names of the command line: those of the log. */
export function resultJson({ status, data, error, recordId, ...rest }: ActionResult): object {
  const texts = { data: data ?? null, error: error ?? null };
  return { status, ...texts, ...recordId !== undefined && { record_id: recordId }, ...rest };
}
