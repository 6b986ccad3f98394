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

Deno.test("--strict changes all files of an agent or none, and unprotect restores each byte for byte", async () => {
  using ws = new Workspace();
  const policy = ws.file("p.yaml", "capabilities: []\n");
  const settings = ws.file("home/.claude/settings.json", '{ "b" : [1,2] }');
  const servers = ws.file(
    "home/.claude.json",
    '{"mcpServers": {"kernel": {"command": "another"}}, "numStartups":  3}',
  );
  const read = () => [settings, servers].map((path) => Deno.readTextFileSync(path));
  const strict = (...more: string[]) =>
    run(ws, "protect", "claude", "--strict", "--log-path", ws.path("k.log"), ...more);
  const before = read();
  const refused = await strict("--policy", policy);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, 'an MCP server "kernel" already');
  assertEquals(read(), before);

  Deno.writeTextFileSync(servers, before[1]?.replace('"kernel"', '"mine"') ?? "");
  const first = read();
  const needs = await strict();
  assertEquals([needs.code, needs.stderr.includes("--policy is missing")], [64, true]);
  const done = await strict("--policy", policy, "--var", "A=b", "--base", ws.root);
  assertEquals(done.code, 0, done.stderr);
  const { mcpServers } = JSON.parse(Deno.readTextFileSync(servers));
  assertEquals(mcpServers.mine, { command: "another" });
  for (
    const arg of [
      `--policy=${policy}`,
      "--var=A=b",
      `--base=${ws.root}`,
      "--agent=claude",
      `--log-path=${ws.path("k.log")}`,
    ]
  ) {
    assertStringIncludes(mcpServers.kernel.args.join(" "), arg);
  }
  assertStringIncludes(Deno.readTextFileSync(settings), " claude gateway-only ");
  assertEquals((await unprotect(ws)).code, 0);
  assertEquals(read(), first);
});

Deno.test("--policy puts the kernel in front of MCP servers, without it they are left alone", async () => {
  using ws = new Workspace();
  const policy = ws.file("p.yaml", "capabilities: []\n");
  const text = '{\n\t"servers": {"a": {"command": "x"}}\n}';
  const file = ws.file("home/.vscode/mcp.json", text);
  const vscode = (...more: string[]) => run(ws, "protect", "vscode", "--project", ...more);
  const none = await vscode();
  assertEquals([none.code, none.stdout.trim()], [0, "nothing is there to be changed"]);
  assertStringIncludes(none.stderr, "go around the kernel");
  const strict = await vscode("--strict", "--policy", policy);
  assertEquals(strict.code, 64);
  assertStringIncludes(strict.stderr, "there is no --strict for vscode");
  assertEquals((await vscode("--policy", policy)).code, 0);
  const { a } = JSON.parse(Deno.readTextFileSync(file)).servers;
  assertEquals(a.args.slice(-3), ["--name=a", "--", "x"]);
  assertEquals((await run(ws, "unprotect", "vscode", "--project")).code, 0);
  assertEquals(Deno.readTextFileSync(file), text);
});

Deno.test("settings that a variable puts elsewhere are found there", async () => {
  using ws = new Workspace();
  const elsewhere = ws.folder("elsewhere");
  const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const { code, stderr } = await denoRun(
    [...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, "protect", "codex"],
    {
      cwd: ws.folder("home"),
      env: { HOME: ws.folder("home"), DENO_DIR: denoDir, CODEX_HOME: elsewhere },
    },
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(Deno.readTextFileSync(`${elsewhere}/hooks.json`), " codex before ");
});
