/**
 * What can go wrong with a file, as codes and sentences.
 *
 * @module
 */
import { messageOf, systemFailure } from "../../src/core/errors.ts";
import { ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";

/** Nothing is at the path. */
export function notFound(path: string): ProviderError {
  return new ProviderError("NOT_FOUND", `File not found: ${path}`);
}

/** Something other than a file is at the path. */
export function notAFile(path: string, info: Deno.FileInfo): ProviderError {
  const what = info.isDirectory
    ? "a folder"
    : info.isSymlink
    ? "a symbolic link"
    : "a device, pipe or socket";
  return new ProviderError("NOT_A_FILE", `Not a file but ${what}: ${path}`);
}

/** Something other than a folder is where a folder is needed. */
export function notAFolder(path: string): ProviderError {
  return new ProviderError("NOT_A_FOLDER", `Not a folder: ${path}`);
}

/** The longest path that is shown whole, in characters. */
const MAX_SHOWN_PATH = 512;

/** What each action does, for messages. */
const VERBS: Readonly<Record<string, string>> = {
  "fs.read": "read",
  "fs.write": "write",
  "fs.delete": "delete",
  "fs.list": "list",
  "fs.stat": "look at",
  "fs.mkdir": "make the folder",
  "fs.move": "move",
};

/**
 * What an action failed with, as an error with a stable code and a sentence.
 *
 * @param error Anything that was thrown while the request was carried out.
 * @returns The error itself if it has a code of this provider, or is the abort of the call.
 */
export function failureOf(error: unknown, { action, target, params }: ProviderRequest): unknown {
  if (error instanceof ProviderError || error instanceof DOMException) return error;
  const { to } = params;
  const goal = action === "fs.move" && typeof to === "string" ? ` to "${shortened(to)}"` : "";
  const { code, reason } = systemFailure(error) ??
    { code: "PROVIDER_ERROR", reason: withoutErrno(messageOf(error)) };
  return new ProviderError(
    code,
    `Cannot ${VERBS[action] ?? action} "${shortened(target)}"${goal}: ${reason}`,
    { cause: error },
  );
}

/** A path for a message, in which the reason has to have room. */
function shortened(path: string): string {
  const half = MAX_SHOWN_PATH / 2;
  return path.length <= MAX_SHOWN_PATH ? path : `${path.slice(0, half)}…${path.slice(-half)}`;
}

/** Deno adds the number of a system error, and the call, to the system's own words. */
function withoutErrno(message: string): string {
  return message.replace(/ \(os error \d+\).*$/s, "");
}
