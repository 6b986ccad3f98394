import { assert } from "@std/assert";
import fc from "fast-check";
import { stagingPath, workerPermissions } from "../../src/core/isolation/worker_permissions.ts";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import type { Grants } from "../../src/core/isolation/permission_set.ts";
import { effectOn, load } from "../core/policy/deciding.ts";

const FILES = { actions: ["fs.read", "fs.list", "fs.write", "fs.delete", "fs.move"] };
const HTTP = { actions: ["net.http"] };

/** Patterns with the literal places in front of their first wildcard, worked out by hand. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  "/w/**": ["/w"],
  "/w/*": ["/w"],
  "/w/*/*": ["/w"],
  "/w/*/**": ["/w"],
  "/w/a": ["/w/a"],
  "/w/a/**": ["/w/a"],
  "/w/a/*": ["/w/a"],
  "/w/a/*/*": ["/w/a"],
  "/w/a/**/*": ["/w/a"],
  "/w/a/**/**": ["/w/a"],
  "/w/{a,b}/**": ["/w/a", "/w/b"],
  "/w/a?/c": ["/w"],
  "/w/[ab]/**": ["/w"],
  "/w/\\*/**": ["/w/*"],
  "/x": ["/x"],
  "/x/*.txt": ["/x"],
  "/**": ["/"],
  "/*": ["/"],
};
const TARGETS = [
  "/",
  "/w",
  "/x",
  "/w/a",
  "/w/b",
  "/w/ab",
  "/w/*",
  "/w/a/c",
  "/w/b/c",
  "/w/ab/c",
  "/w/*/c",
  "/w/a/c/d",
  "/w/a/c/d/e",
  "/x/y.txt",
  "/x/y",
  "/y",
];
const FILE_RULE = fc.record({
  action: fc.oneof(
    fc.constantFrom("fs.*", ...FILES.actions),
    fc.subarray(FILES.actions, { minLength: 1 }),
  ),
  resource: fc.constantFrom(...Object.keys(PLACES)),
  constraint: fc.constantFrom({}, {}, { p: 1 }),
}).map(({ constraint, ...rule }) => "p" in constraint ? { ...rule, constraint } : rule);
const OWN = fc.constantFrom({}, { read: ["/w/a/log"], write: ["/w/a/log"] });

function isIn(path: string, folder: string): boolean {
  return path === folder || folder === "/" || path.startsWith(`${folder}/`);
}

function permits(grants: Grants, path: string): boolean {
  return grants === true || grants.some((one) => isIn(path, one));
}

Deno.test("processPermissions() permits whatever authorize() allows: files", () => {
  let allowed = 0;
  fc.assert(
    fc.property(
      fc.array(FILE_RULE, { minLength: 1, maxLength: 4 }),
      fc.array(FILE_RULE, { maxLength: 3 }),
      OWN,
      (capabilities, deny, own) => {
        const policy = load({ capabilities, deny });
        const process = processPermissions(policy, [FILES], own);
        const worker = workerPermissions(policy, FILES);
        for (const action of FILES.actions) {
          const accesses = action === "fs.read" || action === "fs.list"
            ? ["read"] as const
            : ["read", "write"] as const;
          for (const target of TARGETS) {
            for (const params of [{ to: target }, { to: target, p: 1 }]) {
              if (effectOn(policy, action, target, params) !== "allow") continue;
              allowed++;
              for (const access of accesses) {
                const what = `${action} ${target}: ${access} ${JSON.stringify(process)}`;
                assert(permits(worker[access], target), `worker, ${what}`);
                assert(permits(process.allow[access], target), `process, ${what}`);
                assert(!permits(process.deny[access], target), `denied, ${what}`);
              }
            }
          }
        }
      },
    ),
    { numRuns: 800 },
  );
  assert(allowed > 1000, `only ${allowed} requests were allowed`);
});

Deno.test("A whole file can be staged wherever authorize() allows to write it", () => {
  for (const resource of Object.keys(PLACES)) {
    const policy = load({ capabilities: [{ action: "fs.write", resource }] });
    const { write } = workerPermissions(policy, FILES);
    for (
      const target of TARGETS.filter((one) =>
        one !== "/" && effectOn(policy, "fs.write", one) === "allow"
      )
    ) {
      assert(permits(write, stagingPath(target)), `${resource} ${target}`);
    }
  }
});

Deno.test("processPermissions() permits nothing outside of the literal places of allow rules: files", () => {
  fc.assert(
    fc.property(
      fc.array(FILE_RULE, { maxLength: 4 }),
      fc.array(FILE_RULE, { maxLength: 3 }),
      (capabilities, deny) => {
        const policy = load({ capabilities, deny });
        const places = capabilities.flatMap(({ resource }) => PLACES[resource] ?? []);
        const writing = capabilities.filter(({ action }) =>
          [action].flat().some((one) => one !== "fs.read" && one !== "fs.list")
        );
        const writePlaces = writing.flatMap(({ resource }) => PLACES[resource] ?? []);
        for (
          const set of [workerPermissions(policy, FILES), processPermissions(policy, [FILES]).allow]
        ) {
          for (const [grants, within] of [[set.read, places], [set.write, writePlaces]] as const) {
            assert(grants !== true);
            for (const grant of grants) {
              assert(
                within.some((place) => isIn(grant, place) || grant === stagingPath(place)),
                `${grant} of ${within}`,
              );
            }
          }
        }
      },
    ),
    { numRuns: 800 },
  );
});

const HOSTS: Readonly<Record<string, readonly string[]>> = {
  "https://h.example/**": ["h.example:443"],
  "http://h.example/a": ["h.example:80"],
  "https://h.example:*/**": ["h.example"],
  "https://*.h.example/**": ["*.h.example:443"],
  "https://**.h.example:8443/**": ["*.h.example:8443"],
  "https://a.*.example/**": ["*.example:443"],
  "https://{a,b}.example/**": ["a.example:443", "b.example:443"],
  "http://127.0.0.1:8080/**": ["127.0.0.1:8080"],
  "http://[::1]/**": ["[::1]:80"],
};
const URLS = [
  "https://h.example/x",
  "http://h.example/a",
  "https://h.example:8443/x",
  "https://x.h.example/x",
  "https://y.x.h.example:8443/x",
  "https://a.x.example/x",
  "https://a.example/x",
  "https://b.example/x",
  "http://127.0.0.1:8080/x",
  "http://0x7f.1:8080/x",
  "http://[0::1]/x",
  "http://[::ffff:7f00:1]:8080/x",
  "https://x.h.example:8443/x",
];

/** What Deno makes of `--allow-net` for a connection, as its manual says. */
function connects(grants: Grants, host: string, port: string): boolean {
  return grants === true || grants.some((grant) => {
    const [, name = "", only] = /^(.*?)(?::(\d+))?$/.exec(
      grant.startsWith("[") ? grant.replace(/:(?=[^\]]*\])/g, "\0") : grant,
    ) ?? [];
    const allowed = name.replaceAll("\0", ":");
    const named = allowed.startsWith("*.") ? host.endsWith(allowed.slice(1)) : host === allowed;
    return named && (only === undefined || only === port);
  });
}

Deno.test("processPermissions() permits whatever authorize() allows, and names no other host: URLs", () => {
  let allowed = 0;
  const resources = fc.subarray(Object.keys(HOSTS), { minLength: 1 });
  fc.assert(fc.property(resources, resources, (resource, denied) => {
    const policy = load({
      capabilities: [{ action: "net.http", resource }],
      deny: [{ action: "net.http", resource: denied.slice(0, 1) }],
    });
    const { net } = workerPermissions(policy, HTTP);
    for (const target of URLS) {
      if (effectOn(policy, "net.http", target) !== "allow") continue;
      allowed++;
      const { hostname, port, protocol } = new URL(target.replace("[::ffff:7f00:1]", "127.0.0.1"));
      assert(
        connects(net, hostname, port || (protocol === "http:" ? "80" : "443")),
        `${target} of ${net}`,
      );
    }
    assert(net !== true);
    for (const grant of net) assert(resource.some((one) => HOSTS[one]?.includes(grant)), grant);
  }));
  assert(allowed > 100, `only ${allowed} requests were allowed`);
});

Deno.test("Adding a deny rule never permits more", () => {
  fc.assert(
    fc.property(
      fc.array(FILE_RULE, { maxLength: 4 }),
      fc.array(FILE_RULE, { maxLength: 2 }),
      FILE_RULE,
      (capabilities, deny, more) => {
        const before = processPermissions(load({ capabilities, deny }), [FILES]);
        const after = processPermissions(load({ capabilities, deny: [...deny, more] }), [FILES]);
        for (const access of ["read", "write"] as const) {
          for (const target of TARGETS) {
            const may = ({ allow, deny }: typeof before) =>
              permits(allow[access], target) && !permits(deny[access], target);
            assert(may(before) || !may(after), `${access} ${target}`);
          }
        }
      },
    ),
    { numRuns: 800 },
  );
});
