/**
 * The process that is the resident kernel. Loaded only there: the first process waits beside it for days.
 *
 * @module
 */
import { resolve } from "@std/path";
import type { McpRelay } from "../../providers/mcp/relay.ts";
import { ApprovalInbox } from "../approval/inbox.ts";
import { exposure } from "../gateway/exposure.ts";
import { HookDesk } from "../hooks/desk.ts";
import { limitRows, shownRow } from "../limits/limit_rows.ts";
import { readLedger } from "../limits/ledger_file.ts";
import { Kernel } from "../open.ts";
import type { KernelOptions } from "../options.ts";
import { explainRequest } from "../policy_tools/explained_request.ts";
import { foreseenJson } from "./foreseen.ts";
import { nearestRule } from "../policy_tools/teaching.ts";
import { type ResolvedOptions, resolveOptions } from "../resolve.ts";
import { ReversibleActionLayer } from "../reversible/layer.ts";
import { SnapshotStore } from "../reversible/store.ts";
import { makeServerFolder } from "../server/folder.ts";
import { type ListenAddress, shownAddress } from "../server/listen_address.ts";
import { PolicyWatch } from "../server/policy_watch.ts";
import { ResidentServer } from "../server/resident.ts";
import { SYSTEM_TIMER } from "../system_timer.ts";
import { allowedActions } from "./allowed_actions.ts";
import { EXIT, optional, required, type Values } from "./command.ts";
import { readMcpFile } from "./mcp_file.ts";
import { inboxFolder, ledgerFolder } from "./policy_options.ts";
import {
  agentSettings,
  foldersAboveServer,
  homeFolder,
  serverFolder,
  socketOf,
} from "./server_options.ts";
import { type Nearest, teaching } from "./teaching.ts";
import { complain, escape } from "./terminal.ts";

/**
 * Serves until it is asked to end.
 *
 * @returns The exit code.
 */
export async function serveKernel(
  values: Values,
  { options, listen, origins, relay }: {
    readonly options: KernelOptions;
    readonly listen: ListenAddress | undefined;
    readonly origins: readonly string[];
    readonly relay: McpRelay | undefined;
  },
): Promise<number> {
  const onWarning = (line: string) => complain(escape(line));
  const stopping = Promise.withResolvers<void>();
  const signals = ["SIGTERM", "SIGINT"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stopping.resolve);
  await using kernel = await Kernel.open({ ...options, onWarning });
  using undo = undoFor(kernel, optional(values, "snapshots"));
  makeServerFolder(serverFolder(values));
  const home = homeFolder();
  const mcp = optional(values, "mcp");
  const servers = mcp === undefined ? [] : Object.keys(readMcpFile(mcp).servers);
  const resolved = resolvedFor(kernel, options);
  const nearest: Nearest = (request, code) => nearestRule(request, code, resolved());
  await using server = await ResidentServer.open(socketOf(values), {
    kernel: {
      submit: teaching((request, more) => (undo?.layer ?? kernel).submit(request, more), nearest),
      permit: (request, more) => kernel.permit(request, more),
      report: (id, report) => kernel.report(id, report),
    },
    hooks: new HookDesk({
      kernel,
      settings: [...agentSettings(values), serverFolder(values)],
      folders: foldersAboveServer(values),
      undo: undo?.layer,
      ...{ nearest, onWarning },
      ...home === undefined ? {} : { home },
    }),
    inbox: new ApprovalInbox(inboxFolder(values)),
    logPath: resolve(optional(values, "log-path") ?? "kernel.log"),
    undo,
    timer: SYSTEM_TIMER,
    clock: () => new Date(),
    status: () => ({
      ...{ policy: kernel.policy.digest, pid: Deno.pid, log: options.logPath },
      actions: allowedActions(kernel.policy),
    }),
    explain: (request) => foreseenJson(explainRequest(request, resolved())),
    limits: (agent) => {
      const { limits } = resolved().policy;
      const usage = readLedger(ledgerFolder(values), Date.now())?.usage ?? [];
      return limitRows(usage, { limits, agent }).map(shownRow);
    },
    tools: async () => {
      const { toolsFor } = await import("./agent_tools.ts");
      return toolsFor(allowedActions(kernel.policy), undefined);
    },
    downstream: servers.length === 0 ? undefined : {
      ...{ servers, relay },
      mayAllow: exposure(() => kernel.policy),
      onWarning: (line) => complain(`agent-kernel mcp: ${escape(line)}`),
    },
    ...{ listen, origins, onWarning },
  });
  using watch = new PolicyWatch(options.policy as URL, {
    reload: () => kernel.reload(options.policy),
    recover: () => kernel.recover(),
    timer: SYSTEM_TIMER,
    onWarning,
  });
  Deno.addSignalListener("SIGHUP", () => void watch.reload());
  const also = server.address === undefined ? "" : ` and http://${shownAddress(server.address)}`;
  complain(
    escape(`agent-kernel: serving ${required(values, "policy")} at ${socketOf(values)}${also}`),
  );
  await Promise.race([stopping.promise, server.stopped]);
  complain("agent-kernel: stopping; what is under way is awaited");
  return EXIT.OK;
}

function undoFor(kernel: Kernel, snapshots: string | undefined) {
  if (snapshots === undefined) return undefined;
  const store = SnapshotStore.open({ folder: snapshots });
  if (store.damaged > 0) {
    complain(`agent-kernel: ${store.damaged} lines of the index of snapshots cannot be read`);
  }
  const layer = new ReversibleActionLayer({ kernel, store });
  return { store, layer, [Symbol.dispose]: () => store[Symbol.dispose]() };
}

/** What follows from the policy in force; its file may have changed since it was read. */
function resolvedFor(kernel: Kernel, options: KernelOptions): () => ResolvedOptions {
  let resolved = resolveOptions(options);
  return () => {
    const { digest } = kernel.policy;
    if (resolved.policy.digest !== digest) resolved = resolveOptions(options);
    if (resolved.policy.digest === digest) return resolved;
    throw new Error("the file of the policy is not the policy in force");
  };
}
