/**
 * The options of the commands that use a snapshot store.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { Kernel } from "../open.ts";
import { ReversibleActionLayer } from "../reversible/layer.ts";
import { SnapshotStore } from "../reversible/store.ts";
import { absolutePath } from "./absolute_path.ts";
import { type CommandOption, type Invocation, optional, type Values } from "./command.ts";
import { launch } from "./launch.ts";
import { kernelOptions, launchOptions, planOf } from "./policy_options.ts";
import { complain, escape } from "./terminal.ts";

/** Options of every command that uses a store. */
export const SNAPSHOT_OPTIONS: Readonly<Record<string, CommandOption>> = {
  snapshots: {
    type: "string",
    value: "DIR",
    help: "the snapshot store (default: the audit log's path and .snapshots)",
  },
};

/** The real path of the store, which need not exist. */
export function snapshotFolder(values: Values): string {
  const log = optional(values, "log-path") ?? "kernel.log";
  const folder = absolutePath(optional(values, "snapshots") ?? `${log}.snapshots`);
  return `${Deno.realPathSync(dirname(folder)).replace(/\/$/, "")}/${basename(folder)}`;
}

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
    return await launch(planOf({ ...values, snapshots }), again, launchOptions(values));
  }
  await using kernel = await Kernel.open({
    ...kernelOptions(values, [], { underPolicy }),
    onWarning: (line) => complain(escape(line)),
  });
  using store = SnapshotStore.open({ folder: optional(values, "snapshots") ?? "" });
  if (store.damaged > 0) {
    complain(`agent-kernel: ${store.damaged} lines of the index of snapshots cannot be read`);
  }
  return await use(new ReversibleActionLayer({ kernel, store }));
}
