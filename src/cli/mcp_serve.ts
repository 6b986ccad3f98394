/**
 * `agent-kernel mcp serve`: the kernel as an MCP server on standard input and output.
 *
 * @module
 */
import type { SubmitFn } from "../stages/submit.ts";
import { LineTransport } from "../gateway/line_transport.ts";
import { McpGateway } from "../gateway/mcp_gateway.ts";
import { Kernel } from "../open.ts";
import { mcpTools, toolsFor } from "./agent_tools.ts";
import { allowedActions } from "./allowed_actions.ts";
import { EXIT, optional, type Values } from "./command.ts";
import { kernelOptions } from "./policy_options.ts";
import { remoteSubmit } from "../server/remote_kernel.ts";
import { servedKernel } from "./served.ts";
import { complain, escape } from "./terminal.ts";

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
    return await serveTools(values, remoteSubmit(found.socket), found.actions);
  }
  const options = await kernelOptions(values, [], { underPolicy: true });
  await using kernel = await Kernel.open({
    ...options,
    onWarning: (line) => complain(escape(line)),
  });
  const submit: SubmitFn = (request, more) => kernel.submit(request, more);
  return await serveTools(values, submit, allowedActions(kernel.policy));
}

async function serveTools(
  values: Values,
  gate: SubmitFn,
  actions: readonly string[],
): Promise<number> {
  const agent = optional(values, "agent");
  // A client that is gone aborts its calls; what is under way still ends with its record.
  const underWay = new Set<Promise<unknown>>();
  const submit: SubmitFn = (request, more) => {
    const result = gate(request, more).finally(() => underWay.delete(result));
    underWay.add(result);
    return result;
  };
  const tools = [
    ...toolsFor(actions, optional(values, "tools")),
    ...await mcpTools(submit, values),
  ];
  const gateway = new McpGateway({ submit, tools, ...agent === undefined ? {} : { agent } });
  const transport = new LineTransport(Deno.stdin.readable, Deno.stdout.writable);
  await gateway.connect(transport);
  await transport.ended;
  await gateway.idle();
  await Promise.allSettled(underWay);
  return EXIT.OK;
}
