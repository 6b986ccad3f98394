import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PATH } from "../../../src/core/resource/path.ts";
import { CanonicalError } from "../../../src/core/resource/world.ts";
import { effectOn, FLAT, load } from "../policy/deciding.ts";

const REFUSED = null;
const long = (bytes: number) => "a".repeat(bytes);

// deno-fmt-ignore -- a row is a line
const NORMAL_FORMS: readonly {
  cell: string;
  target: string;
  base?: string;
  expected: string | null;
  why: string;
}[] = [
  { cell: "a plain path", target: "/w/a", expected: "/w/a", why: "nothing is to be done" },
  { cell: "the root", target: "/", expected: "/", why: "it is a folder" },
  { cell: "climbing", target: "/w/../etc/passwd", expected: "/etc/passwd", why: "dots are gone" },
  { cell: "climbing over the root", target: "/../../etc", expected: "/etc", why: "there is no more" },
  { cell: "climbing twice", target: "/w/a/b/../../../etc", expected: "/etc", why: "each counts" },
  { cell: "a single dot", target: "/w/./a/.", expected: "/w/a", why: "it means the same folder" },
  { cell: "a final dot pair", target: "/w/a/..", expected: "/w", why: "it means the parent" },
  { cell: "..notes", target: "/w/..notes", expected: "/w/..notes", why: "it is a file's name" },
  { cell: "three dots", target: "/w/.../a", expected: "/w/.../a", why: "it is a folder's name" },
  { cell: "notes..", target: "/w/notes../a", expected: "/w/notes../a", why: "it is a name" },
  { cell: "a hidden file", target: "/w/.env", expected: "/w/.env", why: "it is a name" },
  { cell: "%2e%2e", target: "/w/%2e%2e/a", expected: "/w/%2e%2e/a", why: "a disk decodes nothing" },
  { cell: "%2F", target: "/w/..%2Fetc", expected: "/w/..%2Fetc", why: "a disk decodes nothing" },
  { cell: "a backslash", target: "/w/..\\a", expected: "/w/..\\a", why: "POSIX does not split there" },
  { cell: "doubled slashes", target: "//w///a", expected: "/w/a", why: "POSIX counts them as one" },
  { cell: "a final slash", target: "/w/a/", expected: "/w/a", why: "one file, one name" },
  { cell: "white space", target: "/w/ a ", expected: "/w/ a ", why: "names may begin and end so" },
  { cell: "a line break", target: "/w/a\nb", expected: "/w/a\nb", why: "names may hold it" },
  { cell: "upper case", target: "/W/A", expected: "/W/A", why: "case is kept" },
  { cell: "a file URL", target: "file:///etc", expected: REFUSED, why: "it is a relative path" },
  { cell: "the home folder", target: "~/a", expected: REFUSED, why: "targets are not expanded" },
  { cell: "a relative path", target: "a", expected: REFUSED, why: "no base is declared" },
  { cell: "nothing", target: "", expected: REFUSED, why: "no base is declared" },
  { cell: "a relative path with a base", target: "a", base: "/w", expected: "/w/a", why: "declared" },
  { cell: "climbing out of the base", target: "../a", base: "/w", expected: "/a", why: "rules decide" },
  { cell: "a home folder with a base", target: "~/a", base: "/w", expected: "/w/~/a", why: "a name" },
  { cell: "a base of its own", target: "/a", base: "/w", expected: "/a", why: "absolute stays so" },
  { cell: "a NUL", target: "/w/a\0.txt", expected: REFUSED, why: "C would end the name there" },
  { cell: "a NUL at the end", target: "/w/a\0", expected: REFUSED, why: "C would end there" },
  { cell: "a lone high surrogate", target: "/w/\ud800", expected: REFUSED, why: "no UTF-8 for it" },
  { cell: "a lone low surrogate", target: "/w/\udc00a", expected: REFUSED, why: "no UTF-8 for it" },
  { cell: "an emoji", target: "/w/\u{1f600}", expected: "/w/\u{1f600}", why: "the pair is whole" },
  { cell: "a name of 255 bytes", target: `/${long(255)}`, expected: `/${long(255)}`, why: "NAME_MAX" },
  { cell: "a name of 256 bytes", target: `/${long(256)}`, expected: REFUSED, why: "over NAME_MAX" },
  { cell: "128 two-byte characters", target: `/${"é".repeat(128)}`, expected: REFUSED, why: "256 bytes" },
  { cell: "a path of 4095 bytes", target: "/a".repeat(2047) + "b", expected: "/a".repeat(2047) + "b", why: "PATH_MAX" },
  { cell: "a path of 4096 bytes", target: "/a".repeat(2048), expected: REFUSED, why: "over PATH_MAX" },
  { cell: "a long way to a short path", target: `${"/a/..".repeat(5000)}/w`, expected: "/w", why: "what counts is the result" },
  { cell: "a path of a million bytes", target: "/a".repeat(500_000), expected: REFUSED, why: "over PATH_MAX" },
];

for (const { cell, target, base, expected, why } of NORMAL_FORMS) {
  Deno.test(`PATH.normalise() ${expected === null ? "refuses" : "takes"} ${cell}: ${why}`, () => {
    const normalise = () => PATH.normalise(target, { ...FLAT, base });
    if (expected === null) assertThrows(normalise, CanonicalError);
    else assertEquals(normalise(), expected);
  });
}

Deno.test("PATH.normalise() gives absolute paths without dot segments, and gives them again", () => {
  const segment = fc.oneof(
    fc.constantFrom("", ".", "..", "...", "..a", "%2e", "a", "b\\", "*", "\n"),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
    const target = `/${segments.join("/")}`;
    if (target.includes("\0") || !target.isWellFormed()) return;
    const once = PATH.normalise(target, FLAT);
    assertEquals(once[0], "/");
    const parts = PATH.segments(once);
    assertEquals(parts.filter((part) => ["", ".", ".."].includes(part)), []);
    assertEquals(`/${parts.join("/")}`, once);
    assertEquals(PATH.normalise(once, FLAT), once);
  }));
});

const NFC = "/workspace/caf\u00e9", NFD = "/workspace/cafe\u0301";
// deno-fmt-ignore -- a row is a line
const MATCHES: readonly {
  cell: string;
  resource: string;
  target: string;
  expected: "allow" | "deny" | "invalid";
}[] = [
  { cell: "a file in the folder", resource: "/workspace/**", target: "/workspace/a", expected: "allow" },
  { cell: "a file far below", resource: "/workspace/**", target: "/workspace/a/b/c", expected: "allow" },
  { cell: "the folder itself, for D/**", resource: "/workspace/**", target: "/workspace", expected: "deny" },
  { cell: "the folder itself with a slash, for D/**", resource: "/workspace/**", target: "/workspace/", expected: "deny" },
  { cell: "a sibling with the same beginning", resource: "/workspace/**", target: "/workspace-evil/a", expected: "deny" },
  { cell: "a climb out", resource: "/workspace/**", target: "/workspace/../etc/passwd", expected: "deny" },
  { cell: "a climb into a sibling", resource: "/workspace/**", target: "/workspace/../workspace-evil/a", expected: "deny" },
  { cell: "a climb out and back", resource: "/workspace/**", target: "/workspace/../workspace/a", expected: "allow" },
  { cell: "a file called ..notes", resource: "/workspace/**", target: "/workspace/..notes", expected: "allow" },
  { cell: "encoded dots", resource: "/workspace/**", target: "/workspace/%2e%2e/etc", expected: "allow" },
  { cell: "another case", resource: "/workspace/**", target: "/Workspace/a", expected: "deny" },
  { cell: "the same Unicode form", resource: NFC, target: NFC, expected: "allow" },
  { cell: "the decomposed form of the same letters", resource: NFC, target: NFD, expected: "deny" },
  { cell: "one level for *", resource: "/workspace/*", target: "/workspace/a", expected: "allow" },
  { cell: "two levels for *", resource: "/workspace/*", target: "/workspace/a/b", expected: "deny" },
  { cell: "a hidden file for *", resource: "/workspace/*", target: "/workspace/.env", expected: "allow" },
  { cell: "a line break for *.txt", resource: "/workspace/*.txt", target: "/workspace/a\nb.txt", expected: "allow" },
  { cell: "a name that only begins like the pattern", resource: "/workspace/a.txt", target: "/workspace/a.txt.bak", expected: "deny" },
  { cell: "a name that only ends like the pattern", resource: "/workspace/a.txt", target: "/workspace/xa.txt", expected: "deny" },
  { cell: "a path below an exact file", resource: "/workspace/a", target: "/workspace/a/b", expected: "deny" },
  { cell: "any file for the whole disk", resource: "/**", target: "/etc/passwd", expected: "allow" },
  { cell: "the root for /**", resource: "/**", target: "/", expected: "deny" },
  { cell: "the root for /", resource: "/", target: "/", expected: "allow" },
  { cell: "a file for /", resource: "/", target: "/a", expected: "deny" },
  { cell: "** in the middle for nothing", resource: "/w/**/a", target: "/w/a", expected: "allow" },
  { cell: "** in the middle for much", resource: "/w/**/a", target: "/w/b/c/a", expected: "allow" },
  { cell: "** in the middle and another end", resource: "/w/**/a", target: "/w/b/c/ab", expected: "deny" },
  { cell: "a literal * in the target", resource: "/w/\\*", target: "/w/*", expected: "allow" },
  { cell: "another name for an escaped *", resource: "/w/\\*", target: "/w/a", expected: "deny" },
  { cell: "literal brackets and braces", resource: "/w/\\[a\\]\\{b\\}\\?", target: "/w/[a]{b}?", expected: "allow" },
  { cell: "what unescaped brackets would mean", resource: "/w/\\[a\\]", target: "/w/a", expected: "deny" },
  { cell: "one character for ?", resource: "/w/?", target: "/w/\u{1f600}", expected: "allow" },
  { cell: "no character for ?", resource: "/w/a?", target: "/w/a", expected: "deny" },
  { cell: "two characters for ?", resource: "/w/?", target: "/w/ab", expected: "deny" },
];

for (const { cell, resource, target, expected } of MATCHES) {
  Deno.test(`A rule for ${JSON.stringify(resource)} has the effect ${expected} on ${cell}`, () => {
    const policy = load({ capabilities: [{ action: "fs.read", resource }] });
    assertEquals(effectOn(policy, "fs.read", target), expected);
  });
}
