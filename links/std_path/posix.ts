import { posix } from "node:path";

/** Last portion of a path; `/` for the root. */
export function basename(path: string, suffix = ""): string {
  const name = posix.basename(path) || path.slice(0, 1);
  return name !== suffix && name.endsWith(suffix)
    ? name.slice(0, name.length - suffix.length)
    : name;
}
/** All but the last portion of a path. */
export const dirname = (path: string): string =>
  posix.dirname(path).replace(/(?<=[^/])\/+$|^\/+$/, (_slashes, at) => at === 0 ? "/" : "");
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
/**
 * The path of a `file:` URL; its host does not matter.
 *
 * @throws {TypeError} It is not such a URL.
 */
export function fromFileUrl(url: string | URL): string {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:") throw new TypeError(`Expected a "file:" URL, got "${protocol}"`);
  return decodeURIComponent(pathname.replace(/%(?![\da-f]{2})/gi, "%25"));
}
/**
 * The `file:` URL of an absolute path.
 *
 * @throws {TypeError} It is not absolute.
 */
export function toFileUrl(path: string): URL {
  if (!isAbsolute(path)) throw new TypeError(`Expected an absolute path, got "${path}"`);
  const url = new URL("file:///");
  url.pathname = path.replace(/[%\\\s]/g, encodeURIComponent);
  return url;
}
