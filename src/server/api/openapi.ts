/**
 * The description of the API: OpenAPI 3.1, made from the routes that are served.
 *
 * @module
 */
import { VERSION } from "../../version.ts";
import { ref, type Route, type Schema } from "./route.ts";
import { SCHEMAS } from "./schemas.ts";

/** What the door, the body and the table of routes can refuse, for each route. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: "The path, a token in it, the query or the body is not of the required form.",
  401: "The token is missing or wrong.",
  403: "The token is not for this, or the request is of a web page or in another's name.",
  404: "There is no such thing.",
  405: "The path takes another method.",
  406: "The client does not accept the type of the answer.",
  409: "It does not fit what is there now.",
  413: "The body is too long.",
  415: "The body has another type than application/json.",
  421: "The header Host is not one of this server.",
  422: "The hook is not understood: the agent has to take this for a failure.",
  429: "Too many wrong tokens came in this minute.",
  500: "It failed; the standard error of the kernel says why.",
  503: "Too much is under way; or the server ends.",
};

const ALWAYS = [400, 401, 403, 405, 421, 429, 500, 503];

/** Makes the description. */
export function openApi(routes: readonly Route[]): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Agent Kernel for Deno",
      version: VERSION,
      description:
        "The resident kernel, agent-kernel serve. A denial is an answer with status 200.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{
      url: "http://127.0.0.1:{port}",
      variables: { port: { default: "7317" } },
    }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: 'Made with "agent-kernel token add". Not needed at the Unix socket.',
        },
      },
    },
  };
}

function operation(route: Route): object {
  const { id, summary, roles, body, answer, query = {}, headers = {}, refusals = [] } = route;
  const inPath = Array.from(route.path.matchAll(/\{([a-z]+)\}/g), ([, name = ""]) => name);
  const parameters = [
    ...inPath.map((name) => ({
      ...{ name, in: "path", required: true },
      schema: { type: "string", pattern: "^[A-Za-z0-9._-]+$" },
    })),
    ...shown("query", query),
    ...shown("header", headers),
  ];
  const statuses = new Set([
    ...ALWAYS,
    ...body === undefined ? [] : [413, 415],
    ...refusals,
  ]);
  const who = roles === "peer"
    ? "a process at the Unix socket"
    : `a token with ${roles.join(" or ")}`;
  return {
    operationId: id,
    summary,
    description: `For ${who}.`,
    ...parameters.length === 0 ? {} : { parameters },
    ...body === undefined ? {} : { requestBody: { required: true, content: json(body) } },
    responses: {
      200: {
        description: answer.description,
        content: { [answer.type ?? "application/json"]: { schema: answer.schema } },
      },
      ...route.path === "/mcp" ? { 202: { description: "Taken; there is no answer." } } : {},
      ...Object.fromEntries(
        Array.from(statuses, (status) => [status, {
          description: REFUSALS[status],
          content: json(
            // Its errors are those of JSON-RPC.
            route.path === "/mcp" ? { anyOf: [ref("Error"), ref("JsonRpcError")] } : ref("Error"),
          ),
        }]),
      ),
    },
  };
}

function shown(place: string, list: Readonly<Record<string, Schema>>): object[] {
  return Object.entries(list).map(([name, { description, ...schema }]) => ({
    ...{ name, in: place, schema },
    ...description === undefined ? {} : { description },
  }));
}

function json(schema: Schema): object {
  return { "application/json": { schema } };
}
