/**
 * `fs.read`, `fs.list`, `fs.stat`: the actions that change nothing.
 *
 * @module
 */
import type { ProviderContext, ProviderRequest } from "../../src/worker/mod.ts";
import { encodeBase64 } from "./base64.ts";
import { decodeText } from "./content.ts";
import { notAFolder } from "./failures.ts";
import { lstat } from "./file_info.ts";
import { existing, openInPlace } from "./open_file.ts";
import { countOf, encodingOf } from "./params.ts";
import { assertStable, isSame, now } from "./path_check.ts";

/** Most entries in the answer of `fs.list`. */
const MAX_ENTRIES = 10_000;

/**
 * `fs.read {encoding?, offset?, length?, max_bytes?}` → the content, as text (UTF-8) or base64.
 * What is longer than `max_bytes` (default and most: what a result may hold) is cut.
 */
export function read({ target, params }: ProviderRequest, context: ProviderContext): string {
  const encoding = encodingOf(params);
  const offset = countOf(params, "offset") ?? 0;
  const ceiling = encoding === "base64"
    ? Math.floor(context.maxOutputBytes / 4) * 3
    : context.maxOutputBytes;
  const bound = Math.min(countOf(params, "max_bytes") ?? ceiling, ceiling);
  const wanted = countOf(params, "length") ?? Infinity;

  using opened = openInPlace(target, context);
  const { file, size } = opened;
  const available = Math.max(size - offset, 0);
  const length = Math.min(available, wanted, bound);
  if (length < Math.min(available, wanted)) context.markTruncated();
  const bytes = file.read(offset, length);
  if (encoding === "base64") return encodeBase64(bytes);
  return decodeText(bytes, target, length < available || offset > 0);
}

/** `fs.list` → the entries of a folder, sorted by name: `{name, type}`. */
export function list({ target }: ProviderRequest, context: ProviderContext): unknown {
  const since = now();
  const info = existing(target);
  if (!info.isDirectory) throw notAFolder(target);
  const entries = entriesOf(target);
  // A folder cannot be listed by an open handle: what was listed has to be what is there.
  const listed = JSON.stringify(entries);
  assertStable(target, () => JSON.stringify(entriesOf(target)) === listed, { since });
  if (entries.length > MAX_ENTRIES) context.markTruncated();
  return entries.slice(0, MAX_ENTRIES);
}

function entriesOf(folder: string): { name: string; type: string }[] {
  return Array.from(
    Deno.readDirSync(folder),
    (entry) => ({ name: entry.name, type: typeOf(entry) }),
  )
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

function typeOf(entry: { isFile: boolean; isDirectory: boolean; isSymlink: boolean }): string {
  return entry.isFile
    ? "file"
    : entry.isDirectory
    ? "directory"
    : entry.isSymlink
    ? "symlink"
    : "other";
}

/** `fs.stat` → type, size in bytes, mode, times. */
export function stat({ target }: ProviderRequest): unknown {
  const since = now();
  const info = existing(target);
  assertStable(target, () => isSame(lstat(target), info), { since });
  return {
    type: typeOf(info),
    size: info.size,
    mode: info.mode === null ? null : (info.mode & 0o7777).toString(8).padStart(4, "0"),
    modified: info.mtime?.toISOString() ?? null,
    created: info.birthtime?.toISOString() ?? null,
  };
}
