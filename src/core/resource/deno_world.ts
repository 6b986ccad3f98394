/**
 * The {@linkcode World} as Deno sees it.
 *
 * @module
 */
import { CanonicalError, NotReadableError, type World } from "./world.ts";

/**
 * Searched for bare command names when the process may not read `PATH`, or is told nothing else.
 * The POSIX default path, extended by the places where administrators install.
 */
export const DEFAULT_SEARCH_PATH: readonly string[] = [
  "/usr/local/sbin",
  "/usr/local/bin",
  "/usr/sbin",
  "/usr/bin",
  "/sbin",
  "/bin",
];

/** Options of {@linkcode denoWorld}. */
export interface WorldOptions {
  /** Absolute folder that relative targets are relative to. @default none: they are refused */
  readonly base?: string;
  /** Folders for bare command names. @default `PATH` if the process may read it, else the standard ones */
  readonly searchPath?: readonly string[];
}

/** Asks the file system through Deno, with the permissions that the process has. */
export function denoWorld(options: WorldOptions = {}): World {
  return {
    base: options.base,
    // Relative and empty entries mean "wherever the process stands": an attacker's favourite.
    searchPath: (options.searchPath ?? environmentPath()).filter((dir) => dir.startsWith("/")),
    realPath(path) {
      return attempt(path, () => Deno.realPathSync(path));
    },
    readLink(path) {
      return attempt(path, () => {
        if (!Deno.lstatSync(path).isSymlink) return undefined;
        return Deno.readLinkSync(path);
      });
    },
    list(folder) {
      try {
        return Array.from(Deno.readDirSync(folder), (entry) => entry.name).sort();
      } catch {
        return []; // Used to expand patterns only: what cannot be listed matches nothing.
      }
    },
    typeOf(path) {
      try {
        const info = Deno.statSync(path);
        if (!info.isFile) return info.isDirectory ? "directory" : "other";
        return ((info.mode ?? 0) & 0o111) === 0 ? "file" : "executable";
      } catch {
        return undefined;
      }
    },
  };
}

function attempt<T>(path: string, ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof Deno.errors.NotCapable) {
      throw new NotReadableError(
        `Cannot resolve "${path}": this process may not look there (${error.message})`,
        { cause: error },
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CanonicalError(`Cannot resolve "${path}": ${reason}`, { cause: error });
  }
}

function environmentPath(): readonly string[] {
  const state = Deno.permissions.querySync({ name: "env", variable: "PATH" }).state;
  const path = state === "granted" ? Deno.env.get("PATH") : undefined;
  return path === undefined ? DEFAULT_SEARCH_PATH : path.split(":");
}
