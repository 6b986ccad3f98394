/**
 * What is checked before a kernel is opened, or its policy is replaced.
 *
 * @module
 */
import { checkProcess } from "./launch/check.ts";
import { hasWorkerOptions, WorkerOptionsError } from "./launch/worker_options.ts";
import type { KernelOptions } from "./options.ts";
import { type ResolvedOptions, resolveOptions } from "./resolve.ts";

/** Works out what follows from the options, and whether this process can do it. Starts nothing. */
export async function resolveAndCheck(options: KernelOptions): Promise<ResolvedOptions> {
  if (Deno.build.os === "windows") {
    throw new Deno.errors.NotSupported(
      "Cannot open the kernel: its path rules are those of POSIX, on Windows use it inside of WSL",
    );
  }
  const resolved = resolveOptions(options);
  const { policy, providers, permissions } = resolved;
  const warn = warnerOf(options);
  const beyond = checkProcess(permissions);
  for (const line of policy.warnings) warn(`agent-kernel: ${policy.source}: ${line}`);
  if (beyond !== undefined) warn(beyond);
  const { approver } = options.approvals ?? {};
  if (policy.approvals.size > 0 && (approver ?? resolved.approvalsPath) === undefined) {
    warn(
      `agent-kernel: ${policy.source}: nobody can be asked (option approvals), so that these rules allow nothing: ${
        Array.from(policy.approvals.keys()).join(", ")
      }`,
    );
  }
  for (const { name, isolation } of providers) {
    if (isolation === "none") {
      warn(`agent-kernel: provider "${name}" runs in this process (isolation: none)`);
    }
  }
  const isolated = providers.some(({ isolation }) => isolation === "worker");
  if (isolated && await hasWorkerOptions() === false) throw new WorkerOptionsError();
  return resolved;
}

/** Where warnings go. */
export function warnerOf({ onWarning }: Pick<KernelOptions, "onWarning">): (line: string) => void {
  const show = (line: unknown) => console.error(line);
  if (onWarning === undefined) return show;
  return (line) => {
    try {
      onWarning(line);
    } catch (error) {
      // INVARIANT: a callback that throws does not end the process: a provider chooses when it warns.
      show(error);
    }
  };
}
