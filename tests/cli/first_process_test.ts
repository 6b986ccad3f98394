import { assert, assertEquals } from "@std/assert";
import { agentKernel, type Ended, type Scene, scene, START, submit } from "./command_line.ts";
import { ROOT, run, Workspace } from "../workspace.ts";

/** Runs `agent-kernel` with further variables in its environment, also those that Deno does not hand on. */
async function withVariables(
  variables: Readonly<Record<string, string>>,
  start: readonly string[],
  args: readonly string[],
): Promise<Ended> {
  const script = "import os, sys; os.environ.update(eval(sys.argv[1])); " +
    "os.execvp('deno', ['deno'] + sys.argv[2:])";
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", script, JSON.stringify(variables), ...start, ...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

const WITHOUT_ENV = START.filter((arg) => arg !== "--allow-env");

const LOADERS: readonly Readonly<Record<string, string>>[] = [
  { LD_LIBRARY_PATH: "/nowhere" },
  { LD_PRELOAD: "/nowhere.so", LD_AUDIT: "/nowhere.so", LD_OF_MY_OWN: "1" },
  { DYLD_INSERT_LIBRARIES: "/nowhere.dylib" },
];
for (const variables of LOADERS) {
  for (const [how, start] of [["", START], [" without --allow-env", WITHOUT_ENV]] as const) {
    Deno.test(`submit${how} works with ${Object.keys(variables).join(", ")}`, async () => {
      using ws = new Workspace();
      const { policy, log, note } = scene(ws);
      const { code, stdout, stderr } = await withVariables(variables, start, [
        ...["submit", "--policy", policy, "--log-path", log],
        ...["--action", "fs.read", "--target", note, "--json"],
      ]);
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout).status, "OK");
    });
  }
}

/** Starts an agent whose model answers when it is asked to, and waits until it was asked. */
class HangingRun implements AsyncDisposable {
  readonly #server: Deno.HttpServer;
  readonly #asked = Promise.withResolvers<void>();
  readonly #answer = Promise.withResolvers<Response>();
  readonly child: Deno.ChildProcess;
  readonly scene: Scene;

  constructor(ws: Workspace, variables: Readonly<Record<string, string>> = {}) {
    this.scene = scene(ws);
    const { policy, log } = this.scene;
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
      this.#asked.resolve();
      return this.#answer.promise;
    });
    const { port } = this.#server.addr as Deno.NetAddr;
    this.child = new Deno.Command("deno", {
      args: [
        ...START,
        ...["agent", "--policy", policy, "--log-path", log, "--model", "gpt-5"],
        ...["--base-url", `http://127.0.0.1:${port}/v1`, "hello"],
      ],
      cwd: ROOT,
      env: { NO_COLOR: "1", OPENAI_API_KEY: "sk-test", ...variables },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  /** The second process has the log open now, and waits for its model. */
  async asked(): Promise<void> {
    await this.#asked.promise;
  }

  /** The process id of the second process. */
  second(): number {
    const { stdout } = new Deno.Command("python3", {
      args: ["-c", CHILDREN, String(this.child.pid)],
    }).outputSync();
    return Number(new TextDecoder().decode(stdout));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#answer.resolve(new Response(null, { status: 500 }));
    await this.#server.shutdown();
  }
}

const CHILDREN = `
import glob, sys
for path in glob.glob("/proc/[0-9]*/stat"):
    try:
        parts = open(path).read().rsplit(")", 1)[1].split()
    except OSError:
        continue
    if parts[1] == sys.argv[1]:
        print(path.split("/")[2])
`;

/** Waits until a process is gone. It is not a child of this one, so that only looking tells. */
async function gone(pid: number): Promise<void> {
  const script = "import os, sys, time\n" +
    "while os.path.exists('/proc/' + sys.argv[1]): time.sleep(0.02)";
  const { success } = await new Deno.Command("/usr/bin/timeout", {
    args: ["60", "python3", "-c", script, String(pid)],
  }).output();
  assert(success, `process ${pid} goes on`);
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131, SIGKILL: 137 } as const;
for (const [signal, expected] of Object.entries(CODES)) {
  Deno.test(`${signal} to the first process ends the second too, and frees the log`, async () => {
    using ws = new Workspace();
    await using started = new HangingRun(ws);
    await started.asked();
    const second = started.second();
    assert(second > 1);
    const busy = await submit(started.scene, "fs.read", started.scene.note);
    assertEquals(busy.code, 1, "the log is free before the end");
    started.child.kill(signal as Deno.Signal);
    assertEquals((await started.child.status).code, expected);
    await gone(second);
    const { code, stdout } = await submit(started.scene, "fs.read", started.scene.note);
    assertEquals({ code, status: JSON.parse(stdout).status }, { code: 0, status: "OK" });
  });
}

Deno.test("the second process gets the variables that docs/cli.md lists, and no others", async () => {
  using ws = new Workspace();
  await using started = new HangingRun(ws, { SECRET_OF_THE_SHELL: "x", LC_ALL: "C", TZ: "UTC" });
  await started.asked();
  const { stdout } = await new Deno.Command("python3", {
    args: [
      "-c",
      "import sys; print(open('/proc/'+sys.argv[1]+'/environ').read())",
      String(started.second()),
    ],
  }).output();
  const names = new TextDecoder().decode(stdout).trim().split("\0").map((entry) =>
    entry.split("=")[0] ?? ""
  ).filter((name) => name !== "");
  for (const name of ["OPENAI_API_KEY", "LC_ALL", "TZ", "NO_COLOR", "HOME", "PATH"]) {
    assert(names.includes(name), name);
  }
  assertEquals(names.includes("SECRET_OF_THE_SHELL"), false);
  const listed = Deno.readTextFileSync(`${ROOT}/docs/cli.md`);
  for (const name of names) {
    assert(
      name === "OPENAI_API_KEY" || listed.includes(`\`${name}\``),
      `${name} is not in docs/cli.md`,
    );
  }
  started.child.kill("SIGTERM");
  await started.child.status;
});

Deno.test("agent-kernel without a command shows the list and ends with 64", async () => {
  const { code, stdout } = await agentKernel();
  assertEquals(code, 64);
  assert(stdout.includes("validate-policy"));
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  Deno.test(`${signal} to the first process ends a program without a sandbox, and what it started`, async () => {
    using ws = new Workspace();
    const pipe = ws.path("pipe");
    run("mkfifo", pipe);
    const shell = Deno.realPathSync("/bin/sh");
    const policy = JSON.stringify({ capabilities: [{ action: "proc.exec", resource: shell }] });
    // Whoever goes on says so long before the supervisor's own limit, which is 31 s.
    const script = `exec 3>${pipe}; (sleep 15; echo survived >&3) & echo started >&3; sleep 600`;
    const child = new Deno.Command("deno", {
      args: [
        ...START,
        ...["submit", "--policy", ws.file("policy.yaml", policy), "--sandbox", "off"],
        ...["--log-path", ws.path("kernel.log"), "--action", "proc.exec", "--target", shell],
        ...["--params", JSON.stringify({ args: ["-c", script] })],
      ],
      cwd: ROOT,
      ...{ stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
    const heard = [];
    const { readable } = await Deno.open(pipe);
    for await (const text of readable.pipeThrough(new TextDecoderStream())) {
      heard.push(text);
      if (text === "started\n") child.kill(signal);
    }
    assertEquals([heard, (await child.status).code], [
      ["started\n"],
      CODES[signal],
    ]);
  });
}
