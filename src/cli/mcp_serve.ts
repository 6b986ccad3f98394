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
import { EXIT, optional, type Values } from "./command.ts";
import { kernelOptions } from "./policy_options.ts";
import { complain, escape } from "./terminal.ts";

/**
 * Serves until standard input ends. Standard output has nothing but messages; warnings, and questions that
 * wait for an answer, go to standard error.
 *
 * @returns The exit code.
 */
export async function serveMcp(values: Values): Promise<number> {
  const options = await kernelOptions(values, [], { underPolicy: true });
  await using kernel = await Kernel.open({
    ...options,
    onWarning: (line) => complain(escape(line)),
  });
  const agent = optional(values, "agent");
  const submit: SubmitFn = (request, more) => kernel.submit(request, more);
  const tools = [
    ...toolsFor(kernel.policy, optional(values, "tools")),
    ...await mcpTools(submit, values),
  ];
  const gateway = new McpGateway({ submit, tools, ...agent === undefined ? {} : { agent } });
  const transport = new LineTransport(Deno.stdin.readable, Deno.stdout.writable);
  await gateway.connect(transport);
  await transport.ended;
  await gateway.idle();
  return EXIT.OK;
}
