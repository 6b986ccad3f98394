/**
 * Resources of kind `path`: files and folders of a POSIX file system.
 *
 * @module
 */
import { dirname } from "@std/path";
import type { ResourceKind } from "./kind.ts";
import { escapePattern, expandBraces, insideOnly, parseSegment, type Pattern } from "./pattern.ts";
import { CanonicalError, NotReadableError, PatternError, type World } from "./world.ts";

/** `PATH_MAX` of Linux in bytes, without the final NUL. */
const MAX_PATH_BYTES = 4095;
/** `NAME_MAX` in bytes. */
const MAX_NAME_BYTES = 255;
/** How many dangling links in a row are followed (Linux itself stops at 40). */
const MAX_LINKS = 40;

/** Absolute POSIX paths, case-sensitive, byte for byte. */
export const PATH: ResourceKind = {
  name: "path",

  normalise(target, world) {
    if (target.includes("\0")) throw new CanonicalError("A path cannot contain a NUL character");
    if (!target.isWellFormed()) throw new CanonicalError("A path has to be well-formed Unicode");
    if (!target.startsWith("/")) {
      if (world.base === undefined) {
        throw new CanonicalError(`"${target}" is relative, expected an absolute path`);
      }
      target = `${world.base}/${target}`;
    }
    const path = withoutDotSegments(target);
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

/** An empty segment, `.` or `..`; most paths have none. */
const SUPERFLUOUS = /\/\.{0,2}(?:\/|$)/;

function withoutDotSegments(path: string): string {
  if (!SUPERFLUOUS.test(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") kept.pop();
    else kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

function checkLength(path: string): void {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) > MAX_PATH_BYTES) {
    throw new CanonicalError(`A path has at most ${MAX_PATH_BYTES} bytes`);
  }
  if (path.split("/").some((name) => bytes(name) > MAX_NAME_BYTES)) {
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
  const found = `${parent === "/" ? "" : parent}${path.slice(path.lastIndexOf("/"))}`;
  // INVARIANT: a canonical path is no link itself, and neither are the folders above it.
  return found === path || !isThere(found, world) ? found : resolveLinks(found, world, links - 1);
}

/** The path of what has this name, which may be a link: only the folders above it are resolved. */
function resolveParents(path: string, world: World): string {
  if (path === "/") return path;
  const name = path.slice(path.lastIndexOf("/"));
  try {
    const parent = resolveLinks(dirname(path), world, MAX_LINKS);
    return parent === "/" ? name : `${parent}${name}`;
  } catch (error) {
    if (!(error instanceof NotReadableError)) throw error;
    // The policy names this path alone. A link keeps the policy's own spelling, as in `realParent`.
    return world.readLink(path) === undefined ? resolveLinks(path, world, MAX_LINKS) : path;
  }
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
    if (name !== "..") {
      at = `${at === "/" ? "" : at}/${name}`;
      continue;
    }
    const real = world.realPath(at);
    if (real === undefined) {
      throw new CanonicalError(`A symbolic link leads through "${at}", which does not exist`);
    }
    at = dirname(real);
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
  const names = absolute(text, world).slice(1).split("/");
  if (names.length === 1 && names[0] === "") {
    return [{ steps: [], denySteps: [], reach: "/", exact: true }];
  }
  const steps = names.map((name) => parseSegment(name));
  // The steps are looked at, whose escapes are gone: "\\.\\." is "..".
  const wrong = steps.find((step) => step === "" || step === "." || step === "..");
  if (wrong !== undefined) {
    const what = wrong === "" ? "empty segment and no slash at the end" : `"${String(wrong)}"`;
    throw new PatternError(`"${text}" could never match: canonical paths have no ${what}`);
  }
  const wildcard = steps.findIndex((step) => typeof step !== "string");
  const exact = wildcard === -1;
  const prefix = (exact ? steps : steps.slice(0, wildcard)) as string[];
  const rest = exact ? [] : steps.slice(wildcard);
  const lexical = `/${prefix.join("/")}`;
  // The pattern also matches below the real path of its literal prefix.
  const forms = new Set([lexical, resolveOrKeep(lexical, world)]);
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
  const base = withoutDotSegments(`${world.base}/${climb}`);
  return `${base === "/" ? "" : escapePattern(base)}/${text.slice(climb.length)}`.replace(
    /(.)\/$/,
    "$1",
  );
}

function resolveOrKeep(path: string, world: World): string {
  try {
    return resolveLinks(path, world, MAX_LINKS);
  } catch (error) {
    // What cannot be resolved now stays as written; targets are resolved again at each request.
    if (error instanceof CanonicalError) return path;
    throw error;
  }
}
