/**
 * The prompts of servers, served to a client, and the completion of arguments: `mcp.prompt`, `mcp.complete`.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  CompleteRequestSchema,
  type CompleteResult,
  GetPromptRequestSchema,
  type GetPromptResult,
  ListPromptsRequestSchema,
  type Prompt,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { metaOf, rpcError } from "./results.ts";
import { listed, recordInvalid, type Serving } from "./served_resources.ts";

const INVALID_PARAMS = -32602;

/** Sets the handlers of prompts. */
export function servePrompts(serving: Serving): void {
  const { server, catalogue, session, agent, run } = serving;
  server.setRequestHandler(
    ListPromptsRequestSchema,
    ({ params }) => run(listed<Prompt, "prompts">(serving, "prompts", params?.cursor, "prompts")),
  );
  server.setRequestHandler(
    GetPromptRequestSchema,
    (request, extra) =>
      run((async (): Promise<GetPromptResult> => {
        const { name, arguments: args = {} } = request.params;
        const offered = await catalogue.find("prompts", name);
        if (offered === undefined) {
          const problem = `unknown prompt: ${name}`;
          throw await recordInvalid(serving, {
            action: "mcp.prompt",
            code: INVALID_PARAMS,
            problem,
          });
        }
        catalogue.called(offered.server);
        const result = await session.submit(offered.server, {
          ...{ action: "mcp.prompt", target: offered.target, params: { arguments: args } },
          ...agent === undefined ? {} : { agent },
        }, extra);
        if (result.status !== "OK") throw rpcError(result);
        return { ...result.data as GetPromptResult, ...metaOf(result) };
      })()),
  );
}

/** Sets the handler of completions. */
export function serveCompletions(serving: Serving): void {
  const { server, catalogue, session, agent, run } = serving;
  server.setRequestHandler(
    CompleteRequestSchema,
    (request, extra) =>
      run((async (): Promise<CompleteResult> => {
        const { ref, argument, context } = request.params;
        const offered = ref.type === "ref/prompt"
          ? await catalogue.find("prompts", ref.name)
          : await catalogue.find("templates", ref.uri) ??
            await catalogue.find("resources", ref.uri);
        if (offered === undefined) {
          const problem = `nothing to complete for: ${
            ref.type === "ref/prompt" ? ref.name : ref.uri
          }`;
          throw await recordInvalid(serving, {
            action: "mcp.complete",
            code: INVALID_PARAMS,
            problem,
          });
        }
        const own = ref.type === "ref/prompt" ? { ...ref, name: offered.ownName } : ref;
        const params = { ref: own, argument, ...context === undefined ? {} : { context } };
        const result = await session.submit(offered.server, {
          ...{ action: "mcp.complete", target: offered.server, params },
          ...agent === undefined ? {} : { agent },
        }, extra);
        if (result.status !== "OK") throw rpcError(result);
        return { ...result.data as CompleteResult, ...metaOf(result) };
      })()),
  );
}
