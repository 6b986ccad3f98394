/**
 * A world that is asked each question once.
 *
 * @module
 */
import type { World } from "../core/resource/world.ts";

/** Folders with more names are not listed, but asked for each name. */
const MAX_NAMES = 1000;

/** What was answered: a value, or what was thrown. */
type Said = { readonly value: string | undefined } | { readonly error: unknown };

/** A world for one load, see {@linkcode settledWorld}. */
export interface SettledWorld {
  readonly world: World;
  /** From now on each question is asked anew. */
  end(): void;
}

/**
 * A world that remembers what it said, for as long as a policy is loaded. The rules of a policy, and
 * those that guard the kernel's own files, ask hundreds of times about the same few folders.
 *
 * INVARIANT: a load is one look at the machine; nothing is remembered beyond it. Requests are resolved
 * by a world that looks each time.
 *
 * @param names The names in a folder, or `undefined` if they cannot be told; by default as Deno lists them.
 */
export function settledWorld(
  world: World,
  names: (folder: string) => Iterable<string> | undefined = namesIn,
): SettledWorld {
  const realPaths = new Map<string, Said>();
  const links = new Map<string, Said>();
  const folders = new Map<string, ReadonlySet<string> | undefined>();
  let ended = false;

  /** Whether the folder of a path is known not to have it: found without an exception of the system. */
  function isAbsent(path: string): boolean {
    const at = path.lastIndexOf("/");
    const folder = path.slice(0, at) || "/";
    if (!folders.has(folder)) folders.set(folder, setOf(names(folder)));
    return folders.get(folder)?.has(path.slice(at + 1)) === false;
  }

  function asked(
    said: Map<string, Said>,
    ask: (path: string) => string | undefined,
  ): (path: string) => string | undefined {
    return (path) => {
      if (ended) return ask(path);
      let found = said.get(path);
      if (found === undefined) said.set(path, found = answerTo(path, ask));
      if ("error" in found) throw found.error;
      return found.value;
    };
  }

  function answerTo(path: string, ask: (path: string) => string | undefined): Said {
    if (path !== "/" && isAbsent(path)) return { value: undefined };
    try {
      return { value: ask(path) };
    } catch (error) {
      return { error };
    }
  }

  return {
    world: {
      ...world,
      realPath: asked(realPaths, (path) => world.realPath(path)),
      readLink: asked(links, (path) => world.readLink(path)),
    },
    end() {
      ended = true;
    },
  };
}

function setOf(names: Iterable<string> | undefined): ReadonlySet<string> | undefined {
  if (names === undefined) return undefined;
  const set = new Set<string>();
  for (const name of names) {
    if (set.size === MAX_NAMES) return undefined;
    set.add(name);
  }
  return set;
}

function namesIn(folder: string): Iterable<string> | undefined {
  try {
    return Deno.readDirSync(folder).map(({ name }) => name);
  } catch {
    return undefined; // Not there, no folder, not to be read: asking for the path says which.
  }
}
