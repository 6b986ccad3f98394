/**
 * An agent of the Vercel AI SDK whose tools go through the gate.
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk examples/03_agent_loop/vercel_ai.ts
 *
 * The model plays a script. With a real one:
 *
 *     deno run --lock=examples/deno.lock --frozen -P=examples-sdk \
 *       --allow-net=api.openai.com --allow-env=OPENAI_API_KEY \
 *       examples/03_agent_loop/vercel_ai.ts --model gpt-5
 */
import { Kernel, readAuditLog } from "@agent-kernel/kernel";
import { vercelAiTools } from "@agent-kernel/kernel/adapters/vercel-ai";
import { fsTools } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { createOpenAICompatible } from "npm:@ai-sdk/openai-compatible@^3.0.92";
import { isStepCount, streamText } from "npm:ai@^7.0.173";
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
const { textStream } = streamText({
  model: createOpenAICompatible({ name: "example", baseURL, apiKey })(name),
  prompt,
  stopWhen: isStepCount(10),
  ...vercelAiTools({ kernel, tools: fsTools({ readOnly: true }) }),
});
const text = new TextEncoder();
for await (const piece of textStream) await Deno.stdout.write(text.encode(piece));
console.log();

for await (const line of readAuditLog(`${root}/kernel.log`)) {
  if (!("record" in line)) continue;
  const { status, action, target, error = "" } = line.record;
  console.log(`${status} ${action} ${target} ${error}`.replaceAll(root, "…"));
}
