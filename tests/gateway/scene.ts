/**
 * A gateway in this process, with servers behind it and a client of the SDK before it.
 *
 * @module
 */
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/client"
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/index.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/inMemory"
import { InMemoryTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/inMemory.js";
// @ts-types="npm:@modelcontextprotocol/sdk@^1.32.2/types"
import type { ClientCapabilities } from "npm:@modelcontextprotocol/sdk@^1.32.2/types.js";
import { type AuditRecord, Kernel } from "@agent-kernel/kernel";
import { McpProvider, type McpServer } from "@agent-kernel/kernel/providers/mcp";
import { McpRelay } from "../../providers/mcp/relay.ts";
import { clientProvider } from "../../src/gateway/client_provider.ts";
import { exposure } from "../../src/gateway/exposure.ts";
import { type DownstreamOptions, McpGateway } from "../../src/gateway/mcp_gateway.ts";
import { recordsOf } from "../records.ts";
import { nextTurn } from "../turn.ts";
import { ROOT, Workspace } from "../workspace.ts";

/** Our own server that has everything, also what it should not. */
export function odd(mode = "good"): McpServer {
  const path = `${ROOT}/tests/gateway/fixtures/odd_server.ts`;
  return {
    command: "deno",
    args: ["run", "-q", "--no-prompt", "-A", path, mode],
    env: { TOKEN: "s3cr3t-t0k3n" },
  };
}

/** A client, and what it was told. */
export interface ConnectedClient {
  readonly client: Client;
  readonly notifications: { readonly method: string; readonly params?: Record<string, unknown> }[];
  /** The text of the result of a tool. */
  call(name: string, args?: object): Promise<string>;
}

/** What a test works with. */
export interface GatewayScene extends ConnectedClient {
  readonly ws: Workspace;
  readonly kernel: Kernel;
  readonly warnings: string[];
  /** Another client of the same kernel. */
  connect(capabilities?: ClientCapabilities): Promise<ConnectedClient>;
  /** What is on record, as `action target status code`. */
  records(): Promise<string[]>;
}

/** Everything of a server `s` and no question of it. */
export const USES = ["mcp.list", "mcp.call", "mcp.read", "mcp.prompt", "mcp.complete"];

/** How a scene differs from the ordinary one: one server `s`, of which everything is allowed. */
export interface SceneOptions extends Partial<Omit<DownstreamOptions, "servers" | "relay">> {
  readonly servers?: Readonly<Record<string, McpServer>>;
  readonly actions?: readonly string[];
  readonly policy?: object;
  /** Of the client. @default none */
  readonly capabilities?: ClientCapabilities;
}

/** Runs a test with a gateway. */
export async function withGateway<T>(
  options: SceneOptions,
  body: (scene: GatewayScene) => Promise<T>,
): Promise<T> {
  const { servers = { s: odd() }, actions = USES, capabilities = {}, ...more } = options;
  const names = Object.keys(servers);
  const resource = names.flatMap((name) => [name, `${name}/**`]);
  const { policy = { capabilities: [{ id: "all", action: actions, resource }] }, ...downstream } =
    more;
  using ws = new Workspace();
  await using relay = new McpRelay({ asks: actions });
  await using kernel = await Kernel.open({
    policy,
    providers: [
      new McpProvider({ servers, lockFile: ws.path("mcp.lock.json"), relay: relay.config }),
      clientProvider(),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const warnings: string[] = [];
  const closing: (() => Promise<void>)[] = [];
  const connect = async (given: ClientCapabilities = capabilities): Promise<ConnectedClient> => {
    const gateway = new McpGateway({
      kernel,
      agent: "claude",
      tools: [],
      downstream: {
        ...{ servers: names, relay, mayAllow: exposure(() => kernel.policy) },
        onWarning: (line) => void warnings.push(line),
        // Whether a server is slow does not depend on the machine.
        timer: { now: () => 0, schedule: () => () => {} },
        ...downstream,
      },
    });
    const [upstream, end] = InMemoryTransport.createLinkedPair();
    await gateway.connect(end);
    const client = new Client({ name: "test", version: "1" }, { capabilities: given });
    const notifications: { method: string; params?: Record<string, unknown> }[] = [];
    client.fallbackNotificationHandler = (notification) => {
      const { method, params } = notification as {
        method: string;
        params?: Record<string, unknown>;
      };
      notifications.push(params === undefined ? { method } : { method, params });
      return Promise.resolve();
    };
    await client.connect(upstream);
    closing.push(async () => {
      await client.close();
      await gateway.idle();
    });
    const call = async (name: string, args = {}) => {
      const { content } = await client.callTool({ name, arguments: { ...args } });
      return (content as { text?: string }[])[0]?.text ?? "";
    };
    return { client, notifications, call };
  };
  try {
    const first = await connect();
    const records = async () =>
      (await recordsOf(ws.path("kernel.log"))).map((
        { action, target, status, code }: AuditRecord,
      ) => [action, target, status, ...code === undefined ? [] : [code]].join(" "));
    return await body({ ...first, ws, kernel, warnings, connect, records });
  } finally {
    for (const close of closing) await close();
  }
}

/** Gives the event loop turns until something has happened. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  while (!await happened()) await nextTurn();
}
