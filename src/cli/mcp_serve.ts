/**
 * `agent-kernel mcp serve`: the kernel as an MCP server on standard input and output.
 *
 * @module
 */
import { McpRelay } from "../../providers/mcp/relay.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { exposure, type MayAllow } from "../gateway/exposure.ts";
import { LineTransport } from "../gateway/line_transport.ts";
import { type DownstreamOptions, McpGateway } from "../gateway/mcp_gateway.ts";
import { Kernel } from "../open.ts";
import { toolsFor } from "./agent_tools.ts";
import { allowedActions } from "./allowed_actions.ts";
import { nearestRule } from "../policy_tools/teaching.ts";
import { resolveOptions } from "../resolve.ts";
import { EXIT, optional, type Values } from "./command.ts";
import { readMcpFile } from "./mcp_file.ts";
import { kernelOptions } from "./policy_options.ts";
import { remoteSubmit } from "../server/remote_kernel.ts";
import { servedKernel } from "./served.ts";
import { teaching } from "./teaching.ts";
import { complain, escape } from "./terminal.ts";

/** What is served, and through which gate. */
interface Served {
  readonly submit: SubmitFn;
  /** The actions that some rule allows. */
  readonly actions: readonly string[];
  readonly mayAllow: MayAllow;
  readonly relay?: McpRelay;
}

/**
 * Serves until standard input ends. Standard output has nothing but messages; warnings, and questions that
 * wait for an answer, go to standard error.
 *
 * @returns The exit code.
 */
export async function serveMcp(values: Values): Promise<number> {
  if (values["served"] !== undefined) {
    const found = await servedKernel(values);
    if (typeof found === "number") return found;
    const { actions } = found;
    const mayAllow: MayAllow = (action) => actions.includes(action);
    return await serve(values, { submit: remoteSubmit(found.socket), actions, mayAllow });
  }
  const { policy } = resolveOptions(await kernelOptions(values, [], { underPolicy: true }));
  await using relay = new McpRelay({ asks: allowedActions(policy) });
  const options = await kernelOptions(values, [], { underPolicy: true, relay });
  await using kernel = await Kernel.open({
    ...options,
    // For "suggest".
    logParams: options.logParams ?? "denied",
    onWarning: (line) => complain(escape(line)),
  });
  const resolved = resolveOptions(options);
  // One client, one session: it is over when the client is gone.
  await using session = await kernel.session();
  return await serve(values, {
    submit: teaching(
      (request, more) => session.submit(request, more),
      (request, code) => nearestRule(request, code, resolved),
    ),
    actions: allowedActions(kernel.policy),
    mayAllow: exposure(() => kernel.policy),
    relay,
  });
}

async function serve(values: Values, served: Served): Promise<number> {
  const { actions, mayAllow, relay } = served;
  const agent = optional(values, "agent");
  const sets = optional(values, "tools");
  // A client that is gone aborts its calls; what is under way still ends with its record.
  const underWay = new Set<Promise<unknown>>();
  const submit: SubmitFn = (request, more) => {
    const result = served.submit(request, more).finally(() => underWay.delete(result));
    underWay.add(result);
    return result;
  };
  const servers = serversOf(values, sets);
  const downstream: DownstreamOptions = {
    ...{ servers, mayAllow, relay },
    onWarning: (line) => complain(`agent-kernel mcp: ${escape(line)}`),
  };
  const gateway = new McpGateway({
    submit,
    tools: toolsFor(actions, sets),
    ...agent === undefined ? {} : { agent },
    ...servers.length === 0 ? {} : { downstream },
  });
  const transport = new LineTransport(Deno.stdin.readable, Deno.stdout.writable);
  await gateway.connect(transport);
  await transport.ended;
  await gateway.idle();
  await Promise.allSettled(underWay);
  return EXIT.OK;
}

/** Those of `--mcp`, unless `--tools` names other sets. */
function serversOf(values: Values, sets: string | undefined): string[] {
  const file = optional(values, "mcp");
  if (file === undefined || !(sets?.split(",") ?? ["mcp"]).includes("mcp")) return [];
  return Object.keys(readMcpFile(file).servers);
}
