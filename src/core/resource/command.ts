/**
 * Resources of kind `command`: executables.
 *
 * @module
 */
import { basename, join } from "@std/path";
import type { ResourceKind } from "./kind.ts";
import { expandBraces, parseSegments, type Pattern } from "./pattern.ts";
import { PATH } from "./path.ts";
import { PatternTrie } from "./trie.ts";
import {
  CanonicalError,
  canonicalOrError,
  NotNamedError,
  NotReadableError,
  PatternError,
  type World,
} from "./world.ts";

/**
 * Absolute real paths of executables. A bare name is looked up in the search path that the kernel was
 * opened with; the working directory and the agent's environment are never used.
 */
export const COMMAND: ResourceKind = {
  normalise(target, world) {
    const isPath = target.startsWith("/");
    if (!isPath && (/^\.{0,2}$/.test(target) || target.includes("/"))) {
      throw new CanonicalError(
        `"${target}" is not a command, expected a bare name or an absolute path`,
      );
    }
    const paths = (isPath ? [target] : world.searchPath.map((folder) => `${folder}/${target}`))
      .map((path) => PATH.normalise(path, world));
    const found = find(paths, world);
    if (found !== undefined) return found.canonical;
    // Whether this process lacks the permission to see if there is anything at the path.
    const isHidden = (path: string) =>
      canonicalOrError(() => world.realPath(path)) instanceof NotReadableError;
    if (paths.some(isHidden)) {
      throw new NotNamedError(`no rule allows "${target}", if there is such a program`);
    }
    const where = isPath ? "" : ` in ${world.searchPath.join(":")}`;
    throw new CanonicalError(`There is no executable "${target}"${where}`);
  },

  resolve: (normalised) => normalised,

  segments: PATH.segments,

  compile: (pattern, world) => expandBraces(pattern).flatMap((text) => expand(text, world)),
};

/** The executables that the pattern matches on this machine at load; later ones are not allowed. */
function expand(text: string, world: World): Pattern[] {
  const isPath = text.startsWith("/");
  const above = parseSegments(text);
  const name = above.pop() ?? "";
  if (isPath ? above.some((step) => typeof step !== "string") : above.length > 0) {
    throw new PatternError(
      `"${text}" is not a command, expected a bare name, or an absolute path with wildcards in its last segment only`,
    );
  }
  const folders = isPath ? [`/${above.join("/")}`] : world.searchPath;
  if (typeof name === "string") {
    const found = find(folders.map((folder) => join(folder, name)), world);
    return found === undefined ? [] : [patternFor(found, found.path)];
  }
  const names = new PatternTrie<true>();
  names.insert([name], true);
  return folders.flatMap((folder) =>
    world.list(folder).filter((name) => names.match([name]).length > 0)
      .flatMap((name) => lookUp(join(folder, name), world) ?? [])
      // The folder has to be listed to find them again.
      .map((found) => patternFor(found, folder))
  );
}

function patternFor({ canonical, real }: Found, lookedUp: string): Pattern {
  const steps = PATH.segments(canonical);
  const lookup = real === canonical ? [lookedUp] : [lookedUp, real];
  return { steps, denySteps: steps, reach: canonical, exact: true, lookup };
}

interface Found {
  /** The path at which it was looked for. */
  readonly path: string;
  readonly canonical: string;
  /** The path with all links resolved. */
  readonly real: string;
}

/** Multi-call programs: what they do depends on the name by which they are called. */
const MULTI_CALL =
  /^(busybox|toybox|coreutils|uutils|rustup|kmod|lvm|systemctl|xtables-\w+-multi)(\.\w+)?$/;

/** The executable at the first of the paths that has one. */
function find(paths: readonly string[], world: World): Found | undefined {
  return paths.values().map((path) => lookUp(path, world)).find((found) => found !== undefined);
}

function lookUp(path: string, world: World): Found | undefined {
  const real = canonicalOrError(() => world.realPath(path));
  // What the permissions leave out, or a circle of links, cannot be run.
  if (typeof real !== "string" || world.typeOf(real) !== "executable") return undefined;
  // INVARIANT: a rule for one name of a multi-call program allows none of its other names.
  const isMultiCall = MULTI_CALL.test(basename(real)) && basename(path) !== basename(real);
  return { path, canonical: isMultiCall ? path : real, real };
}
