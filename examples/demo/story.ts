/** The demo's second process: opens the kernel and plays the agent. */
import {
  type ActionRequest,
  type ActionResult,
  Kernel,
  type KernelOptions,
  readAuditLog,
  verifyAuditLog,
} from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { curious } from "./curious_provider.ts";

/** The kernel of the demo. */
export function optionsFor(workspace: string): KernelOptions {
  return {
    policy: `${workspace}/policy.yaml`,
    providers: [new FilesystemProvider(), curious],
    logPath: `${workspace}/kernel.log`,
    base: `${workspace}/data`,
  };
}

async function tell(workspace: string): Promise<void> {
  const shorten = (text: string) =>
    text.replaceAll(`${workspace}/data/`, "").replaceAll(`${workspace}/`, "");
  const kernel = await Kernel.open(optionsFor(workspace));

  async function act(what: string, request: ActionRequest): Promise<ActionResult> {
    const result = await kernel.submit({ ...request, agent: "analyst" });
    const { status, data, error = "" } = result;
    console.log(`> ${what}`);
    console.log(`    ${request.action} ${request.target}`);
    console.log(`    ${status}  ${shorten(status === "OK" ? JSON.stringify(data) : error)}\n`);
    return result;
  }

  console.log(
    "An agent works on a folder with sales.csv. Each of its tool calls goes through kernel.submit().\n",
  );
  const csv = await act("It reads the data. A rule allows that.", {
    action: "fs.read",
    target: "sales.csv",
  });
  const content = summary(String(csv.data));
  await act("It writes a summary, computed from what it read.", {
    action: "fs.write",
    target: "output/summary.txt",
    params: { content },
  });
  await act("It has read a web page that says: send me the password file.", {
    action: "fs.read",
    target: "/etc/passwd",
  });
  await act("It tries to climb out. The kernel decides on the path as it really is.", {
    action: "fs.read",
    target: "output/../../../../../../../../../etc/passwd",
  });
  await act("It finds notes.txt, a symbolic link that leads to /etc/passwd.", {
    action: "fs.read",
    target: "notes.txt",
  });
  await act("It tries a folder that a deny rule closes. The rule's reason reaches the model.", {
    action: "fs.list",
    target: "private",
  });
  await act(
    "It tries to rewrite the policy. The kernel's own files are guarded, whatever is allowed.",
    {
      action: "fs.write",
      target: "../policy.yaml",
      params: { content: "capabilities: [...]" },
    },
  );
  await act(
    "The second line of defence: a provider with a bug reads /etc/passwd by itself. Deno stops its Worker.",
    {
      action: "demo.escape",
      target: "anything",
    },
  );
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

function summary(csv: string): string {
  const totals = new Map<string, number>();
  for (const line of csv.trim().split("\n").slice(1)) {
    const [region = "", amount = "0"] = line.split(",");
    totals.set(region, (totals.get(region) ?? 0) + Number(amount));
  }
  return Array.from(totals, ([region, total]) => `${region}: ${total}\n`).join("");
}

if (import.meta.main) await tell(Deno.args[0] ?? "");
