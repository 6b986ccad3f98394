/**
 * Contents in files that are named by their digest: each once, and each proves itself.
 *
 * @module
 */
import { createHash } from "node:crypto";

const CHUNK_BYTES = 1024 * 1024;
const NAME = /^[0-9a-f]{64}$/;

/** The contents of a store. */
export class Blobs {
  readonly folder: string;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;

  /** Takes over a folder that only this process writes. What a death left half done is removed. */
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
   * Copies a content to the disk. One that is there already is replaced: it may have been damaged or
   * removed since, and then the new copy is the only good one. Whoever reads the old one goes on.
   *
   * @param hold Called as soon as it is known what it is, with the bytes that it adds; throws if
   * there is no room for them. If the copy fails after that, it is for the caller to let it go.
   */
  async add(
    content: Uint8Array | Deno.FsFile,
    hold: (sha256: string, bytes: number) => void,
  ): Promise<string> {
    const staged = `${this.folder}/new-${crypto.randomUUID()}`;
    using file = await Deno.open(staged, { write: true, createNew: true, mode: 0o600 });
    try {
      let bytes = 0;
      const sha256 = await digestOf(content, (chunk) => {
        for (let done = 0; done < chunk.length;) done += file.writeSync(chunk.subarray(done));
        bytes += chunk.length;
      });
      hold(sha256, bytes - this.sizeOf(sha256));
      this.#count(sha256, bytes);
      await file.syncData();
      Deno.renameSync(staged, `${this.folder}/${sha256}`);
      await syncFolder(this.folder);
      return sha256;
    } catch (error) {
      remove(staged);
      throw error;
    }
  }

  /** Gives a content. @throws {Error} It is not there, or is not what was saved. */
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

/** Has the names in a folder survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  using file = await Deno.open(folder);
  await file.sync();
}

/** SHA-256 of a content, 64 hexadecimal digits; a file is read from where it stands to its end. */
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
