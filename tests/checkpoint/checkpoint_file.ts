/**
 * Keys, checkpoints and time for tests.
 *
 * @module
 */
import { type Checkpoint, formatCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import {
  generateKey,
  type NoteSigner,
  type NoteVerifier,
  parseSignerKey,
  parseVerifierKey,
  signNote,
} from "../../src/checkpoint/signed_note.ts";
import type { Timer } from "../../src/core/timer.ts";
import type { Workspace } from "../workspace.ts";

/** Name of the key of the tests. */
export const ORIGIN = "example.com/log";

/** Both halves of a key. */
export interface KeyPair {
  readonly signerKey: string;
  readonly verifierKey: string;
  readonly signer: NoteSigner;
  readonly verifier: NoteVerifier;
}

/** A key that is always the same for the same number. */
export function keyPair(number = 1, name: string = ORIGIN): KeyPair {
  const keys = generateKey(name, new Uint8Array(32).fill(number));
  return {
    ...keys,
    signer: parseSignerKey(keys.signerKey),
    verifier: parseVerifierKey(keys.verifierKey),
  };
}

/** A hash that is none of any record. */
export function madeUp(digit: string): string {
  return digit.repeat(64);
}

/** A signed checkpoint. */
export function checkpoint(
  size: number,
  head: string,
  { signer }: KeyPair = keyPair(),
  more: Partial<Checkpoint> = {},
): string {
  return signNote(formatCheckpoint({ origin: signer.name, size, head, ...more }), signer);
}

/** Writes the key of the tests. @returns The path of the private one. */
export function keyFile(ws: Workspace, { signerKey }: KeyPair = keyPair()): string {
  const path = ws.file("checkpoint.key", `${signerKey}\n`);
  Deno.chmodSync(path, 0o600);
  return path;
}

/** Time that passes when the test says so. */
export class ManualTimer implements Timer {
  #now = 0;
  #waiting: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  schedule(callback: () => void, ms: number): () => void {
    const entry = { at: this.#now + ms, callback };
    this.#waiting.push(entry);
    return () => this.#waiting = this.#waiting.filter((one) => one !== entry);
  }

  /** How many wait to be called back. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Lets so many milliseconds pass. */
  pass(ms: number): void {
    this.#now += ms;
    const due = this.#waiting.filter(({ at }) => at <= this.#now);
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}
