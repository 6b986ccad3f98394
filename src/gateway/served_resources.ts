/**
 * The resources of servers, served to a client: each reading is `mcp.read`.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/server"
import type { Server } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/index.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import {
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
  type ReadResourceResult,
  type Resource,
  type ResourceTemplate,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { resourceName } from "../../providers/mcp/resource_name.ts";
import { messageOf } from "../core/errors.ts";
import type { SubmitFn } from "../stages/submit.ts";
import type { Catalogue, ListKind } from "./catalogue.ts";
import type { ClientSession, Extra } from "./client_session.ts";
import { page } from "./page.ts";
import { metaOf, RpcError, rpcError } from "./results.ts";

/** What is needed to serve what servers have. */
export interface Serving {
  readonly server: Server;
  readonly catalogue: Catalogue;
  readonly session: ClientSession;
  readonly submit: SubmitFn;
  /** Who asks; appears in the records. */
  readonly agent: string | undefined;
  /** Notes that something is under way. */
  readonly run: <T>(work: Promise<T>) => Promise<T>;
}

const INVALID_PARAMS = -32602;
// https://modelcontextprotocol.io/specification/2025-11-25/server/resources#error-handling
const NOT_FOUND = -32002;

/** Sets the handlers. */
export function serveResources(serving: Serving): void {
  const { server, session, run } = serving;
  server.setRequestHandler(
    ListResourcesRequestSchema,
    ({ params }) =>
      run(listed<Resource, "resources">(serving, "resources", params?.cursor, "resources")),
  );
  server.setRequestHandler(
    ListResourceTemplatesRequestSchema,
    ({ params }) =>
      run(
        listed<ResourceTemplate, "resourceTemplates">(
          serving,
          "templates",
          params?.cursor,
          "resourceTemplates",
        ),
      ),
  );
  server.setRequestHandler(ReadResourceRequestSchema, async ({ params: { uri } }, extra) => {
    const { result } = await run(read(serving, { uri, extra }));
    return { ...result.data as ReadResourceResult, ...metaOf(result) };
  });
  server.setRequestHandler(SubscribeRequestSchema, async ({ params: { uri } }, extra) => {
    const { from } = await run(read(serving, { uri, extra, subscribe: true }));
    session.subscribe(uri, from);
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, async ({ params: { uri } }, extra) => {
    session.unsubscribe(uri);
    await run(read(serving, { uri, extra, subscribe: false }));
    return {};
  });
}

/** A page of a list. */
export async function listed<T, K extends string>(
  { catalogue }: Serving,
  kind: ListKind,
  cursor: string | undefined,
  key: K,
): Promise<Record<K, T[]> & { nextCursor?: string }> {
  const all = (await catalogue.list(kind)).map(({ shown }) => shown as T);
  const { entries, ...more } = page(all, cursor);
  return { [key]: entries, ...more } as Record<K, T[]> & { nextCursor?: string };
}

/**
 * Puts a request on record that leads to no action.
 *
 * @returns The error for the client.
 */
export async function recordInvalid(
  { submit, agent }: Serving,
  { action, code, problem }: {
    readonly action: string;
    readonly code: number;
    readonly problem: string;
  },
): Promise<RpcError> {
  const from = agent === undefined ? {} : { agent };
  await submit({ action, target: "", ...from }, { problem });
  return new RpcError(code, `agent-kernel: ${problem}`);
}

async function read(
  serving: Serving,
  { uri, extra, subscribe }: {
    readonly uri: string;
    readonly extra: Extra;
    readonly subscribe?: boolean;
  },
) {
  const { catalogue, session, agent } = serving;
  const from = await catalogue.serverOf(uri);
  const action = "mcp.read";
  if (from === undefined) {
    const problem = `no server, or more than one, has the resource ${JSON.stringify(uri)}`;
    throw await recordInvalid(serving, { action, code: NOT_FOUND, problem });
  }
  let target: string;
  try {
    target = resourceName(from, uri);
  } catch (error) {
    const problem = messageOf(error);
    throw await recordInvalid(serving, { action, code: INVALID_PARAMS, problem });
  }
  catalogue.called(from);
  const result = await session.submit(from, {
    ...{ action, target, params: subscribe === undefined ? {} : { subscribe } },
    ...agent === undefined ? {} : { agent },
  }, extra);
  if (result.status !== "OK") throw rpcError(result);
  return { result, from };
}
