/**
 * What a write would change, for whoever is asked about it.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { CanonicalRequest } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";

/** A change that was shown. */
export interface ShownChange {
  /** A unified diff, or why there is none. */
  readonly text: string;
  /** Whether the file is not as it was when that was made, or cannot be looked at any more. */
  readonly hasChanged: () => boolean;
}

/** Longer files are not read: their size and time stand for them. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The change that `fs.write` would make.
 *
 * @returns `undefined` for other actions.
 */
export async function shownChange(
  { action, target, params }: CanonicalRequest,
): Promise<ShownChange | undefined> {
  const { content, encoding } = params;
  if (action !== "fs.write" || typeof content !== "string") return undefined;
  const before = stateOf(target);
  const hasChanged = () => before === undefined || stateOf(target) !== before;
  if (before === undefined) {
    // Nothing was shown that could change; what is written stands in the params.
    return { text: "what is there now cannot be read by the kernel", hasChanged: () => false };
  }
  try {
    const { describeChange, NOTHING } = await import("../file_change.ts");
    const old = before === "none" ? undefined : Deno.readFileSync(target);
    const now = encoding === "base64"
      ? Uint8Array.fromBase64(content)
      : new TextEncoder().encode(content);
    const text = await describeChange(target, {
      from: old === undefined ? NOTHING : contentOf(old),
      to: contentOf(now),
    });
    return { text, hasChanged };
  } catch (error) {
    return { text: `the change cannot be shown: ${messageOf(error)}`, hasChanged };
  }
}

function contentOf(bytes: Uint8Array): { size: number; bytes: () => Promise<Uint8Array> } {
  return { size: bytes.length, bytes: () => Promise.resolve(bytes) };
}

/** What tells one content from another; `undefined` if it cannot be looked at. */
function stateOf(path: string): string | undefined {
  try {
    const { size, mtime, ino, isFile } = Deno.statSync(path);
    if (!isFile || size > MAX_BYTES) return `${isFile} ${size} ${mtime?.getTime()} ${ino}`;
    return hash("sha256", Deno.readFileSync(path));
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "none" : undefined;
  }
}
