import { resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";

/**
 * The absolute form of a path of the command line.
 *
 * @throws {Error} It is relative, and the current folder was deleted.
 */
export function absolutePath(path: string): string {
  try {
    return resolve(path);
  } catch (error) {
    throw new Error(
      `Cannot find "${path}": it is relative to the current folder, and ${
        messageOf(error)
      }; change to a folder that exists, or give absolute paths`,
      { cause: error },
    );
  }
}
