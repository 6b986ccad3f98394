import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ActionResult, impliedPermissions } from "@agent-kernel/kernel";
import { type ProcessOptions, ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { ROOT, run, Workspace } from "../../workspace.ts";
import { type Said, SH, testInSandbox } from "./programs.ts";

interface Scene {
  readonly allow?: readonly object[];
  readonly deny?: readonly object[];
  readonly options: ProcessOptions;
  readonly requests: readonly object[];
  readonly env?: Readonly<Record<string, string>>;
  /** Beside those that the policy implies. */
  readonly flags?: readonly string[];
}

/** Starts a kernel in a process that may do what its policy implies, and nothing else. */
function start(ws: Workspace, scene: Scene): Deno.ChildProcess {
  const { allow = [], deny = [], options, requests, env = {}, flags = [] } = scene;
  const policy = { capabilities: [{ action: "proc.exec", resource: SH }, ...allow], deny };
  const logPath = ws.path("log/kernel.log");
  Deno.mkdirSync(ws.path("log"));
  const { inheritEnv: _, ...known } = options;
  const implied = impliedPermissions({ policy, logPath, providers: [new ProcessProvider(known)] });
  return new Deno.Command("deno", {
    args: [
      ...["run", "-q", `--config=${ROOT}/deno.json`, ...implied.flags, ...flags],
      `${ROOT}/tests/providers/process/kernel_process.ts`,
      JSON.stringify({ policy, logPath, options, requests }),
    ],
    env,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function resultsOf(ws: Workspace, scene: Scene): Promise<ActionResult[]> {
  const { stdout, stderr } = await start(ws, scene).output();
  const lines = new TextDecoder().decode(stdout).split("\n").slice(0, -1);
  assert(lines.length > 0, new TextDecoder().decode(stderr));
  return lines.map((line) => JSON.parse(line));
}

const exec = (script: string) => ({
  action: "proc.exec",
  target: SH,
  params: { args: ["-c", script] },
});

/** The environment that a program sees, with secrets in that of its kernel. A pin. */
const ENVIRONMENTS: readonly [options: ProcessOptions, seen: string][] = [
  [{}, "PWD=/\n"],
  [{ env: { LANG: "C" } }, "LANG=C\nPWD=/\n"],
  [{ inheritEnv: ["PLANTED_HOME", "UNSET_ANYWHERE"] }, "PLANTED_HOME=/home/me\nPWD=/\n"],
  [{ env: { GIT_DIR: "/w", PYTHONPATH: "/p" } }, "GIT_DIR=/w\nPWD=/\nPYTHONPATH=/p\n"],
];
const PLANTED = {
  PLANTED_HOME: "/home/me",
  PLANTED_SECRET: "hunter2",
  AWS_SECRET_ACCESS_KEY: "hunter2",
  NODE_OPTIONS: "--trace-warnings",
  PYTHONSTARTUP: "/nowhere",
  GIT_SSH_COMMAND: "false",
  DENO_AUTH_TOKENS: "hunter2@h",
};

for (const sandbox of ["required", "off"] as const) {
  const test = sandbox === "off" ? Deno.test : testInSandbox;
  test(`a program sees the environment that was named and nothing else (sandbox ${sandbox})`, async () => {
    for (const [options, seen] of ENVIRONMENTS) {
      using ws = new Workspace();
      const results = await resultsOf(ws, {
        options: { sandbox, ...options },
        requests: [exec("env | sort"), exec("cat /proc/$PPID/environ /proc/1/environ 2>&1")],
        env: PLANTED,
        flags: ["--allow-env=PLANTED_HOME,UNSET_ANYWHERE"],
      });
      const [own, others] = results.map(({ data }) => (data as Said).stdout);
      const home = sandbox === "required" ? ["HOME=/tmp/home"] : [];
      assertEquals(own?.split("\n").sort(), [...home, ...seen.split("\n")].sort());
      if (sandbox === "required") assert(!others?.includes("hunter2"), others);
    }
  });
}

testInSandbox("variables of the loader reach the program, not bubblewrap", async () => {
  using ws = new Workspace();
  const [result] = await resultsOf(ws, {
    options: { sandbox: "required", env: { LD_PRELOAD_NOT: "a", LD_LIBRARY_PATH: "/none" } },
    requests: [exec("env | sort")],
  });
  const said = result?.data as Said;
  assertEquals(said.stdout, "HOME=/tmp/home\nLD_LIBRARY_PATH=/none\nLD_PRELOAD_NOT=a\nPWD=/\n");
});

Deno.test("without a sandbox, variables of the loader are refused by Deno, and that is said", async () => {
  using ws = new Workspace();
  const [result] = await resultsOf(ws, {
    options: { sandbox: "off", env: { LD_LIBRARY_PATH: "/none" } },
    requests: [exec("env")],
  });
  assertEquals(result?.code, "CANNOT_START");
  assertMatch(result?.error ?? "", /LD_LIBRARY_PATH/);
});

testInSandbox(
  "a program finds itself wherever it is, and its interpreter where that is to be seen",
  async () => {
    using ws = new Workspace();
    for (const [name, interpreter] of [["script", "/bin/sh"], ["lost", ws.path("bin/none")]]) {
      Deno.chmodSync(ws.file(`bin/${name}`, `#!${interpreter}\necho script $1\n`), 0o755);
    }
    const [found, lost] = await resultsOf(ws, {
      allow: [{ action: "proc.exec", resource: ws.path("bin/*") }],
      options: { sandbox: "required" },
      requests: ["script", "lost"].map((name) => ({
        action: "proc.exec",
        target: ws.path("bin", name),
        params: { args: ["one"] },
      })),
    });
    assertEquals((found?.data as Said).stdout, "script one\n");
    assertEquals(lost?.code, "SANDBOX_FAILED");
    assertMatch(lost?.error ?? "", /No such file/);
  },
);

for (const sandbox of ["required", "off"] as const) {
  const test = sandbox === "off" ? Deno.test : testInSandbox;
  test(`one name of a program that is many runs as that name (sandbox ${sandbox})`, async () => {
    using ws = new Workspace();
    Deno.chmodSync(ws.file("bin/busybox", "#!/bin/sh\necho ${0##*/} $1\n"), 0o755);
    for (const name of ["ls", "sh"]) ws.link(`bin/${name}`, "busybox");
    const [ls, sh, all] = await resultsOf(ws, {
      allow: [{ action: "proc.exec", resource: ws.path("bin/ls") }],
      options: { sandbox },
      requests: ["ls", "sh", "busybox"].map((name) => ({
        action: "proc.exec",
        target: ws.path("bin", name),
        params: { args: ["one"] },
      })),
    });
    assertEquals((ls?.data as Said).stdout, "ls one\n");
    for (const other of [sh, all]) assert(other?.status !== "OK", JSON.stringify(other));
  });
}

testInSandbox("what is denied to the whole process is hidden from programs too", async () => {
  using ws = new Workspace();
  ws.file("w/a", "a");
  ws.file("w/keys/k", "secret");
  ws.file("w/deep/keys/k", "secret");
  ws.folder("w/out");
  const [seen, moved] = await resultsOf(ws, {
    allow: [
      { action: "fs.read", resource: ws.path("w/**") },
      { action: "fs.write", resource: ws.path("w/**") },
    ],
    deny: [{ action: "fs.*", resource: [ws.path("w/keys/**"), ws.path("w/deep/keys/**")] }],
    options: { sandbox: "required" },
    requests: [
      exec(`cd ${ws.path("w")} && find . | sort; cat keys/k deep/keys/k`),
      exec(
        `/usr/bin/python3 -c 'import os; os.rename("${ws.path("w/deep")}", "${ws.path("w/d")}")'`,
      ),
    ],
  });
  assertEquals((seen?.data as Said).stdout, ".\n./a\n./deep\n./deep/keys\n./keys\n./out\n");
  assertMatch((moved?.data as Said).stderr, /busy/);
});

testInSandbox("programs die with a kernel that is killed", async () => {
  using ws = new Workspace();
  ws.folder("out");
  run("mkfifo", ws.path("out/pipe"));
  const kernel = start(ws, {
    allow: [{ action: "fs.write", resource: ws.path("out/**") }],
    options: { sandbox: "required" },
    requests: [exec(`
      exec 3>${ws.path("out/pipe")}
      (sleep 60; echo survived >&3) &
      setsid sh -c '(sleep 60; echo survived >&3) &'
      echo started >&3; sleep 600`)],
  });
  // Should it end by itself, nobody is waited for.
  const ended = kernel.output().finally(async () => {
    (await Deno.open(ws.path("out/pipe"), { read: true, write: true })).close();
  });
  const pipe = (await Deno.open(ws.path("out/pipe"))).readable.pipeThrough(new TextDecoderStream());
  let heard = "";
  for await (const text of pipe) {
    heard += text;
    // Only when everybody who has the pipe is gone, the loop ends.
    if (heard === "started\n") kernel.kill("SIGKILL");
  }
  assertEquals(heard, "started\n");
  await ended;
});

testInSandbox(
  "with the flags that its policy implies, a program reaches its hosts and no other",
  async () => {
    using ws = new Workspace();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => new Response("hello"),
    );
    const { port } = server.addr;
    const ask = (authority: string) =>
      exec(`/usr/bin/python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 3128))
s.sendall(b"CONNECT ${authority} HTTP/1.1\\r\\n\\r\\n")
if b" 200 " in s.recv(999):
  s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
  print(s.makefile().read().split("\\n")[-1])
else: print("refused")'`);
    const results = await resultsOf(ws, {
      allow: [{
        action: "net.connect",
        resource: [`https://127.0.0.1:${port}/`, `https://*.localhost:${port}/`],
      }],
      options: { sandbox: "required" },
      requests: [
        ask(`127.0.0.1:${port}`),
        ask(`a.localhost:${port}`),
        ask(`127.0.0.1:${port ^ 1}`),
      ],
    });
    assertEquals(results.map(({ data }) => (data as Said).stdout), [
      "hello\n",
      "refused\n",
      "refused\n",
    ]);
  },
);

testInSandbox(
  "a program that cannot be started under the relay fails like one without it",
  async () => {
    using ws = new Workspace();
    Deno.chmodSync(ws.file("bin/lost", "#!/nowhere\n"), 0o755);
    const [lost] = await resultsOf(ws, {
      allow: [
        { action: "net.connect", resource: "https://192.0.2.1/" },
        { action: "proc.exec", resource: ws.path("bin/lost") },
      ],
      options: { sandbox: "required" },
      requests: [{ action: "proc.exec", target: ws.path("bin/lost") }],
    });
    assertEquals(lost?.code, "SANDBOX_FAILED");
    assertMatch(lost?.error ?? "", /cannot start/);
  },
);
