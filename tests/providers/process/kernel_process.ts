/**
 * A kernel in a process of its own: opens it as the first argument says (JSON), submits each of the
 * requests, prints each result as a line.
 */
import { Kernel } from "@agent-kernel/kernel";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";

const { policy, logPath, options, requests } = JSON.parse(Deno.args[0] ?? "");
await using kernel = await Kernel.open({
  policy,
  logPath,
  providers: [new ProcessProvider(options)],
  onWarning: () => {},
});
for (const request of requests) console.log(JSON.stringify(await kernel.submit(request)));
