/**
 * Resources of kind `command`: executables.
 *
 * @module
 */
import type { ResourceKind } from "./kind.ts";
import { expandBraces, parseSegment, type Pattern } from "./pattern.ts";
import { PATH } from "./path.ts";
import { PatternTrie } from "./trie.ts";
import { CanonicalError, NotReadableError, PatternError, type World } from "./world.ts";

/**
 * Absolute real paths of executables. A bare name is looked up in the search path of the kernel's
 * start; the working directory and the agent's environment play no part.
 */
export const COMMAND: ResourceKind = {
  name: "command",

  normalise(target, world) {
    if (!target.startsWith("/") && target.includes("/")) {
      throw new CanonicalError(
        `"${target}" is a relative path, expected a bare command name or an absolute path`,
      );
    }
    if (target === "" || target.includes("\0") || !target.isWellFormed()) {
      throw new CanonicalError("A command is a bare name or an absolute path");
    }
    const path = target.startsWith("/")
      ? realFile(PATH.normalise(target, world), world)
      : find(target, world);
    if (path === undefined) {
      throw new CanonicalError(
        `There is no executable "${target}"` +
          (target.startsWith("/") ? "" : ` in ${world.searchPath.join(":")}`),
      );
    }
    return path;
  },

  resolve: (normalised) => normalised,

  segments: PATH.segments,

  compile(pattern, world) {
    return expandBraces(pattern).flatMap((text) => expand(text, world)).map((path) => ({
      steps: PATH.segments(path),
      reach: path,
      exact: true,
    } satisfies Pattern));
  },
};

/** All executables that the pattern means on this machine, now: the allow list is closed at load. */
function expand(text: string, world: World): string[] {
  if (!text.startsWith("/") && text.includes("/")) {
    throw new PatternError(`"${text}" could never match, expected a bare name or an absolute path`);
  }
  const slash = text.lastIndexOf("/");
  const step = parseSegment(text.slice(slash + 1));
  const folders = slash === -1 ? world.searchPath : [text.slice(0, slash) || "/"];
  if (folders.some((folder) => slash !== -1 && typeof folderStep(folder) !== "string")) {
    throw new PatternError(
      `"${text}" has a wildcard in its folder, expected it in the last segment`,
    );
  }
  if (step === "" || step === "." || step === "..") {
    throw new PatternError(`"${text}" could never match, expected a bare name or an absolute path`);
  }
  const found = new Set<string>();
  if (typeof step === "string") {
    const path = slash === -1 ? find(step, world) : realFile(`${folders[0]}/${step}`, world);
    if (path !== undefined) found.add(path);
  } else {
    const names = new PatternTrie<true>();
    names.insert([step], true);
    for (const folder of folders) {
      for (const name of world.list(folder)) {
        if (names.match([name]).length === 0) continue;
        const path = realFile(`${folder}/${name}`, world);
        if (path !== undefined) found.add(path);
      }
    }
  }
  return Array.from(found);
}

function folderStep(folder: string): unknown {
  return folder.split("/").map((segment) => parseSegment(segment)).find((step) =>
    typeof step !== "string"
  ) ?? "";
}

function find(name: string, world: World): string | undefined {
  if (name === "." || name === "..") return undefined;
  for (const folder of world.searchPath) {
    const path = realFile(`${folder}/${name}`, world);
    if (path !== undefined) return path;
  }
  return undefined;
}

function realFile(path: string, world: World): string | undefined {
  try {
    const real = world.realPath(path);
    return real !== undefined && world.typeOf(real) === "file" ? real : undefined;
  } catch (error) {
    // A folder of the search path that the permissions leave out holds nothing that may be run.
    if (error instanceof NotReadableError) return undefined;
    throw error;
  }
}
