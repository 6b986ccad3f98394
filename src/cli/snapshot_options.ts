/**
 * The options of the commands that use a snapshot store.
 *
 * @module
 */
import { basename, dirname, resolve } from "@std/path";
import { type CommandOption, optional, type Values } from "./command.ts";

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
  const folder = resolve(optional(values, "snapshots") ?? `${log}.snapshots`);
  return `${Deno.realPathSync(dirname(folder)).replace(/\/$/, "")}/${basename(folder)}`;
}
