/**
 * An agent of the OpenAI Agents SDK whose tools go through the gate.
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk examples/03_agent_loop/openai_agents.ts
 *
 * The model plays a script. With a real one:
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk \
 *       --allow-net=api.openai.com --allow-env=OPENAI_API_KEY \
 *       examples/03_agent_loop/openai_agents.ts --model gpt-5
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { openAiAgentsTools, withMalformedCalls } from "@agent-kernel/kernel/adapters/openai-agents";
import { fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import {
  Agent,
  OpenAIChatCompletionsModel,
  run,
  setTracingDisabled,
} from "npm:@openai/agents@^0.20.0";
import OpenAI from "npm:openai@^7.57.0";
import { ModelEndpoint } from "../model_endpoint.ts";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "data/sales.csv": "region,amount\nnorth,1200\nsouth,800\n",
  "data/staff.csv": "name,salary\nAda,100\n",
});
const { root } = workspace;
await using kernel = await Kernel.open({
  policy: {
    capabilities: [{ action: "fs.*", resource: `${root}/data/**` }],
    deny: [{
      action: "fs.*",
      resource: `${root}/data/staff.csv`,
      reason: "personal data is not for agents",
    }],
  },
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
});
const prompt = `Which region in ${root}/data/sales.csv sold more? And who is in staff.csv there?`;

await using model = new ModelEndpoint([
  { calls: [{ name: "read_file", arguments: { path: `${root}/data/sales.csv` } }] },
  { calls: [{ name: "read_file", arguments: { path: `${root}/data/staff.csv` } }] },
  { text: "North sold more. I may not read who is on the staff." },
]);

// Else the SDK sends what the tools get and give to OpenAI.
setTracingDisabled(true);
const { name, baseURL, apiKey } = model;
const agent = new Agent({
  name: "analyst",
  model: withMalformedCalls(
    new OpenAIChatCompletionsModel(new OpenAI({ baseURL, apiKey }), name),
  ),
  tools: openAiAgentsTools({ kernel, tools: fsTools({ readOnly: true }) }),
});
try {
  console.log((await run(agent, prompt)).finalOutput);
} catch (error) {
  // Else the SDK would end the process, without saying why.
  console.log("The run failed:", error instanceof Error ? error.message : error);
}

for await (const line of readAuditLog(`${root}/kernel.log`)) {
  if (!("record" in line)) continue;
  const { status, action, target, error = "" } = line.record;
  console.log(`${status} ${action} ${target} ${error}`.replaceAll(root, "…"));
}
