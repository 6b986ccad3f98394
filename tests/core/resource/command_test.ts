import { assertEquals, assertThrows } from "@std/assert";
import { COMMAND } from "../../../src/core/resource/command.ts";
import { denoWorld } from "../../../src/core/resource/deno_world.ts";
import { CanonicalError, PatternError, type World } from "../../../src/core/resource/world.ts";
import { effectOn, FLAT, load } from "../policy/deciding.ts";
import { Workspace } from "../../workspace.ts";

const EXECUTABLES = [
  "first/git",
  "second/git",
  "second/grep",
  "second/gzip",
  "second/-rf",
  "elsewhere/evil",
];

/** Two folders of executables, `first/` before `second/`, and a policy that allows a pattern. */
function build(): { ws: Workspace; world: World } {
  const ws = new Workspace();
  for (const name of EXECUTABLES) {
    ws.file(name);
    Deno.chmodSync(ws.path(name), 0o755);
  }
  ws.folder("first/grep");
  ws.file("first/gzip", "not executable");
  ws.link("second/alias", "grep");
  ws.link("second/dangling", "none");
  ws.link("second/loop", "loop");
  ws.link("second/escape", ws.path("elsewhere/evil"));
  const world = denoWorld({ searchPath: [ws.path("first"), ws.path("second")] });
  return { ws, world };
}

// deno-fmt-ignore -- a row is a line
const FOUND: readonly { cell: string; target: string; expected: string | null; why: string }[] = [
  { cell: "a bare name", target: "git", expected: "first/git", why: "the first folder wins" },
  { cell: "a name that is a folder first", target: "grep", expected: "second/grep", why: "a folder is no command" },
  { cell: "a name that is not executable first", target: "gzip", expected: "second/gzip", why: "such a file is no command" },
  { cell: "a link", target: "alias", expected: "second/grep", why: "the file itself counts" },
  { cell: "a link out of the search path", target: "escape", expected: "elsewhere/evil", why: "the file itself counts" },
  { cell: "a dangling link", target: "dangling", expected: null, why: "there is no file" },
  { cell: "a link to itself", target: "loop", expected: null, why: "there is no file" },
  { cell: "a name like an option", target: "-rf", expected: "second/-rf", why: "it is a name" },
  { cell: "an unknown name", target: "curl", expected: null, why: "there is no file" },
  { cell: "a part of a name", target: "gi", expected: null, why: "there is no file" },
  { cell: "another case", target: "GIT", expected: null, why: "there is no file" },
  { cell: "a name with arguments", target: "git status", expected: null, why: "no shell splits it" },
  { cell: "a name with a shell's syntax", target: "git;rm", expected: null, why: "no shell reads it" },
  { cell: "a wildcard", target: "gi*", expected: null, why: "targets have none" },
  { cell: "a path in dots", target: "./git", expected: null, why: "where the process stands plays no part" },
  { cell: "a path that climbs", target: "../first/git", expected: null, why: "where the process stands plays no part" },
  { cell: "a relative path", target: "first/git", expected: null, why: "where the process stands plays no part" },
  { cell: "a name with a slash after it", target: "git/", expected: null, why: "it is a relative path" },
  { cell: "the folder itself", target: ".", expected: null, why: "a folder is no command" },
  { cell: "the folder above", target: "..", expected: null, why: "a folder is no command" },
  { cell: "nothing", target: "", expected: null, why: "it names nothing" },
  { cell: "a NUL", target: "git\0", expected: null, why: "C would end the name there" },
  { cell: "a lone surrogate", target: "git\ud800", expected: null, why: "it has no UTF-8" },
  { cell: "an absolute path", target: "$/second/git", expected: "second/git", why: "it names the file" },
  { cell: "an absolute path with dots", target: "$/first/../second/./git", expected: "second/git", why: "dots are gone" },
  { cell: "an absolute path to a link", target: "$/second/alias", expected: "second/grep", why: "the file itself counts" },
  { cell: "an absolute path to a folder", target: "$/first", expected: null, why: "a folder is no command" },
  { cell: "an absolute path to what is not executable", target: "$/first/gzip", expected: null, why: "such a file is no command" },
  { cell: "an absolute path to nothing", target: "$/first/none", expected: null, why: "there is no file" },
];

for (const { cell, target, expected, why } of FOUND) {
  Deno.test(`COMMAND.normalise() ${expected === null ? "refuses" : "finds"} ${cell}: ${why}`, () => {
    const { ws, world } = build();
    using _ws = ws;
    const normalise = () => COMMAND.normalise(target.replace("$", ws.root), world);
    if (expected === null) assertThrows(normalise, CanonicalError);
    else assertEquals(normalise(), ws.path(expected));
  });
}

// deno-fmt-ignore -- a row is a line
const RULES: readonly { resource: string; target: string; expected: string; why: string }[] = [
  { resource: "git", target: "git", expected: "allow", why: "it is the same file" },
  { resource: "git", target: "$/first/git", expected: "allow", why: "it is the same file" },
  { resource: "git", target: "$/second/git", expected: "deny", why: "it is another file of that name" },
  { resource: "$/second/git", target: "git", expected: "deny", why: "the bare name is another file" },
  { resource: "$/second/git", target: "$/second/git", expected: "allow", why: "it is the same file" },
  { resource: "grep", target: "alias", expected: "allow", why: "it is the same file" },
  { resource: "alias", target: "grep", expected: "allow", why: "it is the same file" },
  { resource: "{git,grep}", target: "grep", expected: "allow", why: "it is one of them" },
  { resource: "g?*", target: "gzip", expected: "allow", why: "it matches" },
  { resource: "g*", target: "alias", expected: "allow", why: "its file matches" },
  { resource: "g*", target: "escape", expected: "deny", why: "its file does not match" },
  { resource: "*", target: "escape", expected: "allow", why: "the link is in the search path" },
  { resource: "*", target: "$/elsewhere/evil", expected: "allow", why: "a link in the search path leads there" },
  { resource: "$/second/*", target: "$/second/git", expected: "allow", why: "it is in the folder" },
  { resource: "$/second/*", target: "git", expected: "deny", why: "the bare name is in the other folder" },
];

for (const { resource, target, expected, why } of RULES) {
  Deno.test(`A rule for ${resource} has the effect ${expected} on ${target}: ${why}`, () => {
    const { ws, world } = build();
    using _ws = ws;
    const at = (text: string) => text.replace("$", ws.root);
    const policy = load(
      { capabilities: [{ action: "proc.exec", resource: at(resource) }] },
      { world },
    );
    assertEquals(effectOn(policy, "proc.exec", at(target), {}, world), expected);
  });
}

Deno.test("COMMAND.compile() takes the escapes in a folder for the characters", () => {
  using ws = new Workspace();
  for (const name of ["a*b,c/git", "axb/git"]) {
    ws.file(name);
    Deno.chmodSync(ws.path(name), 0o755);
  }
  const world = denoWorld({ searchPath: [] });
  for (const pattern of ["a\\*b\\,c/git", "a\\*b\\,c/g*"]) {
    assertEquals(
      COMMAND.compile(ws.path(pattern), world).map(({ reach }) => reach),
      [ws.path("a*b,c/git")],
      pattern,
    );
  }
});

Deno.test("A rule with a wildcard does not allow a command that appears after loading", () => {
  const { ws, world } = build();
  using _ws = ws;
  const policy = load(
    { capabilities: [{ action: "proc.exec", resource: "*" }] },
    { world },
  );
  ws.file("second/planted");
  Deno.chmodSync(ws.path("second/planted"), 0o755);
  assertEquals(effectOn(policy, "proc.exec", "planted", {}, world), "deny");
  assertEquals(effectOn(policy, "proc.exec", "grep", {}, world), "allow");
});

Deno.test("A rule for a bare name does not allow a file planted before it in the search path", () => {
  const { ws, world } = build();
  using _ws = ws;
  const policy = load(
    { capabilities: [{ action: "proc.exec", resource: "alias" }] },
    { world },
  );
  ws.file("first/alias");
  Deno.chmodSync(ws.path("first/alias"), 0o755);
  assertEquals(effectOn(policy, "proc.exec", "alias", {}, world), "deny");
});

Deno.test("A rule for a command that is not there loads with a warning and allows nothing", () => {
  const { ws, world } = build();
  using _ws = ws;
  const policy = load(
    { capabilities: [{ action: "proc.exec", resource: "none" }] },
    { world },
  );
  assertEquals(policy.warnings, [`capabilities[0]: "none" matches nothing on this machine`]);
  assertEquals(effectOn(policy, "proc.exec", "git", {}, world), "deny");
});

// deno-fmt-ignore -- a row is a line
const MANY: readonly { resource: string; target: string; expected: string; why: string }[] = [
  { resource: "ls", target: "ls", expected: "allow", why: "it is that name" },
  { resource: "ls", target: "$/bin/ls", expected: "allow", why: "it is that name" },
  { resource: "ls", target: "sh", expected: "deny", why: "another name is another program" },
  { resource: "ls", target: "busybox", expected: "deny", why: "it is all of them" },
  { resource: "busybox", target: "ls", expected: "deny", why: "each name has its rule" },
  { resource: "busybox", target: "busybox", expected: "allow", why: "it is that name" },
  { resource: "{ls,sh}", target: "sh", expected: "allow", why: "it is one of them" },
  { resource: "*", target: "sh", expected: "allow", why: "the name matches" },
  { resource: "l*", target: "sh", expected: "deny", why: "the name does not match" },
  { resource: "python", target: "python3.11", expected: "allow", why: "a version is the same program" },
];

for (const { resource, target, expected, why } of MANY) {
  Deno.test(`With one file for many names, a rule for ${resource} has the effect ${expected} on ${target}: ${why}`, () => {
    using ws = new Workspace();
    for (const name of ["bin/busybox", "bin/python3.11"]) {
      ws.file(name);
      Deno.chmodSync(ws.path(name), 0o755);
    }
    for (const name of ["ls", "sh"]) ws.link(`bin/${name}`, "busybox");
    ws.link("bin/python", "python3.11");
    const world = denoWorld({ searchPath: [ws.path("bin")] });
    const policy = load({ capabilities: [{ action: "proc.exec", resource }] }, { world });
    assertEquals(
      effectOn(policy, "proc.exec", target.replace("$", ws.root), {}, world),
      expected,
    );
  });
}

Deno.test("A command that is one of many names is canonical under its own name", () => {
  using ws = new Workspace();
  ws.file("bin/busybox");
  Deno.chmodSync(ws.path("bin/busybox"), 0o755);
  ws.link("bin/ls", "busybox");
  const world = denoWorld({ searchPath: [ws.path("bin")] });
  assertEquals(COMMAND.normalise("ls", world), ws.path("bin/ls"));
  assertEquals(COMMAND.compile("ls", world).map(({ reach }) => reach), [ws.path("bin/ls")]);
});

Deno.test("denoWorld() leaves relative and empty entries out of the search path", () => {
  const { searchPath } = denoWorld({ searchPath: ["", ".", "bin", "./bin", "../bin", "/bin"] });
  assertEquals(searchPath, ["/bin"]);
});

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly { pattern: string; why: string }[] = [
  { pattern: "./git", why: "canonical commands are absolute" },
  { pattern: "bin/git", why: "canonical commands are absolute" },
  { pattern: "/usr/*/git", why: "the folder is fixed" },
  { pattern: "/**/git", why: "the folder is fixed" },
  { pattern: "/usr/\\*/g*/git", why: "the folder is fixed" },
  { pattern: "/usr/../etc/git", why: "canonical commands have no dot segments" },
  { pattern: "/usr/\\.\\./etc/git", why: "canonical commands have no dot segments" },
  { pattern: "/usr/\\./git", why: "canonical commands have no dot segments" },
  { pattern: "/usr//git", why: "canonical commands have no empty segments" },
  { pattern: "/usr/\\.\\.", why: "it names no file" },
  { pattern: "/bin/", why: "it names no file" },
  { pattern: "..", why: "it names no file" },
  { pattern: "[a-", why: "the class is not closed" },
];

for (const { pattern, why } of REFUSED) {
  Deno.test(`COMMAND.compile() refuses ${pattern}: ${why}`, () => {
    assertThrows(() => COMMAND.compile(pattern, denoWorld({ searchPath: [] })), PatternError);
  });
}

Deno.test("COMMAND.compile() finds executables in the root of the file system", () => {
  const world = { ...FLAT, list: (folder: string) => folder === "/" ? ["tool", "other"] : [] };
  assertEquals(COMMAND.compile("/t*", world).map(({ reach }) => reach), ["/tool"]);
  assertEquals(COMMAND.compile("/bin/t*", world), []);
});
