/**
 * The places where checkpoints go.
 *
 * @module
 */
import type { Timer } from "../core/timer.ts";
import { SIGNATURE_MARK } from "./checkpoint.ts";

/** A place for checkpoints. */
export interface Place {
  /** For messages; without arguments, path and query, which may hold secrets. */
  readonly name: string;
  /** @throws {Error} (as a rejection) Why it did not arrive. */
  send(note: string): Promise<void>;
}

/** How long a program or a server may take, in milliseconds. */
const DEADLINE_MS = 30_000;
/** Holds several checkpoints, in bytes. */
const TAIL = 4096;

/** The kinds of places that have a scheme. */
const PLACES: ReadonlyMap<string, (text: string, timer: Timer) => Place> = new Map([
  ["command", commandPlace],
  ["http", webPlace],
  ["https", webPlace],
]);

/**
 * Reads where checkpoints are to go.
 *
 * @param text The path of a file, `command:/path/to/program args…`, or an http(s) URL.
 * @throws {RangeError} It is none of these.
 */
export function placeOf(text: string, timer: Timer): Place {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  const place = PLACES.get(scheme ?? "");
  if (place !== undefined) return place(text, timer);
  if (scheme === undefined && text !== "") {
    return { name: text, send: (note) => Promise.try(appendNote, text, note) };
  }
  throw new RangeError(
    `Cannot publish checkpoints to "${text}", expected the path of a file, "command:/path/to/program" or an http(s) URL`,
  );
}

function commandPlace(text: string, timer: Timer): Place {
  const [program = "", ...args] = text.slice("command:".length).split(" ").filter(Boolean);
  if (!program.startsWith("/")) {
    throw new RangeError(
      `Cannot publish checkpoints with the program "${program}", expected an absolute path`,
    );
  }
  return {
    name: `command:${program}`,
    async send(note) {
      const child = new Deno.Command(program, {
        ...{ args, clearEnv: true, stdin: "piped", stdout: "null", stderr: "null" },
      }).spawn();
      let late = false;
      const cancel = timer.schedule(() => {
        late = true;
        try {
          child.kill("SIGKILL");
        } catch {
          // It has just ended.
        }
      }, DEADLINE_MS);
      const writer = child.stdin.getWriter();
      // A program may end without reading; its exit code tells what it made of that.
      const fed = writer.write(new TextEncoder().encode(note)).then(() => writer.close())
        .catch(() => {});
      const { success, code, signal } = await child.status;
      cancel();
      await fed;
      if (late) throw new Error(`it did not end within ${DEADLINE_MS / 1e3} seconds`);
      if (!success) throw new Error(`it ended with ${signal ?? `exit code ${code}`}`);
    },
  };
}

function webPlace(text: string, timer: Timer): Place {
  const url = URL.parse(text);
  if (url === null) {
    throw new RangeError(`Cannot publish checkpoints to "${text}", which is no URL`);
  }
  return {
    name: url.origin,
    async send(note) {
      const abort = new AbortController();
      const late = new Error(`it did not answer within ${DEADLINE_MS / 1e3} seconds`);
      const cancel = timer.schedule(() => abort.abort(late), DEADLINE_MS);
      try {
        const response = await fetch(url, {
          method: "POST",
          headers: { "content-type": "text/plain; charset=utf-8" },
          body: note,
          redirect: "manual",
          signal: abort.signal,
        });
        await response.body?.cancel();
        if (!response.ok) throw new Error(`it answered ${response.status}`);
      } catch (error) {
        const cause = error instanceof Error ? error.cause ?? error : error;
        // The platform's messages quote the whole URL.
        throw new Error(messageOf(cause).replaceAll(/( for url )?\(?https?:\/\/\S+/g, ":"), {
          cause: error,
        });
      } finally {
        cancel();
      }
    },
  };
}

/**
 * Appends a note to a file and waits for the disk. One before it whose writing broke off gets an
 * empty line behind it; nothing is removed.
 */
export function appendNote(path: string, note: string): void {
  using file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  const tail = readNotesTail(file);
  const whole = tail.endsWith("\n") && tail.split("\n").at(-2)?.startsWith(SIGNATURE_MARK);
  const mark = tail === "" || whole ? "" : tail.endsWith("\n") ? "\n" : "\n\n";
  const bytes = new TextEncoder().encode(`${mark}${note}`);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  file.syncDataSync();
}

/** The end of an open file, long enough for the newest notes of it. */
export function readNotesTail(file: Deno.FsFile): string {
  const size = file.seekSync(0, Deno.SeekMode.End);
  file.seekSync(Math.max(0, size - TAIL), Deno.SeekMode.Start);
  const buffer = new Uint8Array(TAIL);
  const length = file.readSync(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, length));
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
