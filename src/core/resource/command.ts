/**
 * Resources of kind `command`: executables.
 *
 * @module
 */
import type { ResourceKind } from "./kind.ts";
import { expandBraces, parseSegment, type Pattern, type Step } from "./pattern.ts";
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
    const found = target.startsWith("/")
      ? lookUp(PATH.normalise(target, world), world)
      : find(target, world);
    if (found === undefined) throw notFound(target, world);
    return found.canonical;
  },

  resolve: (normalised) => normalised,

  segments: PATH.segments,

  compile(pattern, world) {
    return expandBraces(pattern).flatMap((text) => expand(text, world));
  },
};

function notFound(target: string, world: World): CanonicalError {
  const isPath = target.startsWith("/");
  const places = isPath ? [target] : world.searchPath.map((folder) => `${folder}/${target}`);
  if (places.some((path) => isOutOfSight(path, world))) {
    return new NotNamedError(`no rule allows "${target}", if there is such a program`);
  }
  const where = isPath ? "" : ` in ${world.searchPath.join(":")}`;
  return new CanonicalError(`There is no executable "${target}"${where}`);
}

/** Whether this process may not even look whether something is there. */
function isOutOfSight(path: string, world: World): boolean {
  try {
    world.realPath(path);
    return false;
  } catch (error) {
    if (error instanceof CanonicalError) return error instanceof NotReadableError;
    throw error;
  }
}

/** All executables that the pattern means on this machine, now: the allow list is closed at load. */
function expand(text: string, world: World): Pattern[] {
  if (!text.startsWith("/") && text.includes("/")) {
    throw new PatternError(`"${text}" could never match, expected a bare name or an absolute path`);
  }
  const slash = text.lastIndexOf("/");
  const step = parseSegment(text.slice(slash + 1));
  const folders = slash === -1 ? world.searchPath : [literalFolder(text.slice(0, slash), text)];
  if (step === "" || step === "." || step === "..") {
    throw new PatternError(`"${text}" could never match, expected a bare name or an absolute path`);
  }
  if (typeof step !== "string") return matching(step, folders, world);
  const found = slash === -1 ? find(step, world) : lookUp(`${folders[0]}/${step}`, world);
  return found === undefined ? [] : [patternFor(found, found.named)];
}

function matching(step: Step, folders: readonly string[], world: World): Pattern[] {
  const names = new PatternTrie<true>();
  names.insert([step], true);
  return folders.flatMap((folder) =>
    world.list(folder).filter((name) => names.match([name]).length > 0)
      .flatMap((name) => lookUp(`${folder}/${name}`, world) ?? [])
      // To find them again, the folder has to be listed.
      .map((found) => patternFor(found, folder))
  );
}

function patternFor({ canonical, real }: Found, lookedUp: string): Pattern {
  const steps = PATH.segments(canonical);
  const lookup = real === canonical ? [lookedUp] : [lookedUp, real];
  return { steps, denySteps: steps, reach: canonical, exact: true, lookup };
}

/** The folder that a pattern names, its escapes taken away. */
function literalFolder(folder: string, text: string): string {
  const names = folder.split("/").slice(1).map((segment) => {
    const name = parseSegment(segment);
    if (typeof name !== "string") {
      throw new PatternError(
        `"${text}" has a wildcard in its folder, expected it in the last segment`,
      );
    }
    if (name === "" || name === "." || name === "..") {
      throw new PatternError(`"${text}" has the segment "${name}", expected an absolute path`);
    }
    return name;
  });
  return `/${names.join("/")}`;
}

/** An executable under the path that leads to it, by its canonical one, and by its real one. */
interface Found {
  readonly named: string;
  readonly canonical: string;
  readonly real: string;
}

/** Programs that are many: what they do depends on the name by which they are called. */
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
    // INVARIANT: a rule for one name of such a program allows no other one.
    const isOneOfMany = MULTI_CALL.test(nameOf(real)) && nameOf(path) !== nameOf(real);
    return { named: path, canonical: isOneOfMany ? path : real, real };
  } catch (error) {
    // What the permissions leave out, or what leads in a circle, cannot be run.
    if (error instanceof CanonicalError) return undefined;
    throw error;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
