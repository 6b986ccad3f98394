/**
 * Signed notes with Ed25519, in the form of C2SP `signed-note` and of Go's
 * `golang.org/x/mod/sumdb/note`.
 *
 * @module
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";

/** A key that can sign notes. */
export interface NoteSigner {
  /** Name of the key. */
  readonly name: string;
  /** The first four bytes of a hash over name and public key, in hex. */
  readonly keyId: string;
  /** The public half, as {@linkcode parseVerifierKey} reads it. */
  readonly verifierKey: string;
  /** The private key. */
  readonly key: KeyObject;
}

/** A key that can tell whose notes are whose. */
export interface NoteVerifier {
  /** Name of the key. */
  readonly name: string;
  /** The first four bytes of a hash over name and public key, in hex. */
  readonly keyId: string;
  /** The public key. */
  readonly key: KeyObject;
}

/** What a note turned out to be. */
export type OpenedNote =
  | { readonly ok: true; readonly text: string }
  | {
    readonly ok: false;
    readonly code: "MALFORMED" | "UNKNOWN_KEY" | "BAD_SIGNATURE";
    /** Goes on after "the note …". */
    readonly reason: string;
  };

/** Type byte of Ed25519 in keys and key ids. */
const ED25519 = 1;
const PRIVATE = "PRIVATE+KEY+";
/** DER around a raw Ed25519 seed (PKCS #8) and a raw public key (SPKI): RFC 8410. */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const SPKI = Uint8Array.fromHex("302a300506032b6570032100");
/** As in Go; the standard asks for at least 16. */
const MAX_SIGNATURES = 100;
const SIGNATURE_LINE = /^— (\S+) (\S+)$/;

/**
 * Makes a pair of keys.
 *
 * @param seed 32 random bytes. @default from the system
 * @returns Both keys as text. The signer key is a secret.
 * @throws {RangeError} The name cannot be that of a key, or the seed has another length.
 */
export function generateKey(
  name: string,
  seed: Uint8Array = new Uint8Array(randomBytes(32)),
): { signerKey: string; verifierKey: string } {
  if (!isKeyName(name)) {
    throw new RangeError(
      `Cannot make a key named "${name}": expected printable text without spaces and +`,
    );
  }
  if (seed.length !== 32) {
    throw new RangeError(`Cannot make a key of ${seed.length} random bytes, expected 32`);
  }
  const publicKey = rawPublicKey(privateKey(seed));
  const id = keyId(name, publicKey);
  return {
    signerKey: `${PRIVATE}${name}+${id}+${typed(seed).toBase64()}`,
    verifierKey: `${name}+${id}+${typed(publicKey).toBase64()}`,
  };
}

/**
 * Reads `PRIVATE+KEY+<name>+<key id>+<base64>`.
 *
 * @throws {SyntaxError} It is not of this form; the message holds nothing of the key's secret.
 */
export function parseSignerKey(text: string): NoteSigner {
  if (!text.startsWith(PRIVATE)) {
    throw new SyntaxError(`Cannot read the signer key: it does not start with ${PRIVATE}`);
  }
  const { name, id, bytes } = parseKey(text.slice(PRIVATE.length), "signer");
  const key = privateKey(bytes);
  const publicKey = rawPublicKey(key);
  checkKeyId("signer", id, keyId(name, publicKey));
  return { name, keyId: id, key, verifierKey: `${name}+${id}+${typed(publicKey).toBase64()}` };
}

/**
 * Reads `<name>+<key id>+<base64>`.
 *
 * @throws {SyntaxError} It is not of this form.
 */
export function parseVerifierKey(text: string): NoteVerifier {
  if (text.startsWith(PRIVATE)) {
    throw new SyntaxError("Cannot read the verifier key: it is a signer key, which is a secret");
  }
  const { name, id, bytes } = parseKey(text, "verifier");
  checkKeyId("verifier", id, keyId(name, bytes));
  return { name, keyId: id, key: publicKey(bytes) };
}

/**
 * Signs a text.
 *
 * @param text Ends with a line feed and has no other control characters.
 * @returns The text, an empty line, a signature line.
 * @throws {RangeError} The text cannot be that of a note.
 */
export function signNote(text: string, { name, keyId, key }: NoteSigner): string {
  if (!isNoteText(text)) {
    throw new RangeError(
      "Cannot sign the note: expected lines that end with a line feed, without control characters",
    );
  }
  const signature = new Uint8Array(sign(null, new TextEncoder().encode(text), key));
  const blob = new Uint8Array([...Uint8Array.fromHex(keyId), ...signature]);
  return `${text}\n— ${name} ${blob.toBase64()}\n`;
}

/**
 * Takes a note apart. Its text is given out only if the key has signed it. As the standard asks,
 * signatures of other keys do not count, and a wrong one of this key spoils the note.
 */
export function openNote(note: string, { name, keyId, key }: NoteVerifier): OpenedNote {
  const split = note.lastIndexOf("\n\n");
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2).split("\n");
  if (split === -1 || lines.pop() !== "" || !isNoteText(text)) {
    return malformed("is not a text, an empty line and signatures");
  }
  if (lines.length === 0) return malformed("has no signature");
  if (lines.length > MAX_SIGNATURES) return malformed(`has more than ${MAX_SIGNATURES} signatures`);
  const others: string[] = [];
  let signed = false;
  for (const line of lines) {
    const [, signer = "", base64 = ""] = SIGNATURE_LINE.exec(line) ?? [];
    const blob = bytesOf(base64);
    if (!isKeyName(signer) || blob === undefined || blob.length < 5) {
      return malformed("has a signature line that is none");
    }
    const id = blob.subarray(0, 4).toHex();
    if (signer !== name || id !== keyId) others.push(`${signer}+${id}`);
    else if (verify(null, new TextEncoder().encode(text), key, blob.subarray(4))) signed = true;
    else {
      return {
        ok: false,
        code: "BAD_SIGNATURE",
        reason: `was changed: the signature of ${name}+${keyId} does not fit its text`,
      };
    }
  }
  if (signed) return { ok: true, text };
  return {
    ok: false,
    code: "UNKNOWN_KEY",
    reason: `is signed by ${others.join(", ")}, expected ${name}+${keyId}`,
  };
}

function malformed(reason: string): OpenedNote {
  return { ok: false, code: "MALFORMED", reason };
}

/** Whether a key may be named so: the standard's rule, and printable. */
function isKeyName(name: string): boolean {
  return /^[^\s+\p{Z}\p{C}]+$/u.test(name);
}

function isNoteText(text: string): boolean {
  // deno-lint-ignore no-control-regex -- the standard names these characters
  return text.endsWith("\n") && text.isWellFormed() && !/[\0-\x09\x0b-\x1f]/.test(text);
}

function parseKey(text: string, kind: string): { name: string; id: string; bytes: Uint8Array } {
  const [, name = "", id = "", base64 = ""] = /^([^+]*)\+([^+]*)\+(.*)$/s.exec(text) ?? [];
  const bytes = bytesOf(base64);
  const problem = !isKeyName(name)
    ? "it has no name that is printable and without spaces"
    : !/^[0-9a-f]{8}$/.test(id)
    ? "its key id is not of 8 lower-case hex digits"
    : bytes === undefined
    ? "its last part is not base64"
    : bytes[0] !== ED25519
    ? `it is of type ${bytes[0]}, expected ${ED25519} (Ed25519)`
    : bytes.length !== 33
    ? `it has ${bytes.length - 1} bytes, expected 32`
    : undefined;
  if (problem !== undefined) throw new SyntaxError(`Cannot read the ${kind} key: ${problem}`);
  return { name, id, bytes: (bytes as Uint8Array).subarray(1) };
}

function checkKeyId(kind: string, id: string, expected: string): void {
  if (id === expected) return;
  throw new SyntaxError(
    `Cannot read the ${kind} key: its key id is ${id}, expected ${expected}; it was changed or copied in part`,
  );
}

/** Strict: one text for the same bytes. */
function bytesOf(base64: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
    return bytes.toBase64() === base64 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function keyId(name: string, publicKey: Uint8Array): string {
  const hash = createHash("sha256").update(`${name}\n`).update(typed(publicKey)).digest("hex");
  return hash.slice(0, 8);
}

function typed(key: Uint8Array): Uint8Array {
  return new Uint8Array([ED25519, ...key]);
}

function privateKey(seed: Uint8Array): KeyObject {
  const der = new Uint8Array([...PKCS8, ...seed]);
  return createPrivateKey({ key: der as never, format: "der", type: "pkcs8" });
}

function publicKey(raw: Uint8Array): KeyObject {
  const der = new Uint8Array([...SPKI, ...raw]);
  return createPublicKey({ key: der as never, format: "der", type: "spki" });
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key as never).export({ format: "der", type: "spki" });
  return new Uint8Array(spki).subarray(SPKI.length);
}
