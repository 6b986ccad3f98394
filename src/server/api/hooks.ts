/**
 * Routes of the hooks of agents.
 *
 * @module
 */
import { HOOK_AGENTS } from "../../hooks/agents.ts";
import { HOOK_EVENTS, type HookEventName } from "../../hooks/event.ts";
import type { Caller } from "../caller.ts";
import { ref, Refusal, type Route } from "./route.ts";

/** Of the agents that send hooks over HTTP, their names of the events. */
const HTTP_EVENTS: Readonly<Record<string, HookEventName>> = {
  PreToolUse: "before",
  PostToolUse: "after",
  PostToolUseFailure: "after",
  SessionStart: "session-start",
  SessionEnd: "session-end",
};

/** Agents that can: the others ignore such a hook, or drop all hooks. */
const HTTP_AGENTS = ["claude", "qwen"];

/** The hook program's, and that of agents themselves. */
export const HOOK_ROUTES: readonly Route[] = [
  {
    ...{ method: "POST", path: "/v1/hooks/{agent}/{event}", id: "hook", roles: ["act"] },
    summary: "Answer the hook program of an agent.",
    body: ref("HookPayload"),
    answer: { schema: ref("HookProgramAnswer"), description: "What the program is to do." },
    refusals: [404],
    async handle({ params, body, caller, parts: { hooks } }) {
      const { agent = "", event } = params;
      const name = HOOK_EVENTS.find((one) => one === event);
      if (name === undefined) throw new Refusal(404, "NOT_FOUND", "there is no such event");
      assertOwnHook(caller, agent);
      const { stdout, stderr, exitCode } = await hooks.answer(agent, name, body, caller.name);
      return { stdout, stderr, exit_code: exitCode };
    },
  },
  {
    ...{ method: "POST", path: "/v1/hooks/{agent}", id: "httpHook", roles: ["act"] },
    summary: 'Answer the hook of an agent whose settings have the type "http".',
    body: ref("HookPayload"),
    answer: { schema: ref("HttpHookAnswer"), description: "The agent's own form." },
    refusals: [404, 422],
    async handle({ params, body, caller, parts: { hooks } }) {
      const { agent = "" } = params;
      if (!HTTP_AGENTS.includes(agent)) {
        throw new Refusal(
          404,
          "NOT_FOUND",
          `hooks over HTTP are known of ${HTTP_AGENTS.join(", ")}`,
        );
      }
      assertOwnHook(caller, agent);
      const event = Object(body)["hook_event_name"];
      const name = typeof event === "string" && Object.hasOwn(HTTP_EVENTS, event)
        ? HTTP_EVENTS[event]
        : undefined;
      // INVARIANT: the agent takes every success that is no decision for a yes: what is not understood fails.
      if (name === undefined) {
        throw new Refusal(422, "UNKNOWN_EVENT", "the hook names no event that is known");
      }
      const { stdout, stderr, exitCode } = await hooks.answer(agent, name, body, caller.name);
      if (exitCode !== 0 || stdout === "") {
        throw new Refusal(422, "INVALID_HOOK", stderr.replace(/^agent-kernel: /, ""));
      }
      return new Response(stdout, { headers: { "content-type": "application/json" } });
    },
  },
];

/** INVARIANT: a token sends hooks only of the agents that it was made for. */
function assertOwnHook({ name, agents }: Caller, agent: string): void {
  if (agents === undefined || agents.includes(agent)) return;
  const known = Object.hasOwn(HOOK_AGENTS, agent) ? ` --agent ${agent}` : "";
  throw new Refusal(
    403,
    "AGENT_REFUSED",
    `the token of "${name}" is not for hooks of this agent; one that is: agent-kernel token add NAME${known}`,
  );
}
