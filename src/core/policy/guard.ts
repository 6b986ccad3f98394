/**
 * The deny rules by which the kernel protects its own files.
 *
 * @module
 */
import type { ActionTable } from "../resource/kind.ts";
import { escapePattern } from "../resource/pattern.ts";
import { KINDS } from "../resource/table.ts";
import type { World } from "../resource/world.ts";
import type { Rule } from "./policy.ts";

/** A file or folder of the kernel's own that no action may change. */
export interface GuardedPath {
  /** Absolute path; it need not exist. */
  readonly path: string;
  /** What it is, for the reason of the denial. */
  readonly what: string;
  /** Whether it may not be read either. @default false */
  readonly secret?: boolean;
}

/**
 * Makes the guard rules. Each path gives two: one for the file itself, what is inside of it, and all
 * names that begin with its name and a dot; one against taking away a folder above it.
 *
 * @param guarded The files and folders to protect.
 * @param options The machine, the actions that there are, and the number of rules before these.
 * @returns Deny rules with `guard`, their ids begin with `kernel:`.
 */
export function guardRules(
  guarded: readonly GuardedPath[],
  { world, actions, firstIndex }: {
    readonly world: World;
    readonly actions: ActionTable;
    readonly firstIndex: number;
  },
): Rule[] {
  const onPaths = Object.keys(actions).filter((name) => actions[name]?.kind === "path");
  const changing = onPaths.filter((name) => actions[name]?.access?.includes("write"));
  const taking = changing.filter((name) => name !== "fs.mkdir");
  return guarded.flatMap(({ path, what, secret }) => {
    const name = escapePattern(path);
    const id = `kernel:${what.replaceAll(" ", "-")}`;
    const files = [name, `${name}/**`, `${name}.*`, `${name}.*/**`];
    const folders = foldersAbove(path).map(escapePattern);
    return [
      { id, actions: secret ? onPaths : changing, resources: files, reason: what },
      { id: `${id}-folder`, actions: taking, resources: folders, reason: what },
    ];
  }).map((rule, i): Rule => {
    const patterns = rule.resources.flatMap((text) => KINDS.path.compile(text, world));
    const index = firstIndex + i;
    return { ...rule, index, effect: "deny", guard: true, patterns: new Map([["path", patterns]]) };
  });
}

function foldersAbove(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}
