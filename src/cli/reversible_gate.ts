/**
 * The reversible layer for commands that use a snapshot store.
 *
 * @module
 */
import { Kernel } from "../open.ts";
import { ReversibleActionLayer } from "../reversible/layer.ts";
import { SnapshotStore } from "../reversible/store.ts";
import { type Invocation, optional } from "./command.ts";
import { launch } from "./launch.ts";
import { kernelOptions, launchOptions, resolvedOptions } from "./policy_options.ts";
import { snapshotFolder } from "./snapshot_options.ts";
import { complain, escape } from "./terminal.ts";

/**
 * Runs a command with a reversible layer before a kernel, in a process that may do what the policy and
 * the store need, and no more.
 */
export async function withLayer(
  { values, args, underPolicy }: Invocation,
  use: (layer: ReversibleActionLayer) => Promise<number>,
): Promise<number> {
  if (!underPolicy) {
    const snapshots = snapshotFolder(values);
    // "=": a path may look like an option. The last one counts.
    const again = [...args, `--snapshots=${snapshots}`];
    return await launch(
      await resolvedOptions({ ...values, snapshots }),
      again,
      launchOptions(values),
    );
  }
  await using kernel = await Kernel.open({
    ...await kernelOptions(values, [], { underPolicy }),
    onWarning: (line) => complain(escape(line)),
  });
  using store = SnapshotStore.open({ folder: optional(values, "snapshots") ?? "" });
  if (store.damaged > 0) {
    complain(`agent-kernel: ${store.damaged} lines of the index of snapshots cannot be read`);
  }
  return await use(new ReversibleActionLayer({ kernel, store }));
}
