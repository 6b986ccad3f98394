/**
 * Routes about the server itself.
 *
 * @module
 */
import { ROLES } from "../caller.ts";
import { ref, type Route } from "./route.ts";

/** `health`, `status`, `limits`, `stop`. What they say of the server is told by whoever serves them. */
export function serverRoutes(server: {
  readonly health: () => object;
  readonly status: () => object;
  readonly stop: () => void;
  readonly description: () => object;
}): readonly Route[] {
  return [
    {
      ...{ method: "GET", path: "/v1/health", id: "health", roles: ROLES },
      summary: "What runs.",
      answer: { schema: ref("Health"), description: "It runs." },
      handle: () => server.health(),
    },
    {
      ...{ method: "GET", path: "/v1/status", id: "status", roles: ["look"] },
      summary: "What it does now.",
      answer: { schema: ref("Status"), description: "Addresses and counts." },
      handle: () => server.status(),
    },
    {
      ...{ method: "GET", path: "/v1/limits", id: "limits", roles: ["act", "look"] },
      summary: "What is used of limits. With a token that acts only what is its own.",
      query: { agent: { type: "string", description: "Only what this agent uses." } },
      answer: { schema: ref("Limits"), description: "The counters." },
      handle: ({ query, caller, parts }) => {
        const isOwn = caller.name !== undefined && !caller.roles.includes("look");
        const agent = isOwn ? caller.name : query.get("agent") ?? undefined;
        return { limits: parts.limits(agent) };
      },
    },
    {
      ...{ method: "POST", path: "/v1/stop", id: "stop", roles: "peer" },
      summary: "End in order, after what is under way. Only at the Unix socket, without a token.",
      body: ref("Empty"),
      answer: { schema: ref("Stopping"), description: "It ends." },
      handle: () => {
        server.stop();
        return { stopping: true };
      },
    },
    {
      ...{ method: "GET", path: "/openapi.json", id: "describe", roles: ROLES },
      summary: "This description.",
      answer: { schema: { type: "object" }, description: "OpenAPI 3.1." },
      handle: () => server.description(),
    },
  ];
}
