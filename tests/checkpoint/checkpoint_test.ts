import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  formatCheckpoint,
  KeyError,
  loadSigner,
  parseCheckpoint,
  readCheckpoints,
  writeKeyPair,
} from "../../src/checkpoint/checkpoint.ts";
import { GENESIS } from "../../src/core/record/record.ts";
import { parseSignerKey, parseVerifierKey, signNote } from "../../src/checkpoint/signed_note.ts";
import { run, Workspace } from "../workspace.ts";
import { checkpoint, keyFile, keyPair, madeUp, ORIGIN } from "./checkpoint_file.ts";

const KEY = keyPair();
const [A, B, C] = [madeUp("a"), madeUp("b"), madeUp("c")];

/** What a file of checkpoints holds, in short. */
function found(text: string, key = KEY): string {
  return Array.from(
    readCheckpoints(text, key.verifier),
    (read) => `${read.line}:${read.found === "checkpoint" ? read.checkpoint.size : read.found}`,
  ).join(" ");
}

Deno.test("formatCheckpoint() writes origin, size and hash, one a line", () => {
  assertEquals(
    formatCheckpoint({ origin: ORIGIN, size: 12, head: A }),
    "example.com/log\n12\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=\n",
  );
  assertEquals(
    formatCheckpoint({ origin: ORIGIN, size: 0, head: GENESIS }),
    "example.com/log\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
  );
});

Deno.test("parseCheckpoint() reads what formatCheckpoint() writes", () => {
  for (const [size, head] of [[0, GENESIS], [1, A], [2 ** 53 - 1, C]] as const) {
    const one = { origin: ORIGIN, size, head };
    assertEquals(parseCheckpoint(formatCheckpoint(one)), one);
  }
});

Deno.test("parseCheckpoint() reads the example of the standard, and ignores further lines", () => {
  const hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
  const expected = {
    origin: "example.com/behind-the-sofa",
    size: 20852163,
    head: Uint8Array.fromBase64(hash).toHex(),
  };
  const text = `example.com/behind-the-sofa\n20852163\n${hash}\n`;
  assertEquals(parseCheckpoint(text), expected);
  assertEquals(parseCheckpoint(`${text}more\n`), expected);
});

const HASH = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
const BAD_TEXTS: readonly (readonly [string, string, string])[] = [
  ["that is empty", "", "three lines"],
  ["of two lines", "o\n1\n", "three lines"],
  ["without an origin", `\n1\n${HASH}\n`, "three lines"],
  ["without a last line feed", `o\n1\n${HASH}`, "three lines"],
  ["with an empty further line", `o\n1\n${HASH}\n\nx\n`, "three lines"],
  ["of size 01", `o\n01\n${HASH}\n`, '"01"'],
  ["of size -1", `o\n-1\n${HASH}\n`, '"-1"'],
  ["of size 1e3", `o\n1e3\n${HASH}\n`, '"1e3"'],
  ["of size +1", `o\n+1\n${HASH}\n`, '"+1"'],
  ["without a size", `o\n\n${HASH}\n`, '""'],
  ["of a size beyond exact numbers", `o\n9007199254740992\n${HASH}\n`, "9007199254740992"],
  ["with a hash of 31 bytes", "o\n1\nqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqg==\n", "32 bytes"],
  ["with a hash of other bits behind its end", `o\n1\n${HASH.replace("o=", "p=")}\n`, "32 bytes"],
  ["with a hash in hex", `o\n1\n${A}\n`, "32 bytes"],
  ["of an empty log with a hash", `o\n0\n${HASH}\n`, "zeros"],
];
for (const [what, text, told] of BAD_TEXTS) {
  Deno.test(`parseCheckpoint() refuses a text ${what}`, () => {
    assertThrows(() => parseCheckpoint(text), SyntaxError, told);
  });
}

for (const [size, head] of [[-1, A], [1.5, A], [NaN, A], [2 ** 53, A]] as const) {
  Deno.test(`formatCheckpoint() refuses the size ${size}`, () => {
    assertThrows(() => formatCheckpoint({ origin: ORIGIN, size, head }), RangeError, `${size}`);
  });
}

Deno.test("formatCheckpoint() refuses a head that is no hash of such a log", () => {
  for (const [size, head] of [[1, "a"], [1, A.toUpperCase()], [0, A]] as const) {
    assertThrows(() => formatCheckpoint({ origin: ORIGIN, size, head }), RangeError, "hash");
  }
});

Deno.test("readCheckpoints() reads one note behind the other and names their lines", () => {
  const text = checkpoint(0, GENESIS) + checkpoint(10, A) + checkpoint(20, B);
  assertEquals(found(text), "1:0 6:10 11:20");
  assertEquals(Array.from(readCheckpoints(text, KEY.verifier))[1], {
    line: 6,
    found: "checkpoint",
    checkpoint: { origin: ORIGIN, size: 10, head: A },
  });
  assertEquals(found(""), "");
});

Deno.test("readCheckpoints() reads a note that a witness has signed too", () => {
  const text = formatCheckpoint({ origin: ORIGIN, size: 10, head: A });
  const witness = signNote(text, keyPair(2, "witness").signer).slice(text.length + 1);
  assertEquals(found(checkpoint(10, A) + witness + checkpoint(20, B)), "1:10 7:20");
});

Deno.test("readCheckpoints() tells of a torn last note, wherever it broke off", () => {
  const before = checkpoint(10, A);
  const last = new TextEncoder().encode(checkpoint(20, B));
  for (let length = 1; length < last.length; length++) {
    // Lenient, as a file is read: the em dash may be cut too.
    const torn = before + new TextDecoder().decode(last.subarray(0, length));
    const [first, ...more] = found(torn).split(" ");
    assertEquals(first, "1:10", `${length} bytes`);
    assert(more.length > 0, `${length} bytes`);
    for (const one of more) assertStringIncludes(one, "torn", `${length} bytes`);
  }
});

Deno.test("readCheckpoints() tells of a torn note that the next writer marked, and reads on", () => {
  const torn = checkpoint(20, B);
  for (let length = 1; length < torn.length; length++) {
    const piece = torn.slice(0, length);
    const mark = piece.endsWith("\n") ? "\n" : "\n\n";
    const all = found(checkpoint(10, A) + piece + mark + checkpoint(30, C)).split(" ");
    assertEquals([all[0], all.at(-1)?.split(":")[1]], ["1:10", "30"], `${length}`);
    for (const one of all.slice(1, -1)) assertStringIncludes(one, "torn");
    assert(all.length > 2);
  }
});

Deno.test("readCheckpoints() finds every changed character of a note that is not the last", () => {
  const [first, second] = [checkpoint(10, A), checkpoint(20, B)];
  for (let at = 0; at < first.length; at++) {
    const other = String.fromCharCode(first.charCodeAt(at) ^ 1);
    const changed = first.slice(0, at) + other + first.slice(at + 1);
    const all = Array.from(readCheckpoints(changed + second, KEY.verifier));
    assert(!all.some((one) => one.found === "checkpoint" && one.checkpoint.size === 10), `${at}`);
    assert(all.some((one) => one.found !== "checkpoint"), `${at}`);
  }
});

Deno.test("readCheckpoints() tells apart what other keys signed and what was changed", () => {
  const other = checkpoint(20, B, keyPair(2));
  assertEquals(found(checkpoint(10, A) + other), "1:10 6:foreign");
  assertEquals(found(checkpoint(10, A, keyPair(1, "other")) + other), "1:foreign 6:foreign");
  const changed = checkpoint(10, A).replace("\n10\n", "\n11\n");
  assertEquals(found(changed + checkpoint(20, B)), "1:damaged 6:20");
});

Deno.test("readCheckpoints() refuses what the key signed for another origin, or is no checkpoint", () => {
  const foreign = checkpoint(10, A, KEY, { origin: "other" });
  assertEquals(found(foreign + signNote("hello\n", KEY.signer)), "1:damaged 6:damaged");
});

Deno.test("writeKeyPair() makes a private key for its owner and a public one for all", () => {
  using ws = new Workspace();
  const path = ws.path("k");
  const verifierKey = writeKeyPair(path, ORIGIN);
  assertEquals((Deno.statSync(path).mode ?? 0) & 0o7777, 0o600);
  assertEquals((Deno.statSync(`${path}.pub`).mode ?? 0) & 0o7777, 0o644);
  assertEquals(Deno.readTextFileSync(`${path}.pub`), `${verifierKey}\n`);
  const signer = parseSignerKey(Deno.readTextFileSync(path).trim());
  assertEquals(signer.verifierKey, verifierKey);
  assertEquals(parseVerifierKey(verifierKey).name, ORIGIN);
});

Deno.test("writeKeyPair() overwrites nothing and leaves no half of a pair", () => {
  using ws = new Workspace();
  for (const there of ["k", "k.pub"]) {
    const path = ws.file(there, "mine");
    const error = assertThrows(() => writeKeyPair(ws.path("k"), ORIGIN), KeyError, path);
    assertEquals(error.code, "KEY_REFUSED");
    assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name), [there]);
    assertEquals(Deno.readTextFileSync(path), "mine");
    Deno.removeSync(path);
  }
});

Deno.test("writeKeyPair() does not write through a link that leads nowhere", () => {
  using ws = new Workspace();
  ws.link("k", ws.path("elsewhere"));
  assertThrows(() => writeKeyPair(ws.path("k"), ORIGIN), KeyError, "never overwritten");
  assertThrows(() => Deno.statSync(ws.path("elsewhere")), Deno.errors.NotFound);
});

Deno.test("writeKeyPair() makes no file for a name that cannot be one", () => {
  using ws = new Workspace();
  assertThrows(() => writeKeyPair(ws.path("k"), "a b"), RangeError, "a b");
  assertEquals(Array.from(Deno.readDirSync(ws.root)), []);
});

for (const mode of [0o600, 0o400]) {
  Deno.test(`loadSigner() reads a key of mode 0${mode.toString(8)}`, () => {
    using ws = new Workspace();
    const path = keyFile(ws);
    Deno.chmodSync(path, mode);
    assertEquals(loadSigner(path).verifierKey, KEY.verifierKey);
  });
}

for (const mode of [0o640, 0o604, 0o620, 0o601, 0o644, 0o700, 0o777, 0o4600, 0o1600]) {
  Deno.test(`loadSigner() refuses a key of mode 0${mode.toString(8)} and says what to do`, () => {
    using ws = new Workspace();
    const path = keyFile(ws);
    Deno.chmodSync(path, mode);
    const error = assertThrows(() => loadSigner(path), KeyError, `chmod 600 "${path}"`);
    assertEquals(error.code, "KEY_REFUSED");
    assertStringIncludes(error.message, mode.toString(8));
  });
}

const REFUSED: readonly (readonly [string, (ws: Workspace) => string, string])[] = [
  ["a link to a key", (ws) => ws.link("link", keyFile(ws)), "symbolic link"],
  ["a folder", (ws) => ws.folder("dir"), "no file"],
  ["a pipe, without waiting", (ws) => (run("mkfifo", ws.path("pipe")), ws.path("pipe")), "no file"],
  ["a file that is not there", (ws) => ws.path("none"), "agent-kernel keygen"],
  ["an empty file", (ws) => own(ws.file("k", "")), "PRIVATE+KEY+"],
  ["a public key", (ws) => own(ws.file("k", KEY.verifierKey)), "PRIVATE+KEY+"],
  ["a key with more behind it", (ws) => own(ws.file("k", `${KEY.signerKey}\n\n`)), "base64"],
  ["a huge file", (ws) => own(ws.file("k", "PRIVATE+KEY+".repeat(1e5))), "key id"],
];
for (const [what, make, told] of REFUSED) {
  Deno.test(`loadSigner() refuses ${what}`, () => {
    using ws = new Workspace();
    const path = make(ws);
    const { message } = assertThrows(() => loadSigner(path), KeyError, told);
    assertStringIncludes(message, path);
  });
}

function own(path: string): string {
  Deno.chmodSync(path, 0o600);
  return path;
}
