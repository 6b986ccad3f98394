/**
 * An append-only file of events, each on a line with its own check sum. If the process is killed while it
 * writes, all lines before the cut are good.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { syncFolder } from "./blobs.ts";
import { lstat } from "./file_state.ts";
import { dirname } from "@std/path";

/** Events that only this process appends. */
export class Journal<Event> {
  readonly #path: string;
  #file: Deno.FsFile;
  #size: number;
  #failure: Error | undefined;

  private constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
    this.#size = file.statSync().size;
  }

  /**
   * Reads the events of a file, which need not exist. Lines that are not as they were written are
   * skipped: a last line that was cut, or what a disk has lost.
   *
   * @returns The events, and the number of skipped lines.
   */
  static read<Event>(path: string): { readonly events: Event[]; readonly damaged: number } {
    if (lstat(path) === undefined) return { events: [], damaged: 0 };
    const lines = Deno.readTextFileSync(path).split("\n");
    // After the last line break is nothing, or a line that was cut.
    const cut = lines.pop() === "" ? 0 : 1;
    const events = lines.flatMap((line) => {
      const json = line.slice(SUM_LENGTH + 1);
      return line === lineOf(json) ? [JSON.parse(json) as Event] : [];
    });
    return { events, damaged: lines.length - events.length + cut };
  }

  /** Replaces a file atomically, and keeps the new one open. */
  static write<Event>(path: string, events: readonly Event[]): Journal<Event> {
    const staged = `${path}.new`;
    if (lstat(staged) !== undefined) Deno.removeSync(staged);
    const file = Deno.openSync(staged, { append: true, createNew: true, mode: 0o600 });
    try {
      const journal = new Journal<Event>(path, file);
      if (events.length > 0) journal.append(...events);
      file.syncDataSync();
      Deno.renameSync(staged, path);
      return journal;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Bytes in the file. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends events: all of them or none.
   *
   * @throws {Error} They could not be written.
   */
  append(...events: readonly Event[]): void {
    if (this.#failure !== undefined) throw this.#failure;
    const lines = events.map((event) => `${lineOf(JSON.stringify(event))}\n`).join("");
    const bytes = new TextEncoder().encode(lines);
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
      this.#size += bytes.length;
    } catch (error) {
      this.#cutBack(error);
      throw error;
    }
  }

  /** Resolves when everything that was appended is on the disk. */
  async sync(): Promise<void> {
    await this.#file.syncData();
  }

  /** Resolves when the name of the file is on the disk. */
  async syncName(): Promise<void> {
    await syncFolder(dirname(this.#path));
  }

  close(): void {
    this.#file.close();
  }

  /** INVARIANT: nothing is appended to half a line. */
  #cutBack(cause: unknown): void {
    try {
      this.#file.truncateSync(this.#size);
    } catch {
      this.#failure = new Error(`Cannot write "${this.#path}": an earlier write failed`, { cause });
    }
  }
}

const SUM_LENGTH = 16;

function lineOf(json: string): string {
  return `${createHash("sha256").update(json).digest("hex").slice(0, SUM_LENGTH)} ${json}`;
}
