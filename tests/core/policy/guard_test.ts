import { assertEquals, assertStringIncludes } from "@std/assert";
import { denoWorld } from "../../../src/core/resource/deno_world.ts";
import { Workspace } from "../../workspace.ts";
import { decisionOn, effectOn, load } from "./deciding.ts";

const WORLD = denoWorld({ searchPath: [] });
const GUARDED = [{ path: "/w/kernel.log", what: "audit log" }, {
  path: "/w/po[l]*",
  what: "policy file",
}];
const EVERYTHING = { capabilities: [{ action: "fs.*", resource: "/**" }] };

// deno-fmt-ignore -- a row is a line
const ROWS: readonly { action: string; target: string; to?: string; expected: string; why: string }[] = [
  { action: "fs.write", target: "/w/kernel.log", expected: "deny", why: "it is the log" },
  { action: "fs.delete", target: "/w/kernel.log", expected: "deny", why: "it is the log" },
  { action: "fs.mkdir", target: "/w/kernel.log", expected: "deny", why: "a folder would take its place" },
  { action: "fs.move", target: "/w/kernel.log", to: "/w/a", expected: "deny", why: "it would be gone" },
  { action: "fs.move", target: "/w/a", to: "/w/kernel.log", expected: "deny", why: "it would be replaced" },
  { action: "fs.write", target: "/w/./x/../kernel.log", expected: "deny", why: "it is the log" },
  { action: "fs.write", target: "/w/kernel.log/", expected: "deny", why: "it is the log" },
  { action: "fs.write", target: "/w/kernel.log/x", expected: "deny", why: "a folder would take its place" },
  { action: "fs.write", target: "/w/kernel.log.torn", expected: "deny", why: "it is a side file" },
  { action: "fs.write", target: "/w/kernel.log.1", expected: "deny", why: "it is a side file" },
  { action: "fs.write", target: "/w/kernel.log.d/x", expected: "deny", why: "it is in a side folder" },
  { action: "fs.write", target: "/w/kernel.logs", expected: "allow", why: "it is another file" },
  { action: "fs.write", target: "/w/kernel.lo", expected: "allow", why: "it is another file" },
  { action: "fs.write", target: "/w/my-kernel.log", expected: "allow", why: "it is another file" },
  { action: "fs.write", target: "/x/kernel.log", expected: "allow", why: "it is another file" },
  { action: "fs.write", target: "/w/Kernel.log", expected: "allow", why: "it is another file" },
  { action: "fs.read", target: "/w/kernel.log", expected: "allow", why: "reading changes nothing" },
  { action: "fs.stat", target: "/w/kernel.log", expected: "allow", why: "looking changes nothing" },
  { action: "fs.write", target: "/w/po[l]*", expected: "deny", why: "its name means itself" },
  { action: "fs.write", target: "/w/polx", expected: "allow", why: "the name is no pattern" },
  { action: "fs.write", target: "/w/po[l]*.lock", expected: "deny", why: "it is a side file" },
];

for (const { action, target, to, expected, why } of ROWS) {
  Deno.test(`A guarded log has the effect ${expected} on ${action} of ${target}${to === undefined ? "" : ` to ${to}`}: ${why}`, () => {
    const policy = load(EVERYTHING, { guarded: GUARDED });
    const params = to === undefined ? {} : { to };
    const decision = decisionOn(policy, action, target, params);
    assertEquals([decision?.effect, decision?.code], [
      expected,
      expected === "deny" ? "GUARDED" : "ALLOWED",
    ]);
  });
}

Deno.test("A guarded file is named with what it is", () => {
  const policy = load(EVERYTHING, { guarded: GUARDED });
  const decision = decisionOn(policy, "fs.write", "/w/kernel.log");
  assertEquals(decision?.ruleId, "kernel:audit-log");
  assertStringIncludes(
    decision?.reason ?? "",
    '"/w/kernel.log" belongs to the kernel itself: audit log',
  );
});

Deno.test("A guard holds for the writing actions of providers too", () => {
  const actions = {
    "zip.pack": { kind: "path", access: ["write"] },
    "zip.list": { kind: "path" },
  } as const;
  const policy = load({ capabilities: [{ action: "zip.*", resource: "/**" }] }, {
    guarded: GUARDED,
    actions,
  });
  assertEquals(effectOn(policy, "zip.pack", "/w/kernel.log"), "deny");
  assertEquals(effectOn(policy, "zip.list", "/w/kernel.log"), "allow");
  assertEquals(effectOn(policy, "zip.pack", "/w/a.zip"), "allow");
});

Deno.test("A guarded file cannot be moved away or deleted with the folder that it is in", () => {
  const policy = load(EVERYTHING, {
    guarded: [{ path: "/w/kernel/log/a.log", what: "audit log" }],
  });
  for (const target of ["/w/kernel/log", "/w/kernel", "/w"]) {
    assertEquals(effectOn(policy, "fs.delete", target), "deny", `delete ${target}`);
    assertEquals(effectOn(policy, "fs.move", target, { to: "/x" }), "deny", `move ${target}`);
    assertEquals(effectOn(policy, "fs.move", "/x", { to: target }), "deny", `replace ${target}`);
  }
  assertEquals(effectOn(policy, "fs.delete", "/w/kernel/other"), "allow");
  assertEquals(effectOn(policy, "fs.write", "/w/kernel/log/b.log"), "allow");
});

Deno.test("A guard holds for a log that does not exist yet, under each name of its folder", () => {
  using ws = new Workspace();
  ws.folder("real");
  ws.link("alias", "real");
  for (const named of ["real/kernel.log", "alias/kernel.log"]) {
    const policy = load({ capabilities: [{ action: "fs.*", resource: `${ws.root}/**` }] }, {
      world: WORLD,
      guarded: [{ path: ws.path(named), what: "audit log" }],
    });
    for (const target of ["real/kernel.log", "alias/kernel.log", "alias/kernel.log.torn"]) {
      assertEquals(
        effectOn(policy, "fs.write", ws.path(target), {}, WORLD),
        "deny",
        `${named}: ${target}`,
      );
    }
    assertEquals(effectOn(policy, "fs.write", ws.path("alias/other.log"), {}, WORLD), "allow");
  }
});

Deno.test("A guard holds behind a link that appears after loading", () => {
  using ws = new Workspace();
  ws.file("kernel.log");
  const policy = load({ capabilities: [{ action: "fs.*", resource: `${ws.root}/**` }] }, {
    world: WORLD,
    guarded: [{ path: ws.path("kernel.log"), what: "audit log" }],
  });
  ws.link("innocent", "kernel.log");
  ws.link("folder", ".");
  ws.link("soon", "kernel.log.1");
  for (const target of ["innocent", "folder/kernel.log", "soon"]) {
    assertEquals(effectOn(policy, "fs.write", ws.path(target), {}, WORLD), "deny", target);
  }
  assertEquals(effectOn(policy, "fs.write", ws.path("folder/other"), {}, WORLD), "allow");
});

Deno.test("A guard holds for a link to the log, also if a deny rule of the policy names the log too", () => {
  using ws = new Workspace();
  ws.file("log/kernel.log");
  ws.file("log/other");
  ws.link("w/log", ws.path("log/kernel.log"));
  ws.link("w/other", ws.path("log/other"));
  const deny = { action: "fs.*", resource: `${ws.root}/log/**` };
  for (const rules of [[], [deny], [{ ...deny, agent: "alice" }]]) {
    const policy = load({
      capabilities: [{ action: "fs.*", resource: `${ws.root}/w/**` }],
      deny: rules,
    }, { world: WORLD, guarded: [{ path: ws.path("log/kernel.log"), what: "audit log" }] });
    const codeOf = (name: string) =>
      decisionOn(policy, "fs.delete", ws.path("w", name), {}, WORLD)?.code;
    assertEquals([codeOf("log"), codeOf("other")], ["GUARDED", "ALLOWED"]);
  }
});
