import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ROOT, Workspace } from "../workspace.ts";
import { denoRun, START } from "../cli/command_line.ts";

/** Runs a command as a user with this home. */
async function run(ws: Workspace, ...args: string[]) {
  const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  return await denoRun(
    [...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, ...args],
    { cwd: ws.folder("home"), env: { HOME: ws.folder("home"), DENO_DIR: denoDir } },
  );
}

const protect = (ws: Workspace, agent = "claude") =>
  run(ws, "protect", agent, "--log-path", ws.path("k.log"));
const unprotect = (ws: Workspace, agent = "claude") => run(ws, "unprotect", agent);

Deno.test("edits between two protects and after them survive unprotect", async () => {
  using ws = new Workspace();
  const file = ws.file("home/.claude/settings.json", '{\n  "a": 1\n}\n');
  const read = () => Deno.readTextFileSync(file);
  assertEquals((await protect(ws)).code, 0);
  Deno.writeTextFileSync(file, read().replace('"a": 1', '"a": 2'));
  const other = await run(ws, "protect", "claude", "--log-path", ws.path("other.log"));
  assertEquals(other.code, 0, other.stderr);
  assertEquals((await unprotect(ws)).code, 0);
  assertEquals(JSON.parse(read()), { a: 2 });

  // Nobody changed it in between: byte for byte.
  const text = '{ "b" : [1,2] }';
  Deno.writeTextFileSync(file, text);
  await protect(ws);
  await run(ws, "protect", "claude", "--log-path", ws.path("other.log"));
  await unprotect(ws);
  assertEquals(read(), text);

  // A copy that an earlier unprotect could not know of is not put back.
  await protect(ws);
  Deno.writeTextFileSync(file, '{"c": 3}');
  await protect(ws);
  await unprotect(ws);
  assertEquals(read(), '{"c": 3}');
});

Deno.test("an empty file is an empty object, a link is followed to what is not there yet", async () => {
  using ws = new Workspace();
  const empty = ws.file("home/.claude/settings.json", "");
  const { code, stderr } = await protect(ws);
  assertEquals(code, 0, stderr);
  assertEquals(Object.keys(JSON.parse(Deno.readTextFileSync(empty))), ["hooks"]);
  await unprotect(ws);
  assertEquals(Deno.readTextFileSync(empty), "");

  for (const [agent, name] of [["gemini", ".gemini"], ["qwen", ".qwen"]] as const) {
    ws.folder("elsewhere");
    const target = ws.path(`elsewhere/${agent}.json`);
    if (agent === "qwen") ws.file(`elsewhere/${agent}.json`, "{}");
    const link = ws.link(`home/${name}/settings.json`, `../../elsewhere/${agent}.json`);
    const linked = await protect(ws, agent);
    assertEquals(linked.code, 0, linked.stderr);
    assertEquals([Deno.lstatSync(link).isSymlink, Deno.lstatSync(target).isFile], [true, true]);
    assertEquals((await unprotect(ws, agent)).code, 0);
    if (agent === "qwen") assertEquals(Deno.readTextFileSync(target), "{}");
    else assertThrows(() => Deno.lstatSync(target), Deno.errors.NotFound);
  }
});

Deno.test("a folder that is a link is followed, and so is a link in it", async () => {
  using ws = new Workspace();
  const real = ws.file("dot/real.json", "{}");
  ws.link("dot/claude/settings.json", "../real.json");
  ws.file("dot/gemini/settings.json", "{}");
  ws.folder("home");
  for (const [agent, file] of [["claude", real], ["gemini", ws.path("dot/gemini/settings.json")]]) {
    ws.link(`home/.${agent}`, `../dot/${agent}`);
    const { code, stderr } = await protect(ws, agent);
    assertEquals(code, 0, stderr);
    assertStringIncludes(Deno.readTextFileSync(file ?? ""), "agent-kernel-hook");
    assertEquals((await unprotect(ws, agent)).code, 0);
    assertEquals(Deno.readTextFileSync(file ?? ""), "{}");
  }
});

Deno.test("a file or a copy that cannot be kept as it is is refused in a sentence, and stays", async () => {
  using ws = new Workspace();
  const file = ws.file("home/.claude/settings.json", "");
  const bytes = (...parts: (string | number)[]) =>
    new Uint8Array(
      parts.flatMap((part) =>
        typeof part === "number" ? [part] : Array.from(new TextEncoder().encode(part))
      ),
    );
  // deno-fmt-ignore -- a row is a line
  const odd: readonly [Uint8Array, string][] = [
    [bytes('{"a": "', 0xff, '"}'), "it is not UTF-8"],
    [bytes(0xef, 0xbb, 0xbf, "{}"), "it begins with a byte order mark"],
    [bytes('{"a": 1 /* mine */}'), "comments or trailing commas"],
    [bytes('{"hooks": {}, "hooks": {}}'), '"hooks" more than once'],
  ];
  for (const [content, told] of odd) {
    Deno.writeFileSync(file, content);
    const { code, stderr } = await protect(ws);
    assertEquals(code === 0, false);
    assertStringIncludes(stderr, told);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertEquals(Deno.readFileSync(file), content);
  }
  for (const garbage of ["", "garbage", "null", "[]", '{"wrote": 1, "before": null}']) {
    ws.file("home/.claude/settings.json", "{}");
    const backup = ws.file("home/.claude/settings.json.agent-kernel-backup", garbage);
    for (const command of [protect, unprotect]) {
      const { code, stderr } = await command(ws);
      assertEquals(code === 0, false, garbage);
      assertStringIncludes(stderr, "is not one of agent-kernel; move it away");
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
    }
    assertEquals([Deno.readTextFileSync(file), Deno.readTextFileSync(backup)], ["{}", garbage]);
  }
});
