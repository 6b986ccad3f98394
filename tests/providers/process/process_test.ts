import { assert, assertEquals, assertMatch } from "@std/assert";
import { NO_SANDBOX, Programs, type Said, SH } from "./programs.ts";

/** The same is expected in a sandbox and out of it. */
const MODES = [
  { sandbox: "off", ignore: undefined },
  { sandbox: "required", ignore: NO_SANDBOX },
] as const;

function test(
  name: string,
  rules: Parameters<typeof Programs.open>[0],
  fn: (programs: Programs, t: Deno.TestContext) => Promise<void>,
  options: Parameters<typeof Programs.open>[1] = {},
): void {
  for (const { sandbox, ignore } of MODES) {
    Deno.test({
      name: `proc.exec (sandbox ${sandbox}) ${name}${ignore ? ` (not run: ${ignore})` : ""}`,
      ignore: ignore !== undefined,
      async fn(t) {
        await using programs = await Programs.open(rules, { sandbox, ...options });
        await fn(programs, t);
      },
    });
  }
}

const NOTHING = () => ({});

test("gives exit code, output and errors", NOTHING, async (programs) => {
  const { sandboxed, ...said } = await programs.said("echo out; echo err >&2; exit 7");
  assertEquals(said, { returncode: 7, stdout: "out\n", stderr: "err\n" });
  assertEquals(typeof sandboxed, "boolean");
});

test("tells an end by a signal as a negative code and by name", NOTHING, async (programs) => {
  for (const [signal, returncode] of [["KILL", -9], ["TERM", -15], ["SEGV", -11]] as const) {
    const said = await programs.said(`kill -${signal} $$`);
    assertEquals([said.returncode, said.signal], [returncode, `SIG${signal}`]);
  }
});

test("tells exit codes beside those of signals as they are", NOTHING, async (programs) => {
  for (const code of [0, 1, 2, 124, 126, 127, 128, 129, 255]) {
    const said = await programs.said(`exit ${code}`);
    assertEquals([said.returncode, said.signal], [code, undefined]);
  }
});

test(
  "passes arguments as they are: no shell, no splitting, no expansion",
  NOTHING,
  async (programs) => {
    const words = [
      "",
      " ",
      "a b",
      "$HOME",
      "`id`",
      "$(id)",
      "*",
      ";id",
      "-n",
      "--",
      "\n",
      "\t",
      "ü",
      "🙂",
      "'",
      '"',
      "\\",
      "\x01",
    ];
    const { stdout } = await programs.said('for word in "$@"; do printf "%s|" "$word"; done', {
      words,
    });
    assertEquals(stdout, words.map((word) => `${word}|`).join(""));
  },
);

test("refuses params that are none", NOTHING, async (programs, t) => {
  const rows: [string, Record<string, unknown>, RegExp][] = [
    ["a NUL in an argument", { args: ["-c", "true\0false"] }, /NUL/],
    ["arguments as one string", { args: "-c true" }, /list of strings/],
    ["an argument that is a number", { args: [1] }, /list of strings/],
    ["shell", { args: [], shell: true }, /no param "shell"/],
    ["env", { args: [], env: { A: "b" } }, /no param "env"/],
    ["a timeout of zero", { args: [], timeout: 0 }, /positive/],
    ["a timeout as a string", { args: [], timeout: "5" }, /positive/],
    ["stdin that is a list", { args: [], stdin: [] }, /stdin/],
    ["an encoding of another name", { args: [], encoding: "latin1" }, /encoding/],
  ];
  for (const [name, params, message] of rows) {
    await t.step(name, async () => {
      const { status, code, error } = await programs.submit(SH, params);
      assertEquals([status, code], ["ERROR", "INVALID_PARAMS"]);
      assertMatch(error ?? "", message);
    });
  }
});

test("gives a program its stdin, and none without it", NOTHING, async (programs) => {
  assertEquals((await programs.said("cat", { stdin: "a\nb" })).stdout, "a\nb");
  assertEquals((await programs.said("cat")).stdout, "");
  assertEquals(
    (await programs.said("wc -c", { stdin: "x".repeat(3_000_000) })).stdout.trim(),
    "3000000",
  );
});

test("does not mind a program that closes its stdin", NOTHING, async (programs) => {
  const said = await programs.said("exec <&-; echo done", { stdin: "x".repeat(3_000_000) });
  assertEquals([said.returncode, said.stdout], [0, "done\n"]);
});

test("replaces what is no UTF-8, and gives it as base64", NOTHING, async (programs) => {
  const script = "printf 'a\\377b'";
  assertEquals((await programs.said(script)).stdout, "a\ufffdb");
  assertEquals((await programs.said(script, { encoding: "base64" })).stdout, "Yf9i");
});

test("keeps a byte order mark and cuts no character in two", NOTHING, async (programs) => {
  assertEquals((await programs.said("printf '\\357\\273\\277a'")).stdout, "\ufeffa");
  const { stdout } = await programs.said("yes ü | tr -d '\\n' | head -c 5000");
  assertEquals(stdout.replaceAll("ü", ""), "");
}, { maxOutputBytes: 1131 });

test("bounds each of stdout and stderr and says so", NOTHING, async (programs) => {
  const both = await programs.sh("yes | head -c 100000; yes n | head -c 100000 >&2");
  const { stdout, stderr, ...said } = both.data as Said;
  assertEquals([both.status, both.truncated], ["OK", true]);
  assertEquals([stdout.length, stderr.length], [218, 654]);
  assertEquals([said.stdout_truncated, said.stderr_truncated], [true, true]);
  const one = await programs.sh("yes | head -c 654 >&2; echo a");
  assertEquals(one.truncated, undefined);
  assertEquals((one.data as Said).stderr_truncated, undefined);
}, { maxOutputBytes: 1000, stdoutShare: 0.25 });

test("drains what is over the bound: the program is not held up", NOTHING, async (programs) => {
  const before = Deno.memoryUsage().rss;
  const { stdout, stderr, returncode } = await programs.said(
    "head -c 1000000000 /dev/zero; echo end >&2",
  );
  assertEquals([stdout.length, stderr, returncode], [436, "end\n", 0]);
  const grown = Deno.memoryUsage().rss - before;
  assert(grown < 300_000_000, `${grown} bytes more for 1 GB of output`);
}, { maxOutputBytes: 1000 });

test("ends a program at its own timeout, below the provider's", NOTHING, async (programs) => {
  const { status, code, error } = await programs.sh("sleep 600", { timeout: 0.2 });
  assertEquals([status, code], ["ERROR", "DEADLINE_EXCEEDED"]);
  assertMatch(error ?? "", /did not end within 0\.2 s/);
  assertEquals((await programs.said("echo next")).stdout, "next\n");
});

test("takes a timeout above the provider's deadline for that", NOTHING, async (programs) => {
  const { code, error } = await programs.sh("sleep 600", { timeout: 86_400 });
  assertEquals(code, "DEADLINE_EXCEEDED");
  assertMatch(error ?? "", /within 300 ms/);
}, { deadlineMs: 300 });

test("stands in / unless it is told a folder that may be read", (ws) => {
  ws.file("in/a.txt", "hello");
  ws.folder("other");
  ws.link("in/away", ws.path("other"));
  ws.link("in/here", ws.path("in/deep"));
  ws.folder("in/deep");
  return { allow: [{ action: "fs.read", resource: [ws.path("in"), ws.path("in/**")] }] };
}, async (programs) => {
  const { ws } = programs;
  assertEquals((await programs.said("pwd")).stdout, "/\n");
  assertEquals(
    (await programs.said("pwd; cat a.txt", { cwd: ws.path("in") })).stdout,
    `${ws.path("in")}\nhello`,
  );
  assertEquals(
    (await programs.said("pwd", { cwd: ws.path("in/here") })).stdout,
    `${ws.path("in/deep")}\n`,
  );
  for (const cwd of [ws.path("other"), ws.path("in/away"), ws.path("in/../other"), "/"]) {
    assertEquals((await programs.sh("pwd", { cwd })).status, "DENIED", cwd);
  }
  for (const cwd of [ws.path("in/none"), ws.path("in/a.txt")]) {
    const { status, code } = await programs.sh("pwd", { cwd });
    assertEquals(status, "ERROR", cwd);
    assert(code === "NOT_A_FOLDER" || code === "CANNOT_START", code);
  }
  assertEquals((await programs.sh("pwd", { cwd: 7 })).code, "INVALID_TARGET");
});

test("does not run what is no executable", (ws) => {
  ws.file("bin/plain.txt", "#!/bin/sh\n");
  return { allow: [{ action: "proc.exec", resource: [ws.path("bin/*"), "/usr"] }] };
}, async (programs) => {
  const { ws } = programs;
  for (
    const target of [
      ws.path("bin/plain.txt"),
      ws.path("bin/none"),
      ws.path("bin"),
      "/usr",
      "none",
      "",
    ]
  ) {
    const { status, code } = await programs.submit(target);
    assertEquals(status, "ERROR", target);
    assert(code === "INVALID_TARGET" || code === "INVALID_REQUEST", `${target}: ${code}`);
  }
});

test("knows no command beside those of the policy", NOTHING, async (programs) => {
  for (const target of ["/usr/bin/env", "env", "/usr/bin/timeout"]) {
    assertEquals((await programs.submit(target)).status, "DENIED", target);
  }
});

Deno.test("proc.exec runs the file that the policy saw, under its canonical name", async () => {
  await using programs = await Programs.open(() => ({}), { sandbox: "off" });
  const { data } = await programs.submit("sh", { args: ["-c", "echo $0"] });
  assertEquals((data as Said).stdout, `${SH}\n`);
});
