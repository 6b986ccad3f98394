/**
 * Resources of kind `path`: files and folders of a POSIX file system.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";
import type { ResourceKind } from "./kind.ts";
import { escapePattern, expandBraces, insideOnly, parseSegments, type Pattern } from "./pattern.ts";
import {
  CanonicalError,
  canonicalOrError,
  NotReadableError,
  PatternError,
  type World,
} from "./world.ts";

/** `PATH_MAX` of Linux in bytes, without the final NUL. */
const MAX_PATH_BYTES = 4095;
/** `NAME_MAX` in bytes. */
const MAX_NAME_BYTES = 255;
/** How many dangling links in a row are followed (Linux itself stops at 40). */
const MAX_LINKS = 40;
/** An empty segment, `.` or `..`; most paths have none. */
const SUPERFLUOUS = /\/\.{0,2}(?:\/|$)/;

/** Absolute POSIX paths, case-sensitive, byte for byte. */
export const PATH: ResourceKind = {
  normalise(target, world) {
    if (target.includes("\0")) throw new CanonicalError("A path cannot contain a NUL character");
    if (!target.isWellFormed()) throw new CanonicalError("A path has to be well-formed Unicode");
    const isRelative = !target.startsWith("/");
    if (isRelative && world.base === undefined) {
      throw new CanonicalError(`"${target}" is relative, expected an absolute path`);
    }
    const path = isRelative || SUPERFLUOUS.test(target)
      ? resolve(world.base ?? "/", target)
      : target;
    // A UTF-16 code unit takes at most three bytes.
    if (path.length * 3 > MAX_NAME_BYTES) checkLength(path);
    return path;
  },

  resolve(normalised, world, { follow = "all" } = {}) {
    return follow === "all"
      ? resolveLinks(normalised, world, MAX_LINKS)
      : resolveParents(normalised, world);
  },

  segments: (canonical) => canonical === "/" ? [] : canonical.slice(1).split("/"),

  compile: (pattern, world) => expandBraces(pattern).flatMap((text) => compileOne(text, world)),
};

function checkLength(path: string): void {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) > MAX_PATH_BYTES) {
    throw new CanonicalError(`A path has at most ${MAX_PATH_BYTES} bytes`);
  }
  if (
    path.split("/").some((name) => name.length * 3 > MAX_NAME_BYTES && bytes(name) > MAX_NAME_BYTES)
  ) {
    throw new CanonicalError(`A file name has at most ${MAX_NAME_BYTES} bytes`);
  }
}

/**
 * The real path; for what does not exist, the real path of the nearest existing parent plus the
 * rest. A dangling link counts as the place where it would create a file.
 */
function resolveLinks(path: string, world: World, links: number): string {
  const real = world.realPath(path);
  if (real !== undefined) return real;
  if (links === 0) throw new CanonicalError(`"${path}" goes through too many symbolic links`);
  const link = world.readLink(path);
  const parent = realParent(path, world, links);
  if (link !== undefined) return resolveLinks(goalOf(link, parent, world), world, links - 1);
  const found = join(parent, basename(path));
  // INVARIANT: a canonical path is no link itself, and neither are the folders above it.
  return found === path || !isThere(found, world) ? found : resolveLinks(found, world, links - 1);
}

/** The path of what has this name, which may be a link: only the folders above it are resolved. */
function resolveParents(path: string, world: World): string {
  const parent = canonicalOrError(() => resolveLinks(dirname(path), world, MAX_LINKS));
  if (parent instanceof NotReadableError) {
    // The policy names this path alone. A link keeps the policy's own spelling, as in `realParent`.
    return world.readLink(path) === undefined ? resolveLinks(path, world, MAX_LINKS) : path;
  }
  if (parent instanceof CanonicalError) throw parent;
  return join(parent, basename(path));
}

function isThere(path: string, world: World): boolean {
  return world.realPath(path) !== undefined || world.readLink(path) !== undefined;
}

/**
 * The path that a link in the folder points to. As in the system, ".." leads to the parent of the
 * real folder, which need not be the one that is written before it, and which has to exist.
 */
function goalOf(link: string, folder: string, world: World): string {
  let at = link.startsWith("/") ? "/" : folder;
  for (const name of link.split("/")) {
    if (name === "" || name === ".") continue;
    const real = name === ".." ? world.realPath(at) : at;
    if (real === undefined) {
      throw new CanonicalError(`A symbolic link leads through "${at}", which does not exist`);
    }
    at = join(real, name);
  }
  return at;
}

function realParent(path: string, world: World, links: number): string {
  const parent = dirname(path);
  try {
    return resolveLinks(parent, world, links);
  } catch (error) {
    // Above what the policy names this process may not look: the rest is the policy's own spelling.
    // If there is a link in it after all, the provider's check of the real path refuses.
    if (error instanceof NotReadableError) return parent;
    throw error;
  }
}

function compileOne(text: string, world: World): Pattern[] {
  if (text.includes("\0")) throw new PatternError("A path cannot contain a NUL character");
  const path = absolute(text, world);
  const steps = path === "/" ? [] : parseSegments(path);
  const wildcard = steps.findIndex((step) => typeof step !== "string");
  const exact = wildcard === -1;
  const prefix = exact ? steps : steps.slice(0, wildcard);
  const rest = steps.slice(prefix.length);
  const lexical = `/${prefix.join("/")}`;
  // The pattern also matches below the real path of its literal prefix. Where that cannot be found
  // out now it stays as written; targets are resolved again at each request.
  const real = canonicalOrError(() => resolveLinks(lexical, world, MAX_LINKS));
  const forms = new Set([lexical, real instanceof CanonicalError ? lexical : real]);
  return Array.from(forms, (reach) => ({
    steps: [...PATH.segments(reach), ...insideOnly(rest)],
    denySteps: [...PATH.segments(reach), ...rest],
    reach,
    exact,
  }));
}

/** Makes a pattern absolute; only a leading run of `./` and `../` may climb. */
function absolute(text: string, world: World): string {
  if (text.startsWith("/")) return text;
  if (world.base === undefined) {
    throw new PatternError(`"${text}" is relative, and the policy comes from no file`);
  }
  const climb = /^(\.{1,2}(\/|$))*/.exec(text)?.[0] ?? "";
  const base = resolve(world.base, climb);
  return `${base === "/" ? "" : escapePattern(base)}/${text.slice(climb.length)}`.replace(
    /(.)\/$/,
    "$1",
  );
}
