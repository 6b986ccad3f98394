/**
 * A tree of files in ten lines, to stand beside the real one.
 *
 * @module
 */
import { dirname } from "@std/path";

/** One thing that an agent does. */
export interface Operation {
  readonly action: "fs.write" | "fs.delete" | "fs.mkdir" | "fs.move";
  readonly path: string;
  readonly to: string;
  readonly content: string;
  readonly overwrite: boolean;
}

/** The paths that operations are about: files in folders, and folders. */
export const PATHS: readonly string[] = ["/a", "/b", "/d", "/d/a", "/d/b", "/d/e", "/d/e/a"];

/** Files with their content, folders with `null`. */
export type Model = ReadonlyMap<string, string | null>;

/** What the tree is after an operation; the same one if it fails. */
export function applied(tree: Model, { action, path, to, content, overwrite }: Operation): Model {
  const goal = action === "fs.move" ? to : path;
  const above = [dirname(goal), dirname(dirname(goal))].filter((folder) => folder !== "/");
  const there = tree.get(path);
  const isEmpty = ![...tree.keys()].some((one) => one.startsWith(`${path}/`));
  const place = above.every((folder) => typeof tree.get(folder) !== "string");
  const made = above.map((folder): [string, null] => [folder, null]);
  const rest = [...tree].filter(([name]) => name !== path);
  if (action === "fs.delete") return there !== undefined && isEmpty ? new Map(rest) : tree;
  if (action === "fs.mkdir") {
    return place && there === undefined ? new Map([...tree, ...made, [path, null]]) : tree;
  }
  if (action === "fs.write") {
    return place && there !== null ? new Map([...tree, ...made, [path, content]]) : tree;
  }
  const free = tree.get(to) === undefined || overwrite && typeof tree.get(to) === "string";
  if (typeof there !== "string" || to === path || !free || !place) return tree;
  return new Map([...rest, ...made, [to, there]]);
}

/** The params of an operation. */
export function paramsOf(
  { action, to, content, overwrite }: Operation,
  root: string,
): Record<string, unknown> {
  if (action === "fs.write") return { content };
  return action === "fs.move" ? { to: root + to, overwrite } : {};
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Any operation. */
export function randomOperation(random: () => number): Operation {
  const one = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  return {
    action: one([
      "fs.write",
      "fs.write",
      "fs.write",
      "fs.delete",
      "fs.move",
      "fs.move",
      "fs.mkdir",
    ]),
    path: one(PATHS),
    to: one(PATHS),
    content: `${Math.floor(random() * 4)}`.repeat(Math.floor(random() * 3_000)),
    overwrite: random() < 0.5,
  };
}
