/**
 * Checkpoints: signed statements of how long the audit log was, and what it held, at some time.
 *
 * The format is that of C2SP `tlog-checkpoint`, with the head of the chain of hashes instead of the root
 * of a Merkle tree: three lines (name of the key, number of records, hash in base64), an empty line,
 * and lines of signatures that begin with an em dash.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { GENESIS } from "../core/record/record.ts";
import {
  generateKey,
  type NoteSigner,
  type NoteVerifier,
  openNote,
  parseSignerKey,
} from "./signed_note.ts";

/** What a checkpoint says. */
export interface Checkpoint {
  /** Whose log it is: the name of the key. */
  readonly origin: string;
  /** Number of records of the whole log. */
  readonly size: number;
  /** `hash` of the last of them; 64 zeros for an empty log. */
  readonly head: string;
}

/** What was found from a line of a file of checkpoints on. `line` counts from 1. */
export type ReadCheckpoint =
  | { readonly line: number; readonly found: "checkpoint"; readonly checkpoint: Checkpoint }
  | {
    readonly line: number;
    /** `torn`: its writing broke off. `foreign`: signed by other keys only. `damaged`: all else. */
    readonly found: "torn" | "foreign" | "damaged";
    /** Continues "the checkpoint …". */
    readonly reason: string;
  };

/** A file with a private key is refused. */
export class KeyError extends Error {
  /** The name of this class. */
  override name = "KeyError";
  /** Stable code of this class of errors. */
  readonly code = "KEY_REFUSED";
}

/** How signature lines begin. */
export const SIGNATURE_MARK = "— ";
/** Access by others than the owner, execution, set-id bits. */
const WIDER_THAN_0600 = 0o7777 & ~0o600;
/** Longer than any key, in bytes. */
const MAX_KEY_FILE = 4096;

/**
 * The text of a checkpoint, to be signed.
 *
 * @throws {RangeError} The size is no whole number, or the head no hash.
 */
export function formatCheckpoint({ origin, size, head }: Checkpoint): string {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`Cannot write a checkpoint of size ${size}, expected a number of records`);
  }
  if (!/^[0-9a-f]{64}$/.test(head) || (size === 0 && head !== GENESIS)) {
    throw new RangeError(
      `Cannot write a checkpoint of ${size} records with the head "${head}", expected their last hash`,
    );
  }
  return `${origin}\n${size}\n${Uint8Array.fromHex(head).toBase64()}\n`;
}

/**
 * Reads the text of a checkpoint. Further lines, which the standard permits, are ignored.
 *
 * @throws {SyntaxError} It is none.
 */
export function parseCheckpoint(noteText: string): Checkpoint {
  const [origin = "", digits = "", base64 = "", ...more] = noteText.split("\n");
  const size = /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : NaN;
  const head = headOf(base64);
  const problem = more.pop() !== "" || origin === "" || more.includes("")
    ? "it is not made of three lines"
    : !Number.isSafeInteger(size)
    ? `its size is "${digits}", expected a whole number`
    : head === undefined || (size === 0 && head !== GENESIS)
    ? `its hash is "${base64}", expected base64 of 32 bytes, zeros for an empty log`
    : undefined;
  if (problem !== undefined) throw new SyntaxError(`Cannot read the checkpoint: ${problem}`);
  return { origin, size, head: head as string };
}

/**
 * Reads a file of checkpoints, one after the other. One whose writing broke off (it is the last, or the
 * next writer put an empty line after it) is distinguished from one that was changed.
 */
export function* readCheckpoints(
  fileText: string,
  verifier: NoteVerifier,
): Generator<ReadCheckpoint> {
  const lines = fileText.split("\n");
  const unterminated = lines.at(-1) !== "";
  if (!unterminated) lines.pop();
  for (let at = 0; at < lines.length;) {
    if (lines[at] === "") {
      at++;
      continue;
    }
    const start = at;
    while (at < lines.length && lines[at] !== "") at++;
    const signatures = ++at;
    while (lines[at]?.startsWith(SIGNATURE_MARK)) at++;
    const torn = at <= signatures || lines[at] === "" || (unterminated && at === lines.length);
    yield {
      line: start + 1,
      ...(torn
        ? { found: "torn", reason: "is not complete" } as const
        : parseNote(`${lines.slice(start, at).join("\n")}\n`, verifier)),
    };
  }
}

/**
 * Reads the private key that signs checkpoints.
 *
 * @throws {KeyError} Others may read the file, it is a link, or holds no such key.
 */
export function loadSigner(path: string): NoteSigner {
  try {
    // Before opening, which would follow a link and wait on a pipe.
    const { isFile, isSymlink, dev, ino } = Deno.lstatSync(path);
    if (isSymlink) throw new Error("it is a symbolic link, expected the file itself");
    if (!isFile) throw new Error("it is no file");
    using file = Deno.openSync(path);
    const opened = file.statSync();
    if (opened.dev !== dev || opened.ino !== ino) throw new Error("it was replaced just now");
    const mode = (opened.mode ?? 0o777) & 0o7777;
    if ((mode & WIDER_THAN_0600) !== 0) {
      throw new Error(
        `its mode is ${
          mode.toString(8).padStart(4, "0")
        }, expected 0600 or less: chmod 600 "${path}", and a new key if others may have read it`,
      );
    }
    const buffer = new Uint8Array(MAX_KEY_FILE);
    const length = file.readSync(buffer) ?? 0;
    return parseSignerKey(new TextDecoder().decode(buffer.subarray(0, length)).replace(/\n$/, ""));
  } catch (error) {
    const hint = error instanceof Deno.errors.NotFound
      ? `; "agent-kernel keygen --out FILE" makes one`
      : "";
    const reason = messageOf(error) + hint;
    throw new KeyError(`Cannot load the signing key "${path}": ${reason}`, { cause: error });
  }
}

/**
 * Makes a pair of keys: the private one at the path, which only its owner may read, and
 * `<path>.pub`. Files that exist already stay as they are.
 *
 * @returns The verifier key.
 * @throws {RangeError} The name cannot be that of a key.
 * @throws {KeyError} A file exists already, or cannot be made.
 */
export function writeKeyPair(path: string, name: string): string {
  const { signerKey, verifierKey } = generateKey(name);
  create(path, 0o600, signerKey);
  try {
    create(`${path}.pub`, 0o644, verifierKey);
  } catch (error) {
    Deno.removeSync(path); // Made a moment ago, and of no use without the other.
    throw error;
  }
  return verifierKey;
}

function create(path: string, mode: number, key: string): void {
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode });
    try {
      const bytes = new TextEncoder().encode(`${key}\n`);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncSync();
    } catch (error) {
      // A part of a key is of no use, and would never be overwritten.
      Deno.removeSync(path);
      throw error;
    }
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "it is there already, and a key is never overwritten"
      : messageOf(error);
    throw new KeyError(`Cannot write the key "${path}": ${reason}`, { cause: error });
  }
}

type ParsedNote =
  | { readonly found: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly found: "foreign" | "damaged"; readonly reason: string };

function parseNote(note: string, verifier: NoteVerifier): ParsedNote {
  const opened = openNote(note, verifier);
  if (!opened.ok) {
    const found = opened.code === "UNKNOWN_KEY" ? "foreign" : "damaged";
    return { found, reason: opened.reason };
  }
  try {
    const checkpoint = parseCheckpoint(opened.text);
    if (checkpoint.origin === verifier.name) return { found: "checkpoint", checkpoint };
    const reason = `is one of "${checkpoint.origin}", expected "${verifier.name}"`;
    return { found: "damaged", reason };
  } catch (error) {
    return { found: "damaged", reason: `is signed, but is none: ${(error as Error).message}` };
  }
}

function headOf(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
    const same = bytes.length === 32 && bytes.toBase64() === base64;
    return same ? bytes.toHex() : undefined;
  } catch {
    return undefined;
  }
}
