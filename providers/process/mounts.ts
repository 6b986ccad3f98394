/**
 * From what the policy says of files to the mounts of a sandbox.
 *
 * @module
 */
import {
  type DeniedEntry,
  type FileEntry,
  type FileView,
  type ProviderContext,
  ProviderError,
} from "../../src/worker/mod.ts";
import { CHANGING, READING } from "../../src/launch/file_view.ts";
import { kindOf, realPathOf, Walk } from "./file_system.ts";

/**
 * What is at a path of the sandbox: the same as outside, to be read (`ro`) or changed (`rw`) with all
 * that is in it; an empty folder (`folder`); or something that hides what is there.
 */
export type Mode = "ro" | "rw" | "folder" | "hidden file" | "hidden folder";

/** The file system of a sandbox. */
export interface Mounts {
  /** By absolute path. */
  readonly modes: ReadonlyMap<string, Mode>;
  /** Links to what is shown elsewhere: path to goal. */
  readonly links: ReadonlyMap<string, string>;
  /** For the operator. */
  readonly notes: readonly string[];
  /** What deny rules hide from the program, although the policy shows what is around it; sorted. */
  readonly hidden: readonly string[];
  /** What is mounted inside of what programs may change, sorted. */
  readonly inChangeable: readonly string[];
}

/** What mounts are planned with. */
export interface MountOptions {
  readonly files: FileView;
  readonly decide: ProviderContext["decide"];
  /** Folders and files that are there whatever the policy says. */
  readonly systemPaths: readonly string[];
  /** A folder that programs may change whatever the policy allows; what it denies stays denied. */
  readonly home: string | undefined;
  /** How many files are asked about at most. */
  readonly maxEntries: number;
  /** Ends the look at files. */
  readonly signal: AbortSignal;
}

/** The sandbox has these of its own. */
const OWN = ["/proc", "/dev", "/sys"];

/** More than these would not fit into the arguments of a program. */
const MAX_MOUNTS = 2_000;

/** Codes of decisions that say no whatever else allows. */
const DENIALS = ["DENY_RULE", "GUARDED", "RULE_ERRORED"];

/**
 * Plans the mounts.
 *
 * @throws {ProviderError} The policy cannot be expressed by mounts.
 */
export async function planMounts(options: MountOptions): Promise<Mounts> {
  const plan = new Plan(options);
  const { readable, writable, denied } = options.files;
  for (const path of options.systemPaths) plan.modes.set(path, "ro");
  if (options.home !== undefined) plan.allowHome(options.home);
  for (const entry of writable) plan.allow(entry, "rw", writable);
  for (const entry of readable) plan.allow(entry, "ro", readable);
  await plan.allowMatches(writable, "fs.write", "rw");
  await plan.allowMatches(readable, "fs.read", "ro");
  for (const entry of denied) if (entry.form !== "pattern") plan.deny(entry);
  for (const entry of denied) if (entry.form === "pattern") await plan.denyMatches(entry);
  plan.pinFoldersAbove();
  plan.finish();
  if (plan.modes.size > MAX_MOUNTS) {
    throw new ProviderError(
      "SANDBOX_TOO_LARGE",
      `Cannot make the sandbox: the policy comes to ${plan.modes.size} mounts, the most is ${MAX_MOUNTS}; name ` +
        `whole folders in it (D/**) instead of single files`,
    );
  }
  return plan;
}

class Plan implements Mounts {
  readonly modes = new Map<string, Mode>();
  readonly links = new Map<string, string>();
  readonly notes: string[] = [];
  hidden: readonly string[] = [];
  inChangeable: readonly string[] = [];
  readonly #options: MountOptions;
  readonly #walk: Walk;
  readonly #hidden = new Set<string>();

  constructor(options: MountOptions) {
    this.#options = options;
    this.#walk = new Walk(options.maxEntries, options.signal);
  }

  /** Shows what an allow rule names. What does not exist is not there. */
  allow({ path, form }: FileEntry, mode: "ro" | "rw", all: readonly FileEntry[]): void {
    if (form === "pattern") return;
    const real = realPathOf(path);
    if (real === undefined) return;
    if (real !== path) {
      // Where the policy's own spelling leads by a link; the rule holds for the real place too.
      if (all.some((entry) => entry.path === real && entry.form === form)) {
        this.links.set(path, real);
      } else {
        this.#hidden.add(path);
        this.notes.push(
          `programs do not see "${path}": a link leads from there to "${real}", where no rule allows it`,
        );
      }
      return;
    }
    const kind = kindOf(path);
    if (kind === "folder") this.#show(path, form === "folder" ? mode : "folder");
    else if (kind === "file" && form === "file") this.#show(path, mode);
  }

  /** Shows the home of programs. */
  allowHome(path: string): void {
    if (realPathOf(path) !== path || kindOf(path) !== "folder") {
      throw new ProviderError(
        "NOT_A_FOLDER",
        `Cannot use the home of programs "${path}": expected an existing folder, by its real path`,
      );
    }
    this.#show(path, "rw");
  }

  /** Shows what patterns match that no mount can express. */
  async allowMatches(
    entries: readonly FileEntry[],
    action: string,
    mode: "ro" | "rw",
  ): Promise<void> {
    for (const { path, form, depth = Infinity } of entries) {
      if (form !== "pattern" || realPathOf(path) !== path) continue;
      if (this.#suffices(this.#modeAbove(`${path}/x`), mode)) continue;
      await this.#walk.below(path, depth, async (found) => {
        if (found.kind !== "file" && found.kind !== "folder") return false;
        const { allowed, target } = await this.#options.decide({ action, target: found.path });
        if (allowed && target === found.path) {
          this.#show(found.path, found.kind === "file" ? mode : "folder");
        }
        return true;
      });
    }
  }

  /** Takes away what a deny rule names. */
  deny({ path, form, actions, guard }: DeniedEntry): void {
    // The kernel's own folder there (of control groups) is not in the sandbox.
    if (guard && OWN.some((own) => isAtOrBelow(path, own))) return;
    const hides = actions.some((action) => READING.includes(action));
    if (hides) this.#hide(path);
    if (guard) this.#lockFolderOf(path);
    else if (!hides) this.#lock(path, form === "folder");
  }

  /** Takes away what the pattern of a deny rule matches now. */
  async denyMatches({ path, actions, depth = Infinity }: DeniedEntry): Promise<void> {
    const asked = {
      hide: actions.find((action) => READING.includes(action)),
      lock: actions.find((action) => CHANGING.includes(action)),
    };
    const denies = async (action: string, target: string) => {
      const { code } = await this.#options.decide({ action, target, params: { to: target } });
      return DENIALS.includes(code);
    };
    const visit = async (found: string) => {
      if (asked.hide !== undefined && await denies(asked.hide, found)) {
        this.#hide(found);
        return false;
      }
      if (asked.lock !== undefined && await denies(asked.lock, found)) this.#lock(found, true);
      return true;
    };
    for (const shown of this.#ofPolicy()) {
      const inside = isAtOrBelow(path, shown);
      if (!inside && !isAtOrBelow(shown, path)) continue;
      if (!inside && !await visit(shown)) continue;
      const start = inside ? path : shown;
      const levels = depth - (depthOf(start) - depthOf(path));
      await this.#walk.below(start, levels, (found) => visit(found.path));
    }
  }

  /**
   * Makes each folder between a changeable one and a mount inside of it a mount too: otherwise it
   * could be moved, and what is denied by its path would be found by another.
   */
  pinFoldersAbove(): void {
    for (const path of [...this.modes.keys()]) {
      for (let at = parentOf(path); at !== "/"; at = parentOf(at)) {
        if (this.modes.has(at)) continue;
        if (this.#modeAbove(at) !== "rw") break;
        this.modes.set(at, "rw");
      }
    }
  }

  finish(): void {
    this.hidden = [...this.#hidden].sort();
    this.inChangeable = [...this.modes.keys()].filter((path) => this.#modeAbove(path) === "rw")
      .sort();
  }

  #show(path: string, mode: Mode): void {
    if (OWN.some((own) => isAtOrBelow(path, own))) return;
    const there = this.modes.get(path) ?? this.#modeAbove(path);
    if (this.#suffices(there, mode)) return;
    if (mode !== "folder") {
      for (const other of this.#atOrBelow(path)) {
        if (this.#suffices(mode, this.modes.get(other) as Mode)) this.modes.delete(other);
      }
    }
    this.modes.set(path, mode);
  }

  #hide(path: string): void {
    const { systemPaths } = this.#options;
    const system = systemPaths.find((one) => isAtOrBelow(path, one));
    if (system !== undefined && this.modes.has(system)) {
      throw new ProviderError(
        "SANDBOX_CONFLICT",
        `Cannot make the sandbox: the policy denies "${path}", but "${system}" is one of the provider's ` +
          `systemPaths; list narrower ones`,
      );
    }
    for (const other of this.#atOrBelow(path)) {
      if (systemPaths.includes(other)) continue;
      if (isContent(this.modes.get(other))) this.#hidden.add(path);
      this.modes.delete(other);
    }
    if (!isContent(this.#modeAbove(path))) return;
    const kind = kindOf(path);
    // A link shows nothing by itself: what it leads to is hidden where it is.
    if (kind === undefined || kind === "link") return;
    this.#hidden.add(path);
    this.modes.set(path, kind === "folder" ? "hidden folder" : "hidden file");
  }

  /** Lets nobody change what is at the path; a folder that is not `whole` is only kept in its place. */
  #lock(path: string, whole: boolean): void {
    const inside = this.#atOrBelow(path).filter((other) => this.modes.get(other) === "rw");
    const isChangeable = this.#modeAbove(path) === "rw";
    if (!isChangeable && inside.length === 0) return;
    const kind = kindOf(path);
    if (kind === "folder" && !whole) {
      if (isChangeable && !this.modes.has(path)) this.modes.set(path, "rw");
      return;
    }
    for (const other of inside) this.modes.set(other, "ro");
    if (!isChangeable || kind === undefined || kind === "link") return;
    if (!this.modes.has(path)) this.modes.set(path, "ro");
  }

  /** INVARIANT: in the folder of a kernel's file, no other file can be made that it would use too. */
  #lockFolderOf(path: string): void {
    for (const other of this.#atOrBelow(path)) {
      if (this.modes.get(other) === "rw") this.modes.set(other, "ro");
    }
    let folder = parentOf(path);
    const isChangeable = () => (this.modes.get(folder) ?? this.#modeAbove(folder)) === "rw";
    while (isChangeable() && kindOf(folder) === undefined) folder = parentOf(folder);
    if (!isChangeable()) return;
    this.#lock(folder, true);
    this.notes.push(
      `programs cannot change "${folder}": it holds a file of the kernel's own, "${path}"`,
    );
  }

  /** The mode of the nearest mount above the path. */
  #modeAbove(path: string): Mode | undefined {
    if (path === "/") return undefined;
    for (let at = parentOf(path);; at = parentOf(at)) {
      const mode = this.modes.get(at);
      if (mode !== undefined && mode !== "folder") return mode;
      if (at === "/") return undefined;
    }
  }

  #suffices(there: Mode | undefined, wanted: Mode): boolean {
    return there === "rw" || there === "ro" && wanted !== "rw" ||
      there === "folder" && wanted === "folder";
  }

  #atOrBelow(path: string): string[] {
    return [...this.modes.keys()].filter((other) => isAtOrBelow(other, path));
  }

  /** The files and folders that are there because of the policy. */
  #ofPolicy(): string[] {
    return [...this.modes].filter(([path, mode]) =>
      isContent(mode) && !(mode === "ro" && this.#options.systemPaths.includes(path))
    ).map(([path]) => path);
  }
}

/** Whether what is at a path outside is there inside, with all that is in it. */
export function isContent(mode: Mode | undefined): boolean {
  return mode === "ro" || mode === "rw";
}

/** Whether the path is the folder or in it. */
export function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || folder === "/" || path.startsWith(`${folder}/`);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function depthOf(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}
