import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  generateKey,
  openNote,
  parseSignerKey,
  parseVerifierKey,
  signNote,
} from "../../src/checkpoint/signed_note.ts";

/** The example of the documentation of golang.org/x/mod/sumdb/note. */
const GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const GO_LINE =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
/** A second key and its signature of the same text, from the tests of the same package. */
const GO_OTHER = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const GO_OTHER_LINE =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

const NOTE = `${GO_TEXT}\n${GO_LINE}`;
const VERIFIER = parseVerifierKey(GO_VERIFIER);
const SEED = new Uint8Array(32).fill(7);

Deno.test("signNote() writes byte for byte what Go's package writes", () => {
  assertEquals(signNote(GO_TEXT, parseSignerKey(GO_SIGNER)), NOTE);
});

Deno.test("signNote() writes what Python's cryptography package writes for the same seed", () => {
  const { signerKey, verifierKey } = generateKey("example.com/log", SEED);
  assertEquals(
    verifierKey,
    "example.com/log+702f3c70+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs",
  );
  const text = "example.com/log\n3\nq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=\n";
  assertEquals(
    signNote(text, parseSignerKey(signerKey)),
    `${text}\n— example.com/log cC88cPKU6OVmcVhVzzzraQF+oorvd+Rxx4gvPcyTwjo5BpJVLhJDKe2dROXAAT+aniNY/61T6XpsX7FPPcZ+KUsf1AQ=\n`,
  );
});

Deno.test("parseSignerKey() knows the verifier key that belongs to it", () => {
  assertEquals(parseSignerKey(GO_SIGNER).verifierKey, GO_VERIFIER);
});

Deno.test("openNote() gives the text of a note that Go's package has signed", () => {
  assertEquals(openNote(NOTE, VERIFIER), { ok: true, text: GO_TEXT });
  const other = parseVerifierKey(GO_OTHER);
  assertEquals(openNote(`${GO_TEXT}\n${GO_OTHER_LINE}`, other), { ok: true, text: GO_TEXT });
});

Deno.test("openNote() gives the text of a note with an empty line and signatures of other keys", () => {
  const signer = parseSignerKey(GO_SIGNER);
  const text = "first\n\n— not a signature\n\nlast\n";
  assertEquals(openNote(signNote(text, signer), VERIFIER), { ok: true, text });
  for (const lines of [GO_LINE + GO_OTHER_LINE, GO_OTHER_LINE + GO_LINE]) {
    assertEquals(openNote(`${GO_TEXT}\n${lines}`, VERIFIER), { ok: true, text: GO_TEXT });
  }
});

Deno.test("generateKey() makes a pair that fits, a new one each time", () => {
  const names = ["a", "agent-kernel", "example.com/log", "ключ", "日志", "—", "PRIVATE"];
  for (const name of names) {
    const { signerKey, verifierKey } = generateKey(name);
    const note = signNote("hello\n", parseSignerKey(signerKey));
    assertEquals(openNote(note, parseVerifierKey(verifierKey)), { ok: true, text: "hello\n" });
    assert(generateKey(name).signerKey !== signerKey);
  }
  assertEquals(generateKey("a", SEED), generateKey("a", SEED));
});

Deno.test("generateKey() refuses a seed of another length", () => {
  for (const length of [0, 31, 33, 64]) {
    assertThrows(() => generateKey("a", new Uint8Array(length)), RangeError, `${length}`);
  }
});

const BAD_NAMES = [
  "",
  " ",
  "a b",
  "a+b",
  "a\tb",
  "a\nb",
  "a\u00a0b",
  "a\u3000b",
  "a\u202eb",
  "a\0",
];
for (const name of [...BAD_NAMES, "a\u200bb", "a\x7f", "a\ud800"]) {
  Deno.test(`generateKey() refuses the name ${JSON.stringify(name)}`, () => {
    assertThrows(() => generateKey(name), RangeError, "printable");
  });
}

/** Everything that Go's own tests expect to be refused. */
function manglings(key: string): string[] {
  const all: string[] = [];
  for (let from = 0; from <= key.length; from++) {
    for (let to = from + 1; to <= key.length; to++) {
      if (from !== 0 || to !== key.length) all.push(key.slice(from, to));
    }
  }
  for (let at = 0; at < key.length; at++) {
    const next = String.fromCharCode(key.charCodeAt(at) + 1);
    all.push(`${key.slice(0, at)}${next}${key.slice(at + 1)}`);
  }
  return all;
}

Deno.test("parseVerifierKey() refuses every part of a key and every changed character", () => {
  for (const key of manglings(GO_VERIFIER)) {
    assertThrows(() => parseVerifierKey(key), SyntaxError, "verifier key");
  }
});

Deno.test("parseSignerKey() refuses the same and tells nothing of the secret", () => {
  const secret = GO_SIGNER.split("+").slice(4).join("+");
  for (const key of manglings(GO_SIGNER)) {
    const { message } = assertThrows(() => parseSignerKey(key), SyntaxError, "signer key");
    for (let at = 0; at + 6 <= secret.length; at++) {
      assertEquals(message.includes(secret.slice(at, at + 6)), false, message);
    }
  }
});

const BAD_KEYS: readonly (readonly [string, string, string])[] = [
  ["that goes on", `${GO_VERIFIER}AAA=`, "34 bytes, expected 32"],
  [
    "of another type",
    "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    "type 101",
  ],
  ["with an id in capitals", GO_VERIFIER.replace("c74f20a3", "C74F20A3"), "lower-case"],
  ["of another name", GO_VERIFIER.replace("Peter", "Paul"), "expected"],
  ["with a line feed", `${GO_VERIFIER}\n`, "base64"],
  ["with a space inside", GO_VERIFIER.replace("ARpc", "ARpc "), "base64"],
  ["that is a secret", GO_SIGNER, "secret"],
];
for (const [what, key, told] of BAD_KEYS) {
  Deno.test(`parseVerifierKey() refuses a key ${what}`, () => {
    assertThrows(() => parseVerifierKey(key), SyntaxError, told);
  });
}

for (const text of ["", "abc", "a\r\n", "a\tb\n", "\0\n", "\x1b[2J\n", "\ud800\n"]) {
  Deno.test(`signNote() refuses the text ${JSON.stringify(text)}`, () => {
    assertThrows(() => signNote(text, parseSignerKey(GO_SIGNER)), RangeError, "line feed");
  });
}

const MALFORMED: readonly (readonly [string, string])[] = [
  ["without signatures", GO_TEXT],
  ["with an empty line and no signature", `${GO_TEXT}\n`],
  ["whose last line feed is missing", NOTE.slice(0, -1)],
  ["with a control character", `\x01${NOTE}`],
  ["with a carriage return", NOTE.replaceAll("\n", "\r\n")],
  ["with a lone surrogate", `\ud800${NOTE}`],
  ["with a space in the name", NOTE.replace("PeterNeumann", "Peter Neumann")],
  ["with a plus in the name", NOTE.replace("PeterNeumann", "Peter+Neumann")],
  ["with a line behind the signature", `${NOTE}Unexpected line.\n`],
  ["with a hyphen for the dash", NOTE.replace("—", "-")],
  ["with a signature that is no base64", NOTE.replace("x08go", "x08g!")],
  ["with a signature of other bits behind its end", NOTE.replace("nAM=", "nAN=")],
  ["with a signature without padding", NOTE.replace("nAM=", "nAM")],
  ["with a key id only", `${GO_TEXT}\n— PeterNeumann x08gow==\n`],
  ["with more than 100 signatures", `${GO_TEXT}\n${GO_LINE.repeat(101)}`],
  ["that is empty", ""],
];
for (const [what, note] of MALFORMED) {
  Deno.test(`openNote() refuses a note ${what}`, () => {
    const opened = openNote(note, VERIFIER);
    assertEquals(opened.ok ? "" : opened.code, "MALFORMED");
  });
}

Deno.test("openNote() accepts a hundred signatures", () => {
  assertEquals(openNote(`${GO_TEXT}\n${GO_LINE.repeat(100)}`, VERIFIER).ok, true);
});

Deno.test("openNote() refuses a note of other keys and names them", () => {
  const opened = openNote(NOTE, parseVerifierKey(GO_OTHER));
  assert(!opened.ok);
  assertEquals(opened.code, "UNKNOWN_KEY");
  assertStringIncludes(opened.reason, "PeterNeumann+c74f20a3");
  assertStringIncludes(opened.reason, "EnochRoot+af0cfe78");
});

Deno.test("openNote() refuses a note of another key with the same name", () => {
  const { verifierKey } = generateKey("PeterNeumann", SEED);
  const opened = openNote(NOTE, parseVerifierKey(verifierKey));
  assertEquals(opened.ok ? "" : opened.code, "UNKNOWN_KEY");
});

Deno.test("openNote() refuses a right signature beside a wrong one of the same key", () => {
  const wrong = GO_LINE.replace("ZJku", "ZJkv");
  for (const lines of [GO_LINE + wrong, wrong + GO_LINE, wrong]) {
    const opened = openNote(`${GO_TEXT}\n${lines}`, VERIFIER);
    assertEquals(opened.ok ? "" : opened.code, "BAD_SIGNATURE");
  }
});

Deno.test("openNote() refuses a signature that is too short or too long", () => {
  const blob = Uint8Array.fromBase64(GO_LINE.trim().split(" ")[2] ?? "");
  const lengths = [blob.subarray(0, 5), blob.subarray(0, 67), new Uint8Array([...blob, 0])];
  for (const bytes of lengths) {
    const opened = openNote(`${GO_TEXT}\n— PeterNeumann ${bytes.toBase64()}\n`, VERIFIER);
    assertEquals(opened.ok ? "" : opened.code, "BAD_SIGNATURE");
  }
});

Deno.test("openNote() refuses a note with any one character changed, removed or repeated", () => {
  for (let at = 0; at < NOTE.length; at++) {
    const [before, char, after] = [NOTE.slice(0, at), NOTE.charAt(at), NOTE.slice(at + 1)];
    for (const other of ["", char + char, String.fromCharCode(char.charCodeAt(0) ^ 1), "\n"]) {
      if (other === char) continue;
      assertEquals(openNote(before + other + after, VERIFIER).ok, false, `${at} to "${other}"`);
    }
  }
});

Deno.test("openNote() gives back any text that signNote() takes", () => {
  const signer = parseSignerKey(GO_SIGNER);
  // deno-lint-ignore no-control-regex -- what a note may not hold
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\0-\x1f]/g, ""));
  fc.assert(fc.property(fc.array(line, { minLength: 1 }), (lines) => {
    const text = `${lines.join("\n")}\n`;
    assertEquals(openNote(signNote(text, signer), VERIFIER), { ok: true, text });
  }));
});
