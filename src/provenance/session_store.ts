/**
 * Where sessions are kept, so that what they have seen is not lost with the process.
 *
 * One file a session, of JSON lines: what it was opened with, then what it learned, in the order in which it did. A
 * line is written before the result that it comes from is answered. A file is locked by the process that has the
 * session open.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { openLocked, release } from "../core/record/lock.ts";
import { AuditLogBusyError } from "../core/record/audit_log_error.ts";
import { sha256 } from "../core/request.ts";
import type { Scope } from "./scope.ts";
import { SessionError } from "./session_error.ts";
import type { Lesson } from "./session_state.ts";

/** What a session was opened with, and whether it is over. */
export interface SessionHeader {
  /** Appears in its records. */
  readonly id: string;
  /** Whose requests it has. */
  readonly agent?: string | undefined;
  /** RFC 3339, UTC. */
  readonly openedAt: string;
  /** When it ends by itself; missing if it does not. */
  readonly expiresAt?: string | undefined;
  /** When it was closed; missing while it is open. */
  readonly closedAt?: string | undefined;
}

/** A line of the file of a session. */
export type SessionLine =
  | {
    readonly session: SessionHeader;
    /** How many lines the opening has, this one among them. @default 1 */
    readonly begins?: number;
  }
  | { readonly scope: Scope }
  | { readonly expires: string }
  | Lesson;

/** An open file of a session. */
export interface SessionFile {
  /** What it holds. */
  readonly lines: readonly SessionLine[];
  /** Adds lines with one write. @throws {Error} They could not be written. */
  append(...lines: readonly SessionLine[]): void;
  /** Replaces everything by one line. */
  replace(line: SessionLine): void;
  close(): void;
}

/** Where sessions are kept. */
export interface SessionStore {
  /** Opens the file of a session, and makes it if there is none. */
  open(id: string): SessionFile;
  /** All sessions that are kept. */
  headers(): SessionHeader[];
}

/** Keeps sessions in memory: they end with the kernel. */
export class MemorySessionStore implements SessionStore {
  readonly #files = new Map<string, SessionHeader>();

  open(id: string): SessionFile {
    const closed = this.#files.get(id);
    const keep = (...lines: readonly SessionLine[]) => {
      for (const line of lines) if ("session" in line) this.#files.set(id, line.session);
    };
    return {
      lines: closed === undefined ? [] : [{ session: closed }],
      append: keep,
      replace: keep,
      close: () => {},
    };
  }

  headers(): SessionHeader[] {
    return Array.from(this.#files.values());
  }
}

const MAX_HEADER = 64 * 1024;

/** Keeps sessions in a folder. */
export class FileSessionStore implements SessionStore {
  readonly #folder: string;

  /** @param folder Absolute. The folder above it has to exist. */
  constructor(folder: string) {
    this.#folder = folder;
    try {
      Deno.mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw unavailable(folder, error);
    }
  }

  open(id: string): SessionFile {
    const path = `${this.#folder}/${sha256(id).slice(0, 40)}.jsonl`;
    let file: Deno.FsFile;
    let text: string;
    try {
      file = openLocked(path, { create: true });
    } catch (error) {
      if (error instanceof AuditLogBusyError) {
        throw new SessionError(
          "SESSION_UNAVAILABLE",
          `Cannot open the session "${id}": another process has it open`,
          { cause: error },
        );
      }
      throw unavailable(id, error);
    }
    try {
      text = Deno.readTextFileSync(path);
      // The end of a line that a killed process began: its result was never answered.
      const end = text.lastIndexOf("\n") + 1;
      if (end < text.length) {
        file.truncateSync(new TextEncoder().encode(text.slice(0, end)).length);
        text = text.slice(0, end);
      }
      const lines = text.split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line) as SessionLine
      );
      return new LockedSessionFile(file, lines);
    } catch (error) {
      release(file);
      throw unavailable(id, error);
    }
  }

  headers(): SessionHeader[] {
    const headers: SessionHeader[] = [];
    for (const { name, isFile } of Deno.readDirSync(this.#folder)) {
      if (!isFile || !/^[0-9a-f]{40}\.jsonl$/.test(name)) continue;
      const header = headerOf(`${this.#folder}/${name}`);
      if (header !== undefined) headers.push(header);
    }
    return headers.sort((a, b) => a.openedAt < b.openedAt ? -1 : 1);
  }
}

/** The first line; `undefined` if it is not written yet. */
function headerOf(path: string): SessionHeader | undefined {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(MAX_HEADER);
  const count = file.readSync(bytes) ?? 0;
  const end = bytes.subarray(0, count).indexOf(10);
  if (end === -1) return undefined;
  const line = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  return (line as { readonly session?: SessionHeader }).session;
}

class LockedSessionFile implements SessionFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile, readonly lines: readonly SessionLine[]) {
    this.#file = file;
  }

  append(...lines: readonly SessionLine[]): void {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const bytes = new TextEncoder().encode(text);
    let written = 0;
    try {
      while (written < bytes.length) written += this.#file.writeSync(bytes.subarray(written));
    } catch (error) {
      // Half a line would make the next one unreadable.
      if (written > 0) this.#file.truncateSync(this.#file.statSync().size - written);
      throw error;
    }
  }

  replace(line: SessionLine): void {
    this.#file.truncateSync(0);
    this.append(line);
  }

  close(): void {
    release(this.#file);
  }
}

function unavailable(id: string, error: unknown): SessionError {
  const message = `Cannot open the session "${id}": ${messageOf(error)}`;
  return new SessionError("SESSION_UNAVAILABLE", message, { cause: error });
}
