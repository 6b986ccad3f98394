import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { covers } from "../../../src/core/isolation/worker_permissions.ts";
import {
  isInside,
  NOTHING,
  PERMISSION_NAMES,
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

// deno-fmt-ignore -- a row is a line
const COVERS: readonly { cell: string; outer: Partial<PermissionSet>; inner: Partial<PermissionSet>; expected: boolean }[] = [
  { cell: "nothing by nothing", outer: {}, inner: {}, expected: true },
  { cell: "a folder by itself", outer: { read: ["/w"] }, inner: { read: ["/w"] }, expected: true },
  { cell: "a file by its folder", outer: { read: ["/w"] }, inner: { read: ["/w/a"] }, expected: true },
  { cell: "a sibling by a folder", outer: { read: ["/w"] }, inner: { read: ["/wx"] }, expected: false },
  { cell: "a folder by a file in it", outer: { read: ["/w/a"] }, inner: { read: ["/w"] }, expected: false },
  { cell: "writing by reading", outer: { read: ["/w"] }, inner: { write: ["/w"] }, expected: false },
  { cell: "a list by all", outer: { net: true }, inner: { net: ["h:1"] }, expected: true },
  { cell: "all by a list", outer: { net: ["h:1"] }, inner: { net: true }, expected: false },
  { cell: "a host by one with a longer name", outer: { net: ["h/x:1"] }, inner: { net: ["h:1"] }, expected: false },
  { cell: "a command by its folder", outer: { run: ["/bin"] }, inner: { run: ["/bin/ls"] }, expected: false },
];
for (const { cell, outer, inner, expected } of COVERS) {
  Deno.test(`covers() says ${expected} for ${cell}`, () => {
    assertEquals(covers({ ...NOTHING, ...outer }, { ...NOTHING, ...inner }), expected);
  });
}

const PATHS = fc.uniqueArray(fc.constantFrom("/", "/w", "/w/a", "/w/a/b", "/wx", "/x/y"));
const SET = fc.record({
  read: PATHS,
  write: PATHS,
  net: fc.oneof(fc.constant(true as const), fc.uniqueArray(fc.constantFrom("h:1", "h", "i:2"))),
  run: fc.uniqueArray(fc.constantFrom("/bin/a", "/bin/b")),
});

Deno.test("union() covers each of its parts, and says nothing twice", () => {
  fc.assert(fc.property(SET, SET, (a, b) => {
    const both = union(a, b);
    assert(covers(both, a) && covers(both, b));
    assertEquals(union(both, a), both);
    assertEquals(union(b, a), both);
    for (const name of PERMISSION_NAMES) {
      const grants = both[name];
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
