/**
 * Restoring files, symbolic links and folders from the store of a reversible layer.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type ProviderContext, ProviderError, type ProviderRequest } from "../../src/worker/mod.ts";
import { assertExpected, type FilePreparation, preparationOf, putInPlace } from "./expectation.ts";
import { isAbsence, lstat } from "./file_info.ts";
import { makeParents } from "./folders.ts";
import { PathChangedError } from "./path_check.ts";
import { makePrivateFolder, type PrivateFolder } from "./staging.ts";

const CHUNK_BYTES = 1024 * 1024;

/** What the param `restore` says. */
interface Restored {
  /** Of the content; folders have none. */
  readonly sha256?: string;
  readonly mode: number;
  /** In milliseconds. */
  readonly mtime: number;
}

/** `fs.write {restore: …}` → `{bytes_written}`: a file with its mode and time, or a symbolic link. */
export function restoreWritten(
  request: ProviderRequest,
  context: ProviderContext,
): { bytes_written: number } | Promise<{ bytes_written: number }> {
  const { link } = (request.params["restore"] ?? {}) as { readonly link?: unknown };
  return link === undefined ? restoreFile(request, context) : restoreLink(request, context);
}

/**
 * `{link}`: the name of a link in the store, of which a second name is made. Deno lets no process with
 * scoped permissions make a link itself.
 */
function restoreLink(
  request: ProviderRequest,
  context: ProviderContext,
): { bytes_written: number } {
  const { target } = request;
  const { snapshots, expect } = permitted(request, context);
  const { link } = request.params["restore"] as { readonly link?: unknown };
  if (typeof link !== "string" || !/^link-[0-9a-f-]{36}$/.test(link)) throw malformed();
  const stored = `${snapshots}/links/${link}`;
  if (lstat(stored)?.isSymlink !== true) {
    throw new ProviderError("SNAPSHOT_MISSING", `There is no link "${link}" in the store`);
  }
  assertExpected(target, expect.target);
  makeParents(target);
  const folder = privateFolder(target);
  try {
    Deno.linkSync(stored, folder.slot);
    assertExpected(target, expect.target);
    putInPlace(folder.slot, target, expect.target);
  } catch (error) {
    throw isAbsence(error) ? new PathChangedError(target) : error;
  } finally {
    if (lstat(folder.slot) !== undefined) Deno.removeSync(folder.slot);
    folder.remove();
  }
  return { bytes_written: 0 };
}

/** `{sha256, mode, mtime}`: content, mode and time of a file. */
async function restoreFile(
  request: ProviderRequest,
  context: ProviderContext,
): Promise<{ bytes_written: number }> {
  const { target } = request;
  const { snapshots, expect } = permitted(request, context);
  const { sha256, mode, mtime } = restoredBy(request);
  if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) throw malformed();
  const now = lstat(target);
  if (now !== undefined && !now.isFile && !now.isSymlink) {
    throw new ProviderError("NOT_A_FILE", `Not a file, so no file is restored there: ${target}`);
  }
  // Checked here too, so that nothing large is copied in vain.
  assertExpected(target, expect.target);
  makeParents(target);
  const folder = privateFolder(target);
  try {
    const bytes = await copy(`${snapshots}/blobs/${sha256}`, folder.slot, {
      sha256,
      mtime,
      context,
    });
    // By name, but where nobody else can reach it.
    Deno.chmodSync(folder.slot, mode);
    assertExpected(target, expect.target);
    putInPlace(folder.slot, target, expect.target);
    return { bytes_written: bytes };
  } catch (error) {
    throw isAbsence(error) ? new PathChangedError(target) : error;
  } finally {
    if (lstat(folder.slot) !== undefined) Deno.removeSync(folder.slot);
    folder.remove();
  }
}

/** `fs.mkdir {restore: {mode, mtime}}` → `{created}`: an empty folder. */
export function restoreFolder(
  request: ProviderRequest,
  context: ProviderContext,
): { created: boolean } {
  const { target } = request;
  const { expect } = permitted(request, context);
  const { mode, mtime } = restoredBy(request);
  assertExpected(target, expect.target);
  makeParents(target);
  const folder = privateFolder(target);
  try {
    Deno.mkdirSync(folder.slot);
    Deno.chmodSync(folder.slot, mode);
    Deno.utimeSync(folder.slot, new Date(mtime), new Date(mtime));
    assertExpected(target, expect.target);
    Deno.renameSync(folder.slot, target);
  } catch (error) {
    throw isAbsence(error) ? new PathChangedError(target) : error;
  } finally {
    if (lstat(folder.slot) !== undefined) Deno.removeSync(folder.slot);
    folder.remove();
  }
  return { created: true };
}

/**
 * INVARIANT: only a rollback of the host's own layer restores. A request alone cannot, whatever it
 * contains: it could fetch old contents of files that the agent may no longer read.
 */
function permitted(request: ProviderRequest, { config }: ProviderContext): FilePreparation {
  const preparation = preparationOf(request, config);
  if (preparation?.restore === true) return preparation;
  throw new ProviderError("RESTORE_REFUSED", 'The param "restore" is for rollbacks only');
}

function restoredBy({ params }: ProviderRequest): Restored {
  const { sha256, mode, mtime } = (params["restore"] ?? {}) as Partial<Restored>;
  if (!Number.isInteger(mode) || !Number.isFinite(mtime)) throw malformed();
  return {
    mode: mode as number & 0o7777,
    mtime: mtime as number,
    ...(sha256 === undefined ? {} : { sha256 }),
  };
}

function malformed(): ProviderError {
  return new ProviderError(
    "INVALID_PARAMS",
    'The param "restore" has to be {sha256, mode, mtime} or {link}',
  );
}

function privateFolder(target: string): PrivateFolder {
  try {
    return makePrivateFolder(target);
  } catch (error) {
    throw isAbsence(error) ? new PathChangedError(target) : error;
  }
}

/** Copies a blob and verifies the copy: the name of a blob is the digest of its content. */
async function copy(
  from: string,
  to: string,
  { sha256, mtime, context }: { sha256: string; mtime: number; context: ProviderContext },
): Promise<number> {
  if (lstat(from)?.isFile !== true) {
    throw new ProviderError("SNAPSHOT_MISSING", `There is no snapshot ${sha256} in the store`);
  }
  using source = await Deno.open(from);
  using copied = await Deno.open(to, { write: true, createNew: true, mode: 0o600 });
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  let bytes = 0;
  for (let count; (count = await source.read(buffer)) !== null;) {
    context.signal.throwIfAborted();
    const chunk = buffer.subarray(0, count);
    hash.update(chunk);
    for (let done = 0; done < count;) done += copied.writeSync(chunk.subarray(done));
    bytes += count;
  }
  if (hash.digest("hex") !== sha256) {
    throw new ProviderError("SNAPSHOT_DAMAGED", `The snapshot ${sha256} has another content`);
  }
  copied.utimeSync(new Date(mtime), new Date(mtime));
  return bytes;
}
