import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { authorize } from "../../../src/core/policy/authorize.ts";
import { denoWorld } from "../../../src/core/resource/deno_world.ts";
import { PATH } from "../../../src/core/resource/path.ts";
import { decisionOn, effectOn, load, outsideCheckouts } from "../policy/deciding.ts";
import { Workspace } from "../../workspace.ts";

const WORLD = denoWorld({ searchPath: [] });

/** The world of every row: `in/` is allowed, `out/` is not. */
function build(): Workspace {
  const ws = new Workspace();
  ws.file("in/file", "inside");
  ws.folder("in/folder");
  ws.file("in/folder/deep", "inside");
  ws.file("out/secret", "outside");
  ws.folder("out/folder");
  return ws;
}

// deno-fmt-ignore -- a row is a line
const LINKS: readonly {
  cell: string;
  /** Link and what it points to, `$` standing for the root of the workspace. */
  link?: [string, string];
  more?: [string, string];
  target: string;
  expected: "allow" | "deny" | "invalid";
  why: string;
}[] = [
  { cell: "a file", target: "in/file", expected: "allow", why: "no link is involved" },
  { cell: "a new file", target: "in/new", expected: "allow", why: "its folder is inside" },
  { cell: "a new file in new folders", target: "in/a/b/c", expected: "allow", why: "the nearest folder is inside" },
  { cell: "a file below a file", target: "in/file/x", expected: "allow", why: "the provider will fail, nothing leaks" },
  { cell: "a link to a file inside", link: ["in/l", "$/in/file"], target: "in/l", expected: "allow", why: "both are inside" },
  { cell: "a link to a file outside", link: ["in/l", "$/out/secret"], target: "in/l", expected: "deny", why: "the real file is outside" },
  { cell: "a relative link out", link: ["in/l", "../out/secret"], target: "in/l", expected: "deny", why: "the real file is outside" },
  { cell: "a relative link inside", link: ["in/l", "folder/../file"], target: "in/l", expected: "allow", why: "it stays inside" },
  { cell: "a link to a folder outside", link: ["in/l", "$/out"], target: "in/l/secret", expected: "deny", why: "the folder is on the way" },
  { cell: "a link to a folder inside", link: ["in/l", "$/in/folder"], target: "in/l/deep", expected: "allow", why: "it stays inside" },
  { cell: "a new file behind a link out", link: ["in/l", "$/out"], target: "in/l/new", expected: "deny", why: "it would be made outside" },
  { cell: "new folders behind a link out", link: ["in/l", "$/out"], target: "in/l/a/b/c", expected: "deny", why: "they would be made outside" },
  { cell: "a climb behind a link out", link: ["in/l", "$/out/folder"], target: "in/l/../secret", expected: "allow", why: "dots go first: it is the new file in/secret" },
  { cell: "a dangling link out", link: ["in/l", "$/out/none"], target: "in/l", expected: "deny", why: "writing would make the file outside" },
  { cell: "a dangling link inside", link: ["in/l", "$/in/none"], target: "in/l", expected: "allow", why: "writing would make the file inside" },
  { cell: "a dangling link to a far place", link: ["in/l", "$/none/a/b"], target: "in/l", expected: "deny", why: "the place is outside" },
  { cell: "a path behind a dangling link out", link: ["in/l", "$/out/none"], target: "in/l/x", expected: "deny", why: "the place is outside" },
  { cell: "a dangling link over a link out", link: ["in/l", "$/in/m/none"], more: ["in/m", "$/out"], target: "in/l", expected: "deny", why: "the second link leads out" },
  { cell: "a link by way of what is not there", link: ["in/l", "none/../folder"], more: ["in/folder/f", "$/out/secret"], target: "in/l/f", expected: "invalid", why: "the system finds nothing there, so nothing may be put there" },
  { cell: "a link out of where a link leads", link: ["in/l", "m/../new"], more: ["in/m", "$/out/folder"], target: "in/l", expected: "deny", why: "writing would make out/new" },
  { cell: "a chain out", link: ["in/l", "m"], more: ["in/m", "$/out/secret"], target: "in/l", expected: "deny", why: "the end of the chain is outside" },
  { cell: "a chain that comes back", link: ["in/l", "$/out/m"], more: ["out/m", "$/in/file"], target: "in/l", expected: "allow", why: "only the end counts" },
  { cell: "a loop", link: ["in/l", "m"], more: ["in/m", "l"], target: "in/l", expected: "invalid", why: "it has no real path" },
  { cell: "a path through a loop", link: ["in/l", "l"], target: "in/l/x", expected: "invalid", why: "it has no real path" },
  { cell: "a link to the root", link: ["in/l", "/"], target: "in/l/etc/passwd", expected: "deny", why: "the real file is outside" },
  { cell: "a link out with a slash", link: ["in/l", "$/out"], target: "in/l/", expected: "deny", why: "the slash changes nothing" },
  { cell: "a link outside that leads in", link: ["out/l", "$/in/file"], target: "out/l", expected: "deny", why: "its own path is not allowed" },
  { cell: "a link called ..notes", link: ["in/..notes", "$/in/file"], target: "in/..notes", expected: "allow", why: "it stays inside" },
  { cell: "a link to the own folder", link: ["in/l", "."], target: "in/l/l/l/file", expected: "allow", why: "it stays inside" },
  { cell: "the process's root", link: ["in/l", "/proc/self/root"], target: "in/l/etc/passwd", expected: "deny", why: "it is the real root" },
];

for (const { cell, link, more, target, expected, why } of LINKS) {
  Deno.test(`authorize() has the effect ${expected} on ${cell}: ${why}`, () => {
    using ws = build();
    // Loaded first: the links appear afterwards, as an agent would make them.
    const policy = load(
      { capabilities: [{ action: "fs.write", resource: `${ws.root}/in/**` }] },
      { world: WORLD },
    );
    for (const [name, goal] of [link, more].filter((one) => one !== undefined)) {
      ws.link(name, goal.replace("$", ws.root));
    }
    assertEquals(effectOn(policy, "fs.write", `${ws.root}/${target}`, {}, WORLD), expected);
  });
}

Deno.test("authorize() hands on the real path, which is the one that was decided", () => {
  using ws = build();
  ws.link("in/l", "folder");
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/in/**` }],
  }, { world: WORLD });
  const asked = { action: "fs.read", target: `${ws.root}/in/./l//deep` };
  const { request, decision } = authorize(asked, { policy, world: WORLD });
  assertEquals([decision.effect, request.target], ["allow", ws.path("in/folder/deep")]);
});

Deno.test("authorize() names both ends of a link that leads out", () => {
  using ws = build();
  ws.link("in/l", ws.path("out/secret"));
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/in/**` }],
  }, { world: WORLD });
  const reason = decisionOn(policy, "fs.read", ws.path("in/l"), {}, WORLD)?.reason ?? "";
  assertStringIncludes(reason, ws.path("in/l"));
  assertStringIncludes(reason, ws.path("out/secret"));
});

Deno.test("A deny rule holds for the real path whatever link leads there", () => {
  using ws = build();
  ws.link("in/l", "folder");
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/**` }],
    deny: [{ action: "fs.read", resource: `${ws.root}/in/folder/**` }],
  }, { world: WORLD });
  assertEquals(effectOn(policy, "fs.read", ws.path("in/l/deep"), {}, WORLD), "deny");
  assertEquals(effectOn(policy, "fs.read", ws.path("in/l"), {}, WORLD), "deny");
  assertEquals(effectOn(policy, "fs.read", ws.path("in/file"), {}, WORLD), "allow");
});

Deno.test("A deny rule that goes through a link holds for the real path too", () => {
  using ws = build();
  ws.link("alias", ws.path("in"));
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/**` }],
    deny: [{ action: "fs.read", resource: `${ws.root}/alias/folder/**` }],
  }, { world: WORLD });
  assertEquals(effectOn(policy, "fs.read", ws.path("in/folder/deep"), {}, WORLD), "deny");
  assertEquals(effectOn(policy, "fs.read", ws.path("in/file"), {}, WORLD), "allow");
});

Deno.test("An allow rule whose folder is a link holds for both names of the folder", () => {
  using ws = build();
  ws.link("alias", ws.path("in"));
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/alias/**` }],
  }, { world: outsideCheckouts(WORLD) });
  assertEquals(effectOn(policy, "fs.read", ws.path("alias/file"), {}, WORLD), "allow");
  assertEquals(effectOn(policy, "fs.read", ws.path("in/file"), {}, WORLD), "allow");
  assertEquals(effectOn(policy, "fs.read", ws.path("out/secret"), {}, WORLD), "deny");
});

Deno.test("authorize() follows no link of a target that is denied by its text", () => {
  using ws = build();
  const asked: string[] = [];
  const watched = {
    ...WORLD,
    realPath: (path: string) => (asked.push(path), WORLD.realPath(path)),
    readLink: (path: string) => (asked.push(path), WORLD.readLink(path)),
  };
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/in/**` }],
  }, { world: WORLD });
  assertEquals(effectOn(policy, "fs.read", ws.path("out/secret"), {}, watched), "deny");
  assertEquals(asked, []);
  assertEquals(effectOn(policy, "fs.read", ws.path("in/file"), {}, watched), "allow");
  assertEquals(asked.length > 0, true);
});

// deno-fmt-ignore -- a row is a line
const MAGIC: readonly { target: string; why: string }[] = [
  { target: "/proc/self/root/etc/passwd", why: "it is /etc/passwd" },
  { target: "/proc/self/cwd/deno.json", why: "it is where the kernel stands" },
  { target: "/proc/self/exe", why: "it is the runtime's own file" },
  { target: "/dev/fd/0", why: "it is whatever the process has open" },
];
for (const { target, why } of MAGIC) {
  Deno.test(`authorize() never allows ${target} through its folder: ${why}`, () => {
    const folder = target.slice(0, target.indexOf("/", 1));
    const policy = load({
      capabilities: [{ action: "fs.read", resource: `${folder}/**` }],
    }, { world: WORLD });
    assertNotEquals(effectOn(policy, "fs.read", target, {}, WORLD), "allow");
  });
}

Deno.test("authorize() tells names in NFC and NFD apart, as the disk does", () => {
  using ws = new Workspace();
  ws.file("caf\u00e9", "composed");
  ws.file("cafe\u0301", "decomposed");
  const policy = load({
    capabilities: [{ action: "fs.read", resource: `${ws.root}/caf\u00e9` }],
  }, { world: WORLD });
  assertEquals(effectOn(policy, "fs.read", ws.path("caf\u00e9"), {}, WORLD), "allow");
  assertEquals(effectOn(policy, "fs.read", ws.path("cafe\u0301"), {}, WORLD), "deny");
});

Deno.test("what is looked at to resolve a path that is not there grows with its depth, not with its square", () => {
  using ws = build();
  ws.link("in/l", "folder");
  const looksAt = (depth: number) => {
    let looks = 0;
    const counting = {
      ...WORLD,
      realPath: (path: string) => (looks++, WORLD.realPath(path)),
      readLink: (path: string) => (looks++, WORLD.readLink(path)),
    };
    const target = ws.path(`in/l${"/new".repeat(depth)}`);
    assertEquals(PATH.resolve(target, counting), ws.path(`in/folder${"/new".repeat(depth)}`));
    return looks;
  };
  assertEquals(looksAt(200) - looksAt(100), looksAt(300) - looksAt(200));
});
