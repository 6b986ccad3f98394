/**
 * Content-addressed storage: each content is kept once, in a file that is named by its SHA-256 digest.
 *
 * @module
 */
import { createHash } from "node:crypto";

const CHUNK_BYTES = 1024 * 1024;
const NAME = /^[0-9a-f]{64}$/;

/** Something that was put into the store. */
export interface Kept {
  readonly name: string;
  /** Resolves when it is on the disk. Nothing may be done that relies on it before that. */
  readonly onDisk: Promise<unknown>;
}

/** Of a failure nobody may have to know: if the capture fails for another reason, nobody waits for it. */
export function kept(name: string, onDisk: Promise<unknown>): Kept {
  onDisk.catch(() => {/* Whoever relies on it waits for the same promise. */});
  return { name, onDisk };
}

/** The contents of a store. */
export class Blobs {
  readonly folder: string;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /**
   * Takes over a folder that only this process writes. Copies that a killed process left unfinished are
   * removed.
   *
   * @param folder Absolute path of the folder, which has to exist.
   */
  constructor(folder: string) {
    this.folder = folder;
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      if (isFile && NAME.test(name)) this.#count(name, Deno.lstatSync(path).size);
      else Deno.removeSync(path, { recursive: true });
    }
  }

  /** Bytes of all contents. */
  get bytes(): number {
    return this.#bytes;
  }

  get names(): readonly string[] {
    return Array.from(this.#sizes.keys());
  }

  sizeOf(sha256: string): number {
    return this.#sizes.get(sha256) ?? 0;
  }

  /**
   * Copies a content to the store. An older copy of the same content is replaced: it may have been
   * damaged since, and then the new copy is the only good one. A reader of the old copy is not disturbed.
   *
   * @param content Bytes, or a file that is read from its position to its end.
   * @param hold Called with the digest and the bytes that the content adds, before it gets its name;
   * throws if there is no room. If the copy fails later, the caller releases what it held.
   * @returns The digest, and when the content is on the disk.
   */
  async add(
    content: Uint8Array | Deno.FsFile,
    hold: (sha256: string, bytes: number) => void,
  ): Promise<Kept> {
    const staged = `${this.folder}/new-${crypto.randomUUID()}`;
    const file = await Deno.open(staged, { write: true, createNew: true, mode: 0o600 });
    try {
      let bytes = 0;
      const sha256 = await digestOf(content, (chunk) => {
        for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
        bytes += chunk.length;
      });
      const isNew = !this.#sizes.has(sha256);
      hold(sha256, bytes - this.sizeOf(sha256));
      this.#count(sha256, bytes);
      // Another action may have the copy that is replaced now.
      if (!isNew) await file.syncData();
      Deno.renameSync(staged, `${this.folder}/${sha256}`);
      const syncs = [syncFolder(this.folder), ...isNew ? [file.syncData()] : []];
      return kept(sha256, allEnded(syncs).finally(() => file.close()));
    } catch (error) {
      file.close();
      remove(staged);
      throw error;
    }
  }

  /**
   * Reads a content.
   *
   * @throws {Error} It is missing, or is not what was saved.
   */
  async read(sha256: string): Promise<Uint8Array> {
    const bytes = await Deno.readFile(`${this.folder}/${sha256}`);
    if (await digestOf(bytes) === sha256) return bytes;
    throw new Error(`Cannot read the snapshot ${sha256}: it has another content`);
  }

  delete(sha256: string): void {
    this.#bytes -= this.sizeOf(sha256);
    if (this.#sizes.delete(sha256)) remove(`${this.folder}/${sha256}`);
  }

  #count(sha256: string, bytes: number): void {
    this.#bytes += bytes - this.sizeOf(sha256);
    this.#sizes.set(sha256, bytes);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Waits until all have ended, also if one fails. @throws What the first that failed has thrown. */
export async function allEnded(all: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(all);
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}

/** Writes the names in a folder to the disk, so that they survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  using file = await Deno.open(folder);
  await file.sync();
}

/**
 * SHA-256 of a content.
 *
 * @param content Bytes, or a file that is read from its position to its end.
 * @param each Called with each piece that was read.
 * @returns 64 hexadecimal digits.
 */
export async function digestOf(
  content: Uint8Array | Deno.FsFile,
  each: (chunk: Uint8Array) => void = () => {},
): Promise<string> {
  const hash = createHash("sha256");
  const take = (chunk: Uint8Array) => {
    hash.update(chunk);
    each(chunk);
  };
  if (content instanceof Uint8Array) take(content);
  else {
    const buffer = new Uint8Array(
      Math.min(CHUNK_BYTES, Math.max(4096, content.statSync().size + 1)),
    );
    for (let count; (count = await content.read(buffer)) !== null;) take(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
