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
 * Makes the guard rules. Paths of one sort give two: one for the files themselves, what is inside of
 * them, and all names that begin with their names and a dot; one against taking away a folder above.
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
  const alike = Map.groupBy(guarded, ({ what, secret }) => `${what} ${secret === true}`).values();
  return [...alike].flatMap((group) => {
    const [{ what, secret }] = group as [GuardedPath];
    const names = group.map(({ path }) => escapePattern(path));
    const id = `kernel:${what.replaceAll(" ", "-")}`;
    const files = names.flatMap((name) => [name, `${name}/**`, `${name}.*`, `${name}.*/**`]);
    const ends = (name: string) => [...name.matchAll(/.\//gs)].map(({ index }) => index + 1);
    const folders = new Set(names.flatMap((name) => ends(name).map((end) => name.slice(0, end))));
    return [
      { id, actions: secret ? onPaths : changing, resources: files, reason: what },
      { id: `${id}-folder`, actions: taking, resources: [...folders], reason: what },
    ];
  }).map((rule, i): Rule => {
    const paths = rule.resources.flatMap((text) => KINDS.path.compile(text, world));
    const patterns = new Map([["path" as const, paths]]);
    return { ...rule, index: firstIndex + i, effect: "deny", guard: true, patterns };
  });
}
