/**
 * `agent-kernel serve`: the resident kernel.
 *
 * @module
 */
import { agentToolProvider } from "../hooks/provider.ts";
import { HookDesk } from "../hooks/desk.ts";
import { Kernel } from "../open.ts";
import type { KernelOptions } from "../options.ts";
import { resolveOptions } from "../resolve.ts";
import { makeServerFolder } from "../server/folder.ts";
import { ResidentServer } from "../server/resident.ts";
import { PolicyWatch } from "../server/policy_watch.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { allowedActions } from "./agent_tools.ts";
import { type Command, EXIT, noPositionals, required, type Values } from "./command.ts";
import { launch } from "./launch.ts";
import { kernelOptions, launchOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { agentSettings, homeFolder, serverFolder, socketOf } from "./server_options.ts";
import { complain, escape } from "./terminal.ts";

/** A hook has 50 s; the question is left for the next call of the same. */
const PATIENCE_MS = 30_000;

/** Holds a kernel open for hooks of agents and other programs. */
export const COMMAND: Command = {
  usage: "--policy FILE [--log-path FILE]",
  details:
    `One kernel for all agents of this user. It listens at the Unix socket LOG.server/kernel.sock, answers the
hooks that "agent-kernel protect" installs and the requests of other programs, takes up a changed policy by itself, and
ends in order with SIGTERM or "agent-kernel stop". It runs with the permissions of the policy and of its socket.`,
  options: {
    ...POLICY_OPTIONS,
    verbose: { type: "boolean", help: "print the permissions of the process" },
  },
  async run({ values, positionals, args, underPolicy }): Promise<number> {
    noPositionals(positionals);
    const options = await servingOptions(values, underPolicy);
    if (underPolicy) return await serve(values, options);
    const { env = [], net = [], ...more } = launchOptions(values);
    return await launch(resolveOptions(options), args, {
      ...more,
      env: [...env, "HOME"],
      net: [...net, `unix:${socketOf(values)}`],
    });
  },
};

async function servingOptions(values: Values, underPolicy: boolean): Promise<KernelOptions> {
  const options = await kernelOptions(values, [], { underPolicy });
  const tools = agentToolProvider(serverFolder(values), agentSettings(values));
  return {
    ...options,
    providers: [...options.providers as Iterable<never>, tools],
    approvals: { ...options.approvals, patienceMs: PATIENCE_MS },
  };
}

async function serve(values: Values, options: KernelOptions): Promise<number> {
  const onWarning = (line: string) => complain(escape(line));
  const stopping = Promise.withResolvers<void>();
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stopping.resolve);
  await using kernel = await Kernel.open({ ...options, onWarning });
  makeServerFolder(serverFolder(values));
  const home = homeFolder();
  await using server = new ResidentServer(socketOf(values), {
    kernel,
    hooks: new HookDesk({
      kernel,
      settings: agentSettings(values),
      ...home === undefined ? {} : { home },
    }),
    now: () => SYSTEM_TIMER.now(),
    status: () => ({
      ...{ policy: kernel.policy.digest, pid: Deno.pid, log: options.logPath },
      actions: allowedActions(kernel.policy),
    }),
    onWarning,
  });
  using watch = new PolicyWatch(options.policy as URL, {
    reload: () => kernel.reload(options.policy),
    recover: () => kernel.recover(),
    timer: SYSTEM_TIMER,
    onWarning,
  });
  Deno.addSignalListener("SIGHUP", () => void watch.reload());
  complain(escape(`agent-kernel: serving ${required(values, "policy")} at ${socketOf(values)}`));
  await Promise.race([stopping.promise, server.stopped]);
  complain("agent-kernel: stopping; what is under way is awaited");
  return EXIT.OK;
}

if (import.meta.main) await actAs("serve", COMMAND);
