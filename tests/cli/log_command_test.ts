import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TextLineStream } from "@std/streams";
import type { RecordBody } from "../../src/core/record/record.ts";
import { appendOne, body, linesOf, writeLog } from "../core/record/log_file.ts";
import { agentKernel, denoRun, START } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

const BODIES: readonly RecordBody[] = [
  body("/a"),
  body("/b", { status: "DENIED", code: "NO_RULE", error: "not permitted" }),
  body("/c", { action: "fs.write", agent: "a1" }),
  body("/d", { action: "net.http", status: "FAILED", timestamp: "2999-01-01T00:00:00.000Z" }),
  body("/e", { agent: "a1" }),
];

/** Targets of the JSON lines. */
function targets(stdout: string): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).target);
}

Deno.test("log prints the lines of the log as they are, exit code 0", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, BODIES);
  const { code, stdout, stderr } = await agentKernel("log", "--log-path", path);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(stdout, Deno.readTextFileSync(path));
});

const FILTERS: readonly (readonly [readonly string[], string])[] = [
  [["--status", "DENIED"], "/b"],
  [["--status", "ok"], "/a /c /e"],
  [["--status", "INTERRUPTED"], ""],
  [["--action", "fs.write"], "/c"],
  [["--action", "fs.*"], "/a /b /c /e"],
  [["--agent", "a1"], "/c /e"],
  [["--since", "1h"], "/d"],
  [["--since", "2026-01-31T12:00:00Z"], "/a /b /c /d /e"],
  [["--limit", "2"], "/d /e"],
  [["--limit", "0"], ""],
  [["--limit", "99"], "/a /b /c /d /e"],
  [["--limit", "1", "--status", "OK", "--action", "fs.read"], "/e"],
];
for (const [options, expected] of FILTERS) {
  Deno.test(`log ${options.join(" ")} prints ${expected || "nothing"}`, async () => {
    using ws = new Workspace();
    const path = await writeLog(ws, BODIES);
    const { code, stdout } = await agentKernel("log", "--log-path", path, ...options);
    assertEquals({ code, targets: targets(stdout).join(" ") }, { code: 0, targets: expected });
  });
}

Deno.test("log reads kernel.log of the current folder by default", async () => {
  using ws = new Workspace();
  await writeLog(ws, BODIES);
  const main = `${ROOT}/src/cli/main.ts`;
  const args = ["run", "-q", "--no-prompt", `--config=${ROOT}/deno.json`, "--allow-read", main];
  const { code, stdout } = await denoRun([...args, "log"], { cwd: ws.root });
  assertEquals({ code, count: targets(stdout).length }, { code: 0, count: 5 });
});

Deno.test("log shows damaged lines in their place and ends with 1", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, BODIES));
  const path = ws.file("damaged.log", lines.with(1, "junk\n").join(""));
  const { code, stdout } = await agentKernel("log", "--log-path", path, "--status", "OK");
  assertEquals(code, 1);
  const found = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  assertEquals(found.map(({ target, line }) => target ?? line), ["/a", 2, "/c", "/e"]);
});

Deno.test("log of a file that is not there names it, exit code 1", async () => {
  using ws = new Workspace();
  for (const verb of [[], ["verify"]]) {
    const path = ws.path("none.log");
    const { code, stdout, stderr } = await agentKernel("log", ...verb, "--log-path", path);
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertStringIncludes(stderr, path);
  }
});

Deno.test("log verify says how many records are in order, and the head", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, BODIES);
  const { code, stdout } = await agentKernel("log", "verify", "--log-path", path);
  const head = JSON.parse(linesOf(path)[4] ?? "").hash;
  assertEquals({ code, stdout }, { code: 0, stdout: `OK: 5 records in order, head ${head}\n` });
});

Deno.test("log verify names the first line that is not in order, exit code 1", async () => {
  using ws = new Workspace();
  const lines = linesOf(await writeLog(ws, BODIES));
  const path = ws.file("cut.log", lines.toSpliced(2, 1).join(""));
  const { code, stdout } = await agentKernel("log", "verify", "--log-path", path);
  assertEquals(code, 1);
  assertMatch(stdout, /^BROKEN: line 3 .*; 2 records before it are in order\n$/);
});

Deno.test("log verify --json tells the same", async () => {
  using ws = new Workspace();
  const path = ws.file("bad.log", "junk\n");
  const { code, stdout } = await agentKernel("log", "verify", "--json", "--log-path", path);
  assertEquals(code, 1);
  const { ok, records, problem } = JSON.parse(stdout);
  assertEquals({ ok, records, line: problem.line }, { ok: false, records: 0, line: 1 });
});

Deno.test("log escapes what a terminal would not show as itself; it is still the same JSON", async () => {
  using ws = new Workspace();
  const hostile = "/\x1b[2J\u202e\u200b\u2028\u2066\ud800\x9b31m";
  const one = body(hostile, { status: "FAILED", error: hostile, agent: hostile });
  const path = await writeLog(ws, [one]);
  const { stdout } = await agentKernel("log", "--log-path", path);
  const { target, error, agent } = JSON.parse(stdout);
  assertEquals({ target, error, agent }, { target: hostile, error: hostile, agent: hostile });
  assertEquals(/[^\n\x20-\x7e]/.test(stdout), false);
});

Deno.test("log --follow prints what is there and then what is added", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, BODIES);
  const args = [
    ...START,
    "log",
    "--log-path",
    path,
    "--follow",
    "--limit",
    "1",
    "--action",
    "fs.*",
  ];
  const child = new Deno.Command("deno", { args, cwd: ROOT, stdin: "null", stdout: "piped" })
    .spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const next = async () => JSON.parse((await lines.read()).value ?? "null").target;
  try {
    assertEquals(await next(), "/e");
    await appendOne(path, "/later");
    assertEquals(await next(), "/later");
    await appendOne(path, "/last");
    assertEquals(await next(), "/last");
  } finally {
    child.kill();
    await child.status;
    await lines.cancel();
  }
});

Deno.test("log ends without a stack trace when its reader goes away", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, Array.from({ length: 3000 }, (_, i) => body(`/${i}`)));
  const child = new Deno.Command("deno", {
    ...{ args: [...START, "log", "--log-path", path], cwd: ROOT },
    ...{ stdin: "null", stdout: "piped", stderr: "piped" },
  }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  await child.status;
  assertEquals(stderr.includes("    at "), false, stderr);
});

const UNREADABLE:
  readonly (readonly [what: string, path: (ws: Workspace) => string, why: string])[] = [
    ["a folder", (ws) => ws.folder("folder"), "it is a folder, expected a file"],
    [
      "below a file",
      (ws) => `${ws.file("file")}/log`,
      "a part of the path is a file, expected a folder",
    ],
    ["not there", (ws) => ws.path("none"), "there is no such file or folder"],
  ];

for (
  const args of [["log"], ["log", "--stats"], ["log", "verify"], ["log", "export"], [
    "limits",
    "verify",
  ]]
) {
  for (const [what, pathIn, why] of UNREADABLE) {
    if (args.length > 1 && what !== "a folder") continue;
    Deno.test(`${args.join(" ")} names a log that is ${what}, and says what is wrong`, async () => {
      using ws = new Workspace();
      const path = pathIn(ws);
      const { code, stderr } = await agentKernel(...args, "--log-path", path);
      assertEquals(code, 1);
      // A folder of the ledger below a file is what "limits" cannot use first.
      const text = new RegExp(
        `^agent-kernel ${args[0]}: Cannot use (the ledger of limits )?"${path}.*": ${why}\\n$`,
      );
      assertMatch(stderr, text);
    });
  }
  Deno.test(`${args.join(" ")} says that an empty path is none`, async () => {
    const { code, stderr } = await agentKernel(...args, "--log-path", "");
    assertEquals(code, 64);
    assertStringIncludes(stderr, "--log-path is empty, expected a file\n");
  });
}

Deno.test("log verify names the key that cannot be read, and not the log", async () => {
  using ws = new Workspace();
  const [log, key] = [ws.file("kernel.log"), ws.folder("key")];
  const { code, stderr } = await agentKernel("log", "verify", "--log-path", log, "--key", key);
  assertEquals([code, stderr], [
    1,
    `agent-kernel log: Cannot use "${key}": it is a folder, expected a file\n`,
  ]);
});
