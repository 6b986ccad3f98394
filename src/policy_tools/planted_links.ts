/**
 * Which links the patterns of allow rules may go through: those that nobody could have planted whom the
 * policy lets change files.
 *
 * @module
 */
import { dirname } from "@std/path";
import { isInside } from "../core/isolation/permission_set.ts";
import { PATH } from "../core/resource/path.ts";
import type { Pattern } from "../core/resource/pattern.ts";
import { CanonicalError, NotReadableError, type World } from "../core/resource/world.ts";

/** A link in the literal part of a pattern that is not followed. */
export interface PlantedLink {
  /** The literal part of the pattern. */
  readonly path: string;
  /** The link; `path` itself if this process may not see which of the names is one. */
  readonly link: string;
  /** Where it points to. */
  readonly goal: string;
  /** Why it is not followed, a clause. */
  readonly why: string;
}

/** Whether a link at a path would be followed. */
interface Trust {
  /** The path, and the same by the real path of its folder. */
  readonly places: readonly string[];
  /** Where a checkout above it was looked for. */
  readonly markers: readonly string[];
  /** Why it would not be followed. */
  readonly why?: string;
}

/** What a checkout has in its topmost folder, by the tools that make checkouts; all of them store links. */
// deno-fmt-ignore -- a list
const MARKERS = [".git", ".hg", ".svn", ".jj", ".sl", ".bzr", ".fslckout", "_FOSSIL_", "CVS"];

/** Decides which links are followed while one policy is loaded. */
export class LinkReview {
  readonly #world: World;
  readonly #folders: readonly string[];
  readonly #planted = new Map<string, PlantedLink>();
  readonly #markers = new Set<string>();
  /** What the machine said: each question is asked once, and what appears later is not seen. */
  readonly #links = new Map<string, string | undefined | typeof HIDDEN>();
  readonly #answers = new Map<string, string | undefined | CanonicalError>();
  #changeable: readonly Pattern[] = [];

  /**
   * @param world The machine.
   * @param folders May be changed whatever the policy allows, like the home of programs.
   */
  constructor(world: World, folders: readonly string[]) {
    this.#world = world;
    this.#folders = folders;
  }

  /** The links that were not followed. */
  get planted(): readonly PlantedLink[] {
    return Array.from(this.#planted.values());
  }

  /**
   * Where a checkout was looked for above the links that were followed. A process with fewer
   * permissions follows the same links only if it may look there too.
   */
  get markers(): readonly string[] {
    return Array.from(this.#markers);
  }

  /**
   * The machine on which a path has no real path if a link on its way may be planted.
   *
   * @param changeable What the policy allows to change.
   */
  worldFor(changeable: readonly Pattern[]): World {
    const before = this.#changeable.map(({ reach }) => reach);
    this.#changeable = changeable;
    if (before.join("\0") !== changeable.map(({ reach }) => reach).join("\0")) {
      this.#answers.clear();
      this.#planted.clear();
      this.#markers.clear();
    }
    const realPath = (path: string) => {
      if (!this.#answers.has(path)) this.#answers.set(path, this.#follow(path));
      const answer = this.#answers.get(path);
      if (answer instanceof CanonicalError) throw answer;
      return answer;
    };
    const readLink = (path: string) => {
      const goal = this.#readLink(path);
      if (goal !== HIDDEN && (goal === undefined || this.#trustIn(path).why === undefined)) {
        return goal;
      }
      throw new CanonicalError(`The link "${path}" is not followed`);
    };
    return { ...this.#world, realPath, readLink };
  }

  #follow(path: string): string | undefined | CanonicalError {
    try {
      const real = this.#world.realPath(path);
      const planted = this.#plantedOn(path, real);
      if (planted === undefined) return real;
      this.#planted.set(path, { path, ...planted });
      return new CanonicalError(`The link "${planted.link}" is not followed: ${planted.why}`);
    } catch (error) {
      if (error instanceof CanonicalError) return error;
      throw error;
    }
  }

  #readLink(path: string): string | undefined | typeof HIDDEN {
    if (!this.#links.has(path)) {
      this.#links.set(path, unlessHidden(() => this.#world.readLink(path)));
    }
    return this.#links.get(path);
  }

  /** A link on the way that may be planted, or that may not be seen. */
  #plantedOn(path: string, real: string | undefined): Omit<PlantedLink, "path"> | undefined {
    if (real === path) return undefined;
    // What follows the last name at which a link is trusted.
    let rest = path;
    const looked: string[] = [];
    for (const at of prefixesOf(path)) {
      const goal = this.#readLink(at);
      if (goal === undefined) continue;
      const { places, markers, why } = this.#trustIn(at);
      if (goal === HIDDEN && why !== undefined) continue;
      rest = path.slice(at.length);
      if (goal !== HIDDEN) {
        if (why !== undefined) return { link: at, goal, why };
        const next = goalPath(goal, dirname(places.at(-1) ?? at));
        if (next === undefined) return { link: at, goal, why: 'its goal climbs by ".."' };
        const found = unlessHidden(() => this.#world.realPath(next));
        const planted = this.#plantedOn(
          next,
          found === HIDDEN ? real?.slice(0, -rest.length) : found,
        );
        if (planted !== undefined) return planted;
      }
      looked.push(...markers);
    }
    // INVARIANT: the names that could not be seen are taken for no links only if the trusted links
    // explain the real path. (Some file systems spell the same name in several ways.)
    if (real === undefined || folded(real).endsWith(folded(rest))) {
      for (const marker of looked) this.#markers.add(marker);
      return undefined;
    }
    return { link: path, goal: real, why: "this process may not look at the folders above it" };
  }

  #trustIn(at: string): Trust {
    const folder = unlessHidden(() => this.#world.realPath(dirname(at)));
    const name = at.slice(at.lastIndexOf("/"));
    const real = typeof folder === "string" ? `${folder === "/" ? "" : folder}${name}` : at;
    const places = Array.from(new Set([at, real]));
    const found =
      this.#changeable.find(({ reach, exact }) =>
        places.some((place) => exact && place === reach || isInside(place, reach))
      )?.reach ?? this.#folders.find((one) => places.some((place) => isInside(place, one)));
    if (found !== undefined) {
      return { places, markers: [], why: `the policy lets "${found}" be changed` };
    }
    const markers = Array.from(new Set(places.flatMap(foldersAbove)))
      .flatMap((folder) => MARKERS.map((name) => join(folder, name)));
    const why = markers.map((one) => this.#checkoutAt(one)).find((one) => one !== undefined);
    return why === undefined ? { places, markers } : { places, markers, why };
  }

  #checkoutAt(marker: string): string | undefined {
    try {
      // A link is one wherever it leads: its goal may come later.
      const isThere = (this.#world.readLink(marker) ?? this.#world.realPath(marker)) !== undefined;
      if (!isThere) return undefined;
      return `it is in the checkout "${dirname(marker)}"`;
    } catch (error) {
      if (!(error instanceof CanonicalError)) throw error;
      return `this process may not see whether "${dirname(marker)}" is a checkout`;
    }
  }
}

/** Stands for what this process may not look at. */
const HIDDEN = Symbol("hidden");

function unlessHidden<T>(look: () => T): T | typeof HIDDEN {
  try {
    return look();
  } catch (error) {
    if (error instanceof NotReadableError) return HIDDEN;
    throw error;
  }
}

/** The path and all folders above it, from the top, without `/`. */
function prefixesOf(path: string): string[] {
  const names = PATH.segments(path);
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

function foldersAbove(path: string): string[] {
  return ["/", ...prefixesOf(path).slice(0, -1)];
}

function join(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** The path that a link in a real folder names; `undefined` if it climbs out of what may be a link. */
function goalPath(goal: string, folder: string): string | undefined {
  const names = goal.split("/").filter((name) => name !== "" && name !== ".");
  const down = names.findIndex((name) => name !== "..");
  if (down !== -1 && names.lastIndexOf("..") > down) return undefined;
  let at = goal.startsWith("/") ? "/" : folder;
  for (const name of names) at = name === ".." ? dirname(at) : join(at, name);
  return at;
}

function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
