import { assertEquals } from "@std/assert";
import type { ArgumentPaths } from "../../src/argument_paths/argument_paths.ts";
import { namedPaths } from "../../src/argument_paths/named_paths.ts";

const READ = ["fs.read"];
const WRITE = ["fs.write"];
const NONE: ArgumentPaths = { operands: [], cwd: [], after: new Map(), joined: [], refuse: [] };

/** Like "a:fs.read b:fs.write", or the word that is refused and why. */
function found(args: string, paths: Partial<ArgumentPaths>): string {
  const named = namedPaths(args.split(" "), { ...NONE, ...paths });
  if ("refused" in named) return `${named.refused.word}! ${named.refused.reason}`;
  return named.found.map(({ path, actions }) => `${path}:${actions.join("+")}`).join(" ");
}

const after = new Map([["-f", READ], ["-o", WRITE], ["-n", []]]);
const joined: ArgumentPaths["joined"] = [["--file=", READ], ["-f", READ]];

const ROWS: readonly [args: string, paths: Partial<ArgumentPaths>, expected: string][] = [
  ["a b", { operands: READ }, "a:fs.read b:fs.read"],
  ["a b", {}, ""],
  ["-l a -r b", { operands: READ }, "a:fs.read b:fs.read"],
  ["-- -l -- a", { operands: READ }, "-l:fs.read --:fs.read a:fs.read"],
  ["- a", { operands: READ }, "-:fs.read a:fs.read"],
  ["x a b", { operands: READ, first: [] }, "a:fs.read b:fs.read"],
  ["-l x a", { operands: READ, first: [] }, "a:fs.read"],
  ["x a", { first: READ }, "x:fs.read"],
  ["a b c", { operands: READ, last: WRITE }, "a:fs.read b:fs.read c:fs.write"],
  ["a", { operands: READ, last: WRITE }, "a:fs.write"],
  ["a", { operands: READ, first: READ, last: WRITE }, "a:fs.read+fs.write"],
  ["a b", { first: [], operands: READ, last: WRITE }, "b:fs.write"],
  ["-f x -o y a", { operands: READ, after }, "x:fs.read y:fs.write a:fs.read"],
  ["-n 5 a", { operands: READ, after }, "a:fs.read"],
  ["-n -5 a", { operands: READ, after }, "a:fs.read"],
  ["-f - a", { operands: READ, after }, "-:fs.read a:fs.read"],
  ["-n5 a", { operands: READ, after }, "a:fs.read"],
  ["-- -f x", { operands: READ, after }, "-f:fs.read x:fs.read"],
  ["--file=x/y -fz", { after: new Map(), joined }, "x/y:fs.read z:fs.read"],
  ["-f x -fy", { after, joined }, "x:fs.read y:fs.read"],
  ["../a ./../../b ..", { operands: READ }, "../a:fs.read ./../../b:fs.read ..:fs.read"],
  ["a..b/..c/... a/.", { operands: READ }, "a..b/..c/...:fs.read a/.:fs.read"],
  // Refused.
  ["-n -- -x", { after }, '--! the value of -n begins with "-"'],
  ["-f --out=x", { after }, '--out=x! the value of -f begins with "-"'],
  ["-n -x", { after }, '-x! the value of -n begins with "-"'],
  ["a -f", { after }, "-f! its value is missing"],
  ["a h:b", { refuse: [":"] }, 'h:b! it contains ":"'],
  ["-n h:b", { after, refuse: [":"] }, 'h:b! it contains ":"'],
  ["--x=h:b", { refuse: [":"] }, '--x=h:b! it contains ":"'],
  ["-- h:b", { refuse: [":"] }, 'h:b! it contains ":"'],
];

for (const [args, paths, expected] of ROWS) {
  Deno.test(`the paths among "${args}" are "${expected}" for ${Object.keys(paths)}`, () => {
    assertEquals(found(args, paths), expected);
  });
}

for (const word of ["a/..", "a/../b", "../a/../b", "/a/..", "./a/./..", "a//.."]) {
  Deno.test(`the path ${word}, which climbs from a name, is refused`, () => {
    assertEquals(found(word, { operands: READ }).startsWith(`${word}! what ".."`), true);
    assertEquals(found(`--file=${word}`, { joined }).startsWith(`--file=${word}! `), true);
    assertEquals(found(word, {}), "");
  });
}

Deno.test("an empty word is an operand", () => {
  assertEquals(namedPaths([""], { ...NONE, operands: READ }), {
    found: [{ word: "", path: "", actions: READ }],
  });
});
