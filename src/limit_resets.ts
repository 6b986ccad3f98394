/**
 * Resets of limits as an action of the kernel's own: decided by a policy for nothing else, journalled and
 * recorded like any other.
 *
 * @module
 */
import type { CoreKernel } from "./core/kernel.ts";
import type { Timer } from "./core/timer.ts";
import { Deployment } from "./deployment.ts";
import { RESET_ACTION } from "./limits/verify.ts";
import type { KernelOptions } from "./options.ts";
import { resolveOptions } from "./resolve.ts";
import { Provider } from "./worker/provider.ts";

/** The name of the provider that resets limits. */
export const RESETTER = "limits";

/**
 * A policy and a provider for resets.
 *
 * @param reset Sets all counters of a limit to nothing.
 * @param stores Files that belong to the provider. @default none
 */
export function resetOptions(
  reset: (limit: string) => void | Promise<void>,
  stores: readonly string[] = [],
): Pick<KernelOptions, "policy" | "providers"> {
  const provider = new Provider({
    name: RESETTER,
    isolation: "none",
    actions: { [RESET_ACTION]: { kind: "name" } },
    stores,
    execute: ({ target }) => reset(target),
  });
  return {
    policy: { capabilities: [{ id: "cli", action: RESET_ACTION, resource: "**" }] },
    providers: [provider],
  };
}

/** Carries out resets that were asked for from another process, with records in the log of a kernel. */
export function recordedResets(
  core: CoreKernel,
  { logPath, timer, onWarning }: {
    readonly logPath: string;
    readonly timer: Timer;
    readonly onWarning: (line: string) => void;
  },
): (limit: string, reset: (limit: string) => void) => Promise<void> {
  return async (limit, reset) => {
    const resolved = resolveOptions({ ...resetOptions(reset), logPath });
    const deployment = new Deployment(resolved, { timer, onWarning });
    const { policy, world } = deployment;
    const request = { action: RESET_ACTION, target: limit };
    const hostOf = (action: string) => deployment.hostOf(action);
    const { status, error } = await core.submit(request, { policy, world, hostOf });
    await deployment.close();
    if (status !== "OK") throw new Error(`Cannot reset the limit "${limit}": ${error}`);
  };
}
