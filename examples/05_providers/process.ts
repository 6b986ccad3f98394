/**
 * Programs: a list of arguments, input, output, an exit code; and an environment that is empty.
 *
 *     deno run -P=examples examples/05_providers/process.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace();
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: { capabilities: [{ action: "proc.exec", resource: ["sort", "env"] }] },
  providers: [new ProcessProvider({ env: { LANG: "C" } })],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

const requests: ActionRequest[] = [
  { action: "proc.exec", target: "sort", params: { args: ["-r"], stdin: "a\nc\nb\n" } },
  { action: "proc.exec", target: "sort", params: { args: ["--no-such-option"] } },
  { action: "proc.exec", target: "env" },
  // There is no shell: this is one strange argument, not two commands.
  { action: "proc.exec", target: "sort", params: { args: ["; cat /etc/passwd"] } },
  { action: "proc.exec", target: "sleep", params: { args: ["1"] } },
];
for (const request of requests) {
  const { status, data, error } = await kernel.submit(request);
  const { returncode, stdout, stderr } = Object(data);
  const what = `${request.target} ${JSON.stringify(request.params ?? {})}`;
  console.log(what, "→", status, error ?? JSON.stringify({ returncode, stdout, stderr }));
}
