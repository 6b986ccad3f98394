import { posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Last portion of a path. */
export const basename = (path: string, suffix?: string): string => posix.basename(path, suffix);
/** All but the last portion of a path. */
export const dirname = (path: string): string => posix.dirname(path);
/** Whether the path is absolute. */
export const isAbsolute = (path: string): boolean => posix.isAbsolute(path);
/** Joins and normalises. */
export const join = (...paths: string[]): string => posix.join(...paths);
/** Resolves `.` and `..` lexically. */
export const normalize = (path: string): string => posix.normalize(path);
/** The way from one path to another. */
export const relative = (from: string, to: string): string => posix.relative(from, to);
/** The absolute path of a sequence of segments. */
export const resolve = (...paths: string[]): string => posix.resolve(...paths);
/** The path of a `file:` URL. */
export const fromFileUrl = (url: string | URL): string => fileURLToPath(url);
/** The `file:` URL of an absolute path. */
export const toFileUrl = (path: string): URL => pathToFileURL(path);
