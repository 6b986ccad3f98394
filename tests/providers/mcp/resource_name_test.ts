import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { resourceName, resourceOf } from "../../../providers/mcp/resource_name.ts";

const NAMES: readonly (readonly [uri: string, name: string])[] = [
  ["file:///srv/a.txt", "s/file:/srv/a.txt"],
  ["file://host/srv/a.txt", "s/file:host/srv/a.txt"],
  ["note://today", "s/note:today"],
  ["note://today/", "s/note:today/%"],
  ["https://example.com/a//b?q=1", "s/https:example.com/a/%/b?q=1"],
  ["urn:isbn:1", "s/urn:%/isbn:1"],
  ["note://a%20b", "s/note:a%20b"],
  ["note://ä", "s/note:ä"],
  ["file:///..notes", "s/file:/..notes"],
];
for (const [uri, name] of NAMES) {
  Deno.test(`the resource ${uri} is ${name} in a policy, and back`, () => {
    assertEquals(resourceName("s", uri), name);
    assertEquals(resourceOf(name), { server: "s", uri });
  });
}

const REFUSED = [
  "/etc/passwd",
  "file:/etc/passwd",
  "file:///srv/../etc",
  "file:///srv/%2e%2e/etc",
  "file:///srv/%252e%252e/etc",
  "file:///srv/..%2fetc",
  "file:///srv/..\\etc",
  "note://a\u202eb",
  "note://a\u200bb",
  "note://a b",
  "note://a\nb",
  "note://a%0ab",
  "note://a%00",
  "note://a%",
  "note://a\u0308",
  `note://${"x".repeat(3000)}`,
];
for (const uri of REFUSED) {
  Deno.test(`the URI ${JSON.stringify(uri.slice(0, 40))} has no name in a policy`, () => {
    assertThrows(() => resourceName("s", uri), Error, "is no URI of a resource");
  });
}

for (const target of ["s", "s/", "s/a", "s/file:/a/../b", "s/FILE:/a", "s/urn:%", "/note:a"]) {
  Deno.test(`${JSON.stringify(target)} is the name of no resource, or of exactly one`, () => {
    let uri: string;
    try {
      ({ uri } = resourceOf(target));
    } catch {
      return; // Refused, which is what is expected of most.
    }
    assertEquals(resourceName(target.split("/")[0] as string, uri), target);
  });
}

Deno.test("no two URIs have the same name", () => {
  const part = fc.constantFrom("", "a", "b", ".", "%41", "%", "?", ":");
  const uri = fc.tuple(
    fc.constantFrom("n:", "n://", "n:///", "m://"),
    fc.array(part, { maxLength: 5 }),
  )
    .map(([start, parts]) => start + parts.join("/"));
  const nameOf = (uri: string) => {
    try {
      return resourceName("s", uri);
    } catch {
      return undefined;
    }
  };
  fc.assert(
    fc.property(uri, uri, (a, b) => {
      const [one, two] = [nameOf(a), nameOf(b)];
      if (one !== undefined && one === two) assertEquals(a, b);
      if (one !== undefined) assertEquals(resourceOf(one).uri, a);
    }),
    { numRuns: 3000 },
  );
});
