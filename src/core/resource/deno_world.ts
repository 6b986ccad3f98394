/**
 * The {@linkcode World} as Deno sees it.
 *
 * @module
 */
import { existsSync, lstatSync } from "node:fs";
import { messageOf, systemFailure } from "../errors.ts";
import { CanonicalError, NotReadableError, type World } from "./world.ts";

/**
 * Folders in which bare command names are looked up when the process may not read `PATH`: the POSIX
 * default path, extended by the folders where administrators install.
 */
const DEFAULT_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Options of {@linkcode denoWorld}. */
export interface WorldOptions {
  /** Absolute folder that relative targets are relative to. @default none: they are refused */
  readonly base?: string;
  /** Folders for bare command names. @default `PATH` if the process may read it, else the standard ones */
  readonly searchPath?: readonly string[];
}

/**
 * Asks the file system through Deno, with the permissions that the process has.
 *
 * @param options The base of relative targets, and the search path of commands.
 * @returns A world that reads the file system anew at each question.
 */
export function denoWorld(options: WorldOptions = {}): World {
  return {
    base: options.base,
    // Relative and empty entries mean the working directory, which an agent may control.
    searchPath: (options.searchPath ?? environmentPath()).filter((dir) => dir.startsWith("/")),
    // Deno throws for what is not there, which takes ten times as long as the question.
    realPath: (path) => attempt(path, () => existsSync(path) ? Deno.realPathSync(path) : undefined),
    readLink(path) {
      const isLink = () => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      return attempt(path, () => isLink() ? Deno.readLinkSync(path) : undefined);
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
        const { isFile, isDirectory, mode } = Deno.statSync(path);
        if (!isFile) return isDirectory ? "directory" : "other";
        return ((mode ?? 0) & 0o111) === 0 ? "file" : "executable";
      } catch {
        return undefined; // Of what cannot be looked at, nothing is allowed.
      }
    },
  };
}

function attempt<T>(path: string, ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    const code = systemFailure(error)?.code;
    if (code === "NOT_FOUND" || code === "NOT_A_FOLDER") return undefined;
    const refused = `Cannot resolve "${path}"`;
    if (code === "NO_PERMISSION") {
      const message = `${refused}: this process may not look there (${messageOf(error)})`;
      throw new NotReadableError(message, { cause: error });
    }
    throw new CanonicalError(`${refused}: ${messageOf(error)}`, { cause: error });
  }
}

function environmentPath(): readonly string[] {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "PATH" });
  const path = state === "granted" ? Deno.env.get("PATH") : undefined;
  return (path ?? DEFAULT_SEARCH_PATH).split(":");
}
