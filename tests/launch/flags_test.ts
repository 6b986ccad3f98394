import { assertEquals, assertThrows } from "@std/assert";
import { NOTHING, toWorkerOptions } from "../../src/core/isolation/permission_set.ts";
import { toDenoJson, toFlags } from "../../src/launch/flags.ts";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import { load } from "../core/policy/deciding.ts";

const NO_DENY = { read: [], write: [], net: [] };
const POLICY = load({
  capabilities: [
    { action: ["fs.read", "fs.list", "fs.write", "fs.delete"], resource: "/w/**" },
    { action: "net.http", resource: ["https://h.example/**", "http://127.0.0.1:8080/**"] },
    { action: "proc.exec", resource: "ls" },
  ],
  deny: [{ action: ["fs.write", "fs.delete"], resource: "/w/keys/**" }],
});
const SET = processPermissions(POLICY, [{
  actions: ["fs.read", "fs.list", "fs.write", "fs.delete", "net.http", "proc.exec"],
}]);
/** Pinned in `private_networks_test.ts`. */
const NETWORKS = SET.deny.net;

Deno.test("toFlags() pins the flags of a policy", () => {
  assertEquals(toFlags(SET), [
    "--no-prompt",
    "--unstable-worker-options",
    "--cached-only",
    "--frozen",
    "--allow-read=/bin/ls,/w",
    "--allow-write=/w",
    "--allow-net=127.0.0.1:8080,h.example:443",
    "--allow-run=/bin/ls",
    "--deny-write=/w/keys",
    `--deny-net=${NETWORKS.join(",")}`,
  ]);
});

Deno.test("toFlags() grants nothing for nothing: an empty list would be everything", () => {
  assertEquals(toFlags({ allow: NOTHING, deny: NO_DENY }), [
    "--no-prompt",
    "--unstable-worker-options",
    "--cached-only",
    "--frozen",
  ]);
  assertEquals(toFlags(processPermissions(load({ capabilities: [] }), [])), [
    "--no-prompt",
    "--unstable-worker-options",
    "--cached-only",
    "--frozen",
  ]);
});

Deno.test("toFlags() writes all of a permission without a list", () => {
  assertEquals(toFlags({ allow: { ...NOTHING, net: true }, deny: NO_DENY }).slice(4), [
    "--allow-net",
  ]);
});

// deno-fmt-ignore -- a row is a line
const COMMAS: readonly { cell: string; allow?: object; deny?: object }[] = [
  { cell: "an allowed path", allow: { read: ["/w/a,/etc"] } },
  { cell: "the second of two paths", allow: { write: ["/w", "/w,x"] } },
  { cell: "a denied path", deny: { read: ["/w/a,b"] } },
  { cell: "a command", allow: { run: ["/bin/a,b"] } },
];
for (const { cell, allow = {}, deny = {} } of COMMAS) {
  Deno.test(`toFlags() refuses a comma in ${cell}, where it would add another value`, () => {
    const set = { allow: { ...NOTHING, ...allow }, deny: { ...NO_DENY, ...deny } };
    assertThrows(() => toFlags(set), RangeError, "comma");
  });
}

Deno.test("toDenoJson() pins the entry of a policy", () => {
  assertEquals(toDenoJson(SET), {
    read: ["/bin/ls", "/w"],
    write: { allow: ["/w"], deny: ["/w/keys"] },
    net: { allow: ["127.0.0.1:8080", "h.example:443"], deny: NETWORKS },
    run: ["/bin/ls"],
  });
});

Deno.test("toDenoJson() takes a comma, and leaves out what is not granted", () => {
  assertEquals(toDenoJson({ allow: { ...NOTHING, read: ["/w/a,b"] }, deny: NO_DENY }), {
    read: ["/w/a,b"],
  });
  assertEquals(
    toDenoJson({ allow: { ...NOTHING, net: true }, deny: { ...NO_DENY, net: ["10.0.0.0/8"] } }),
    {
      net: { allow: true, deny: ["10.0.0.0/8"] },
    },
  );
  assertEquals(toDenoJson({ allow: NOTHING, deny: NO_DENY }), {});
});

Deno.test("toFlags() writes a long list as several flags, none longer than Linux takes", () => {
  const run = Array.from({ length: 10_000 }, (_, i) => `/usr/bin/${"é".repeat(20)}${i}`);
  const flags = toFlags({ allow: { ...NOTHING, run }, deny: NO_DENY })
    .filter((flag) => flag.startsWith("--allow-run="));
  const bytes = flags.map((flag) => new TextEncoder().encode(flag).length);
  assertEquals(bytes.filter((count) => count >= 128 * 1024), []);
  assertEquals(flags.flatMap((flag) => flag.slice("--allow-run=".length).split(",")), run);
});

Deno.test("toWorkerOptions() pins the permissions of a Worker: those that policies do not speak of are off", () => {
  assertEquals(toWorkerOptions({ read: ["/w"], write: [], net: true, run: ["/bin/ls"] }), {
    read: ["/w"],
    write: [],
    net: true,
    run: ["/bin/ls"],
    env: false,
    sys: false,
    ffi: false,
    import: false,
  });
});

Deno.test("toWorkerOptions() takes over only what it is told to", () => {
  const { read, write, net, run } = toWorkerOptions({ ...NOTHING, read: ["/w"], write: ["/w"] }, [
    "read",
  ]);
  assertEquals([read, write, net, run], ["inherit", ["/w"], [], []]);
});

Deno.test("toWorkerOptions() hands out lists of its own", () => {
  const set = { ...NOTHING, read: ["/w"] };
  const options = toWorkerOptions(set);
  (options.read as string[]).push("/");
  assertEquals(set.read, ["/w"]);
});
