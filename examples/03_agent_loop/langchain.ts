/**
 * A model of LangChain.js whose tools go through the gate.
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk examples/03_agent_loop/langchain.ts
 *
 * The model plays a script. With a real one:
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk \
 *       --allow-net=api.openai.com --allow-env=OPENAI_API_KEY \
 *       examples/03_agent_loop/langchain.ts --model gpt-5
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { langchainTools, withMalformedCalls } from "@agent-kernel/kernel/adapters/langchain";
import { fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { type BaseMessage, HumanMessage } from "npm:@langchain/core@^1.4.0/messages";
import { ChatOpenAI } from "npm:@langchain/openai@^1.6.0";
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

const { name, baseURL, apiKey } = model;
const tools = langchainTools({ kernel, tools: fsTools({ readOnly: true }) });
const bound = new ChatOpenAI({ model: name, apiKey, configuration: { baseURL } }).bindTools(tools);
const messages: BaseMessage[] = [new HumanMessage(prompt)];
for (let turn = 0; turn < 10; turn++) {
  const answer = withMalformedCalls(await bound.invoke(messages));
  messages.push(answer);
  const { tool_calls: calls = [] } = answer;
  if (calls.length === 0) break;
  messages.push(
    ...await Promise.all(calls.map((call) => {
      const tool = tools.find((one) => one.name === call.name);
      if (tool === undefined) throw new Error(`The model called "${call.name}", which is no tool`);
      return tool.invoke({ ...call, type: "tool_call" });
    })),
  );
}
console.log(messages.at(-1)?.text);

for await (const line of readAuditLog(`${root}/kernel.log`)) {
  if (!("record" in line)) continue;
  const { status, action, target, error = "" } = line.record;
  console.log(`${status} ${action} ${target} ${error}`.replaceAll(root, "…"));
}
