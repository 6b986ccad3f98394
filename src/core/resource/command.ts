/**
 * Resources of kind `command`: executables.
 *
 * @module
 */
import { basename } from "@std/path";
import type { ResourceKind } from "./kind.ts";
import { expandBraces, parseSegment, type Pattern } from "./pattern.ts";
import { PATH } from "./path.ts";
import { PatternTrie } from "./trie.ts";
import {
  CanonicalError,
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
    const found = target.startsWith("/")
      ? lookUp(PATH.normalise(target, world), world)
      : find(target, world);
    if (found === undefined) throw notFound(target, world);
    return found.canonical;
  },

  resolve: (normalised) => normalised,

  segments: PATH.segments,

  compile: (pattern, world) => expandBraces(pattern).flatMap((text) => expand(text, world)),
};

function notFound(target: string, world: World): CanonicalError {
  const isPath = target.startsWith("/");
  const paths = isPath ? [target] : world.searchPath.map((folder) => `${folder}/${target}`);
  if (paths.some((path) => isHidden(path, world))) {
    return new NotNamedError(`no rule allows "${target}", if there is such a program`);
  }
  const where = isPath ? "" : ` in ${world.searchPath.join(":")}`;
  return new CanonicalError(`There is no executable "${target}"${where}`);
}

/** Whether this process lacks the permission to see if there is anything at the path. */
function isHidden(path: string, world: World): boolean {
  try {
    world.realPath(path);
    return false;
  } catch (error) {
    if (error instanceof CanonicalError) return error instanceof NotReadableError;
    throw error;
  }
}

/** The executables that the pattern matches on this machine at load; later ones are not allowed. */
function expand(text: string, world: World): Pattern[] {
  const slash = text.lastIndexOf("/");
  const step = parseSegment(text.slice(slash + 1));
  if (slash !== -1 && !text.startsWith("/") || step === "" || step === "." || step === "..") {
    throw new PatternError(`"${text}" could never match, expected a bare name or an absolute path`);
  }
  const folders = slash === -1 ? world.searchPath : [literalFolder(text.slice(0, slash), text)];
  if (typeof step === "string") {
    const found = slash === -1 ? find(step, world) : lookUp(`${folders[0]}/${step}`, world);
    return found === undefined ? [] : [patternFor(found, found.named)];
  }
  const names = new PatternTrie<true>();
  names.insert([step], true);
  return folders.flatMap((folder) =>
    world.list(folder).filter((name) => names.match([name]).length > 0)
      .flatMap((name) => lookUp(`${folder}/${name}`, world) ?? [])
      // The folder has to be listed to find them again.
      .map((found) => patternFor(found, folder))
  );
}

function patternFor({ canonical, real }: Found, lookedUp: string): Pattern {
  const steps = PATH.segments(canonical);
  const lookup = real === canonical ? [lookedUp] : [lookedUp, real];
  return { steps, denySteps: steps, reach: canonical, exact: true, lookup };
}

/** The folder that a pattern names, without its escapes. */
function literalFolder(folder: string, text: string): string {
  return folder.split("/").slice(1).map((segment) => {
    const name = parseSegment(segment);
    if (typeof name !== "string") {
      throw new PatternError(
        `"${text}" has a wildcard in its folder, expected it in the last segment`,
      );
    }
    if (name === "" || name === "." || name === "..") {
      throw new PatternError(`"${text}" has the segment "${name}", expected an absolute path`);
    }
    return `/${name}`;
  }).join("");
}

interface Found {
  /** The path at which it was looked for. */
  readonly named: string;
  readonly canonical: string;
  /** The path with all links resolved. */
  readonly real: string;
}

/** Multi-call programs: what they do depends on the name by which they are called. */
const MULTI_CALL =
  /^(busybox|toybox|coreutils|uutils|rustup|kmod|lvm|systemctl|xtables-\w+-multi)(\.\w+)?$/;

function find(name: string, world: World): Found | undefined {
  if (name === "." || name === "..") return undefined;
  for (const folder of world.searchPath) {
    const found = lookUp(`${folder}/${name}`, world);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lookUp(path: string, world: World): Found | undefined {
  try {
    const real = world.realPath(path);
    if (real === undefined || world.typeOf(real) !== "executable") return undefined;
    // INVARIANT: a rule for one name of a multi-call program allows none of its other names.
    const isMultiCall = MULTI_CALL.test(basename(real)) && basename(path) !== basename(real);
    return { named: path, canonical: isMultiCall ? path : real, real };
  } catch (error) {
    // What the permissions leave out, or a circle of links, cannot be run.
    if (error instanceof CanonicalError) return undefined;
    throw error;
  }
}
