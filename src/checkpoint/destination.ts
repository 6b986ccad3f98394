/**
 * Where checkpoints go, besides the file next to the log.
 *
 * @module
 */
import { isAbsolute, resolve } from "@std/path";
import type { PermissionSet } from "../core/isolation/permission_set.ts";
import { messageOf } from "../core/errors.ts";
import type { GuardedPath } from "../core/policy/guard.ts";
import type { Timer } from "../core/timer.ts";
import { appendNote } from "./note_file.ts";

/** A destination of checkpoints, and what it needs. */
export interface Destination {
  /** For messages; without arguments, path and query, which may hold secrets. */
  readonly name: string;
  /** What the process has to be permitted. */
  readonly permissions: Partial<PermissionSet>;
  /** What no action may change. */
  readonly guards: readonly GuardedPath[];
  /**
   * Sends a note. A program or a server has 30 seconds.
   *
   * @throws {Error} (as a rejection) Why it did not arrive.
   */
  send(note: string, timer: Timer): Promise<void>;
}

/** How long a program or a server may take, in milliseconds. */
const DEADLINE_MS = 30_000;

/** The kinds of destinations that have a scheme. */
const SCHEMES: ReadonlyMap<string, (text: string) => Destination> = new Map([
  ["command", programDestination],
  ["http", webDestination],
  ["https", webDestination],
]);

/**
 * Reads where checkpoints are to go.
 *
 * @param text The path of a file, `command:/path/to/program args…`, or an http(s) URL.
 * @throws {RangeError} It is none of these.
 */
export function parseDestination(text: string): Destination {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined && text !== "") return fileDestination(text);
  const parse = SCHEMES.get(scheme ?? "");
  if (parse !== undefined) return parse(text);
  throw new RangeError(
    `Cannot publish checkpoints to "${text}", expected the path of a file, "command:/path/to/program" or an http(s) URL`,
  );
}

function fileDestination(text: string): Destination {
  const path = absolute(text);
  return {
    name: text,
    permissions: { read: [path], write: [path] },
    guards: [guard(path)],
    send: (note) => Promise.try(appendNote, path, note),
  };
}

function absolute(path: string): string {
  if (isAbsolute(path)) return path;
  try {
    return resolve(path);
  } catch (error) {
    throw new RangeError(
      `Cannot publish checkpoints to "${path}": it is relative, and this process may not read its working folder; give an absolute path`,
      { cause: error },
    );
  }
}

function programDestination(text: string): Destination {
  const [program = "", ...args] = text.slice("command:".length).split(" ").filter(Boolean);
  if (!program.startsWith("/")) {
    throw new RangeError(
      `Cannot publish checkpoints with the program "${program}", expected an absolute path`,
    );
  }
  return {
    name: `command:${program}`,
    permissions: { run: [program] },
    guards: [guard(program)],
    async send(note, timer) {
      const child = new Deno.Command(program, {
        args,
        clearEnv: true,
        stdin: "piped",
        stdout: "null",
        stderr: "null",
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
      const fed = writer.write(new TextEncoder().encode(note)).then(() => writer.close())
        .catch(
          () => {/* A program may end without reading; its exit code says what that means. */},
        );
      const { success, code, signal } = await child.status;
      cancel();
      await fed;
      if (late) throw new Error(`it did not end within ${DEADLINE_MS / 1e3} seconds`);
      if (!success) throw new Error(`it ended with ${signal ?? `exit code ${code}`}`);
    },
  };
}

function webDestination(text: string): Destination {
  const url = URL.parse(text);
  if (url === null) {
    throw new RangeError(`Cannot publish checkpoints to "${text}", which is no URL`);
  }
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return {
    name: url.origin,
    permissions: { net: [`${url.hostname}:${port}`] },
    guards: [],
    async send(note, timer) {
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
        const reason = messageOf(cause).replaceAll(/( for url )?\(?https?:\/\/\S+/g, ":");
        throw new Error(reason, { cause: error });
      } finally {
        cancel();
      }
    },
  };
}

function guard(path: string): GuardedPath {
  return { path, what: "destination of checkpoints" };
}
