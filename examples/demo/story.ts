/** The demo's second process: an agent loop before a kernel, and what happens in it. */
import { Kernel, type KernelOptions, readAuditLog, verifyAuditLog } from "@agent-kernel/kernel";
import { AgentLoop, fsTools, ToolDef } from "@agent-kernel/kernel/agent";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { curious } from "./curious_provider.ts";
import { STEPS } from "./script.ts";

/** The kernel of the demo. */
export function optionsFor(workspace: string): KernelOptions {
  return {
    policy: `${workspace}/policy.yaml`,
    providers: [new FilesystemProvider(), curious],
    logPath: `${workspace}/kernel.log`,
    base: `${workspace}/data`,
  };
}

const weather = new ToolDef({
  name: "weather",
  description: "Tells the weather of a city",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  action: "demo.escape",
  targetFrom: "city",
});

async function tell(workspace: string, baseURL: string): Promise<void> {
  const shorten = (text: string) =>
    text.replaceAll(`${workspace}/data/`, "").replaceAll(`${workspace}/`, "");
  const kernel = await Kernel.open(optionsFor(workspace));
  const loop = new AgentLoop({
    kernel,
    model: "openai/scripted",
    modelOptions: { baseURL },
    tools: [...fsTools(), weather],
    agent: "analyst",
  });

  console.log(
    "A model works on a folder with sales.csv. Each of its tool calls goes through kernel.submit().\n",
  );
  let said = "";
  let step = 0;
  for await (const event of loop.stream("Summarise sales.csv.")) {
    if (event.type === "text") said += event.text;
    if (event.type === "tool_call") {
      const { action, target } = event.request;
      console.log(`> ${STEPS[step++]?.explanation}`);
      console.log(`    The model: "${said}"`);
      console.log(`    ${action} ${target}`);
      said = "";
    }
    if (event.type === "result") {
      const { status, data, error = "" } = event.result;
      console.log(`    ${status}  ${shorten(status === "OK" ? JSON.stringify(data) : error)}\n`);
    }
    if (event.type === "done") {
      console.log(`The model ends: "${event.text}"`);
      console.log(`It is not asked to behave: it cannot do otherwise.\n`);
    }
  }
  await kernel.close();

  console.log("Every submit left exactly one record in the audit log:\n");
  const logPath = `${workspace}/kernel.log`;
  for await (const line of readAuditLog(logPath)) {
    if (!("record" in line)) continue;
    const { seq, status, action, target, rule = "(no rule)" } = line.record;
    console.log(
      `    ${seq}  ${status.padEnd(6)}  ${action.padEnd(11)}  ${
        shorten(target).padEnd(20)
      }  ${rule}`,
    );
  }
  const { ok, records, head } = await verifyAuditLog(logPath);
  console.log(`\nThe log verifies: ${ok}, ${records} records, head ${head.slice(0, 16)}…`);

  const bytes = Deno.readFileSync(logPath);
  const text = new TextDecoder().decode(bytes);
  const at = text.indexOf('"status":"DENIED"') + 10;
  bytes[at] = "d".charCodeAt(0);
  Deno.writeFileSync(logPath, bytes);
  const { problem } = await verifyAuditLog(logPath);
  console.log(`One byte of it is changed (byte ${at}): line ${problem?.line} ${problem?.reason}.`);
}

if (import.meta.main) {
  const [workspace = "", baseURL = ""] = Deno.args;
  await tell(workspace, baseURL);
}
