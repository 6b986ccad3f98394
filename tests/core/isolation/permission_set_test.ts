import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  isInside,
  NOTHING,
  type PermissionSet,
  union,
} from "../../../src/core/isolation/permission_set.ts";

// deno-fmt-ignore -- a row is a line
const INSIDE: readonly { path: string; folder: string; expected: boolean }[] = [
  { path: "/w/a", folder: "/w", expected: true },
  { path: "/w/a/b", folder: "/w", expected: true },
  { path: "/w", folder: "/w", expected: false },
  { path: "/w-evil", folder: "/w", expected: false },
  { path: "/w-evil/a", folder: "/w", expected: false },
  { path: "/", folder: "/w", expected: false },
  { path: "/w", folder: "/", expected: true },
  { path: "/", folder: "/", expected: false },
];
for (const { path, folder, expected } of INSIDE) {
  Deno.test(`isInside() says ${expected} for ${path} in ${folder}`, () => {
    assertEquals(isInside(path, folder), expected);
  });
}

const PATHS = fc.uniqueArray(fc.constantFrom("/", "/w", "/w/a", "/w/a/b", "/wx", "/x/y"));
const SET = fc.record({
  read: PATHS,
  write: PATHS,
  net: fc.oneof(fc.constant(true as const), fc.uniqueArray(fc.constantFrom("h:1", "h", "i:2"))),
  run: fc.uniqueArray(fc.constantFrom("/bin/a", "/bin/b")),
});

const NAMES = ["read", "write", "net", "run"] as const;

/** Whether the set has a grant that includes this one. */
function includes(set: PermissionSet, name: typeof NAMES[number], grant: string): boolean {
  const grants = set[name];
  return grants === true || grants.includes(grant) ||
    name !== "net" && name !== "run" && grants.some((folder) => isInside(grant, folder));
}

Deno.test("union() includes all grants of its parts, and none twice", () => {
  fc.assert(fc.property(SET, SET, (a, b) => {
    const both = union(a, b);
    assertEquals(union(both, a), both);
    assertEquals(union(b, a), both);
    for (const name of NAMES) {
      const grants = both[name];
      for (const part of [a, b]) {
        if (part[name] === true) assertEquals(grants, true);
        else for (const grant of part[name]) assert(includes(both, name, grant), grant);
      }
      if (grants === true) continue;
      assertEquals(grants, Array.from(new Set(grants)).sort());
      const values: string[] = [a[name], b[name]].flatMap((one) => one === true ? [] : one);
      assertEquals(grants.filter((grant) => !values.includes(grant)), []);
    }
  }));
});

Deno.test("union() keeps a folder in place of what is in it, for paths alone", () => {
  assertEquals(union({ read: ["/w/a", "/w", "/wx"], run: ["/w", "/w/a"] }), {
    ...NOTHING,
    read: ["/w", "/wx"],
    run: ["/w", "/w/a"],
  });
});

Deno.test("union() of 100,000 paths looks at the folders of each, not at all others", () => {
  const paths = Array.from({ length: 100_000 }, (_, i) => `/w/${i % 1000}/${i}`).sort();
  assertEquals(union({ read: paths }).read, paths);
  assertEquals(union({ read: paths }, { read: ["/w"] }).read, ["/w"]);
});
