import { assertEquals } from "@std/assert";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { type ToWorker, workerName } from "../../../src/core/isolation/protocol.ts";
import { Ring } from "../../../src/transport/ring.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { impliedPermissions } from "@agent-kernel/kernel";
import { ROOT, run, Workspace } from "../../workspace.ts";
import { NO_SANDBOX, Programs, SH, testInSandbox } from "./programs.ts";

/** Everything that is written to the pipe until nobody has it open any more. */
async function heardOn(pipe: string, each: (heard: string) => unknown = () => {}): Promise<string> {
  let heard = "";
  const { readable } = await Deno.open(pipe);
  for await (const text of readable.pipeThrough(new TextDecoderStream())) {
    heard += text;
    each(heard);
  }
  return heard;
}

/** Ends the wait for a program that never opened the pipe: opened for both, nobody is waited for. */
async function nobodyElseComes(pipe: string): Promise<void> {
  (await Deno.open(pipe, { read: true, write: true })).close();
}

/** Says on the pipe that it started; whoever survives the program says so long after it should have ended. */
const survivor = "(sleep 60; echo survived >&3) &";
const ENDS: readonly [name: string, script: string, sandboxOnly?: true][] = [
  ["a child", `${survivor} echo started >&3; sleep 600`],
  ["a grandchild", `sh -c '${survivor}'; echo started >&3; sleep 600`],
  [
    "a child that ignores what can be ignored",
    `trap '' TERM HUP INT ALRM; ${survivor} echo started >&3; sleep 600`,
  ],
  [
    "many children",
    `i=0; while [ $i -lt 100 ]; do ${survivor} i=$((i+1)); done; echo started >&3; sleep 600`,
  ],
  [
    "a child in a session of its own",
    `setsid sh -c '${survivor}'; echo started >&3; sleep 600`,
    true,
  ],
  [
    "a daemon",
    `setsid sh -c '(setsid sh -c "(sleep 60; echo survived >&3)" &)'; echo started >&3; sleep 600`,
    true,
  ],
];

for (const sandbox of ["required", "off"] as const) {
  for (const [name, script, sandboxOnly] of ENDS) {
    if (sandbox === "off" && sandboxOnly) continue;
    const ignore = sandbox === "required" && NO_SANDBOX !== undefined;
    Deno.test({
      name: `at the deadline ${name} dies too (sandbox ${sandbox})${
        ignore ? ` (not run: ${NO_SANDBOX})` : ""
      }`,
      ignore,
      async fn() {
        const timer = new ManualTimer();
        await using programs = await Programs.open(
          (ws) => {
            ws.folder("out");
            run("mkfifo", ws.path("out/pipe"));
            return { allow: [{ action: "fs.write", resource: ws.path("out/**") }] };
          },
          { sandbox },
          () => ({ timer }),
        );
        const pipe = programs.ws.path("out/pipe");
        const [{ code }, heard] = await Promise.all([
          programs.sh(`exec 3>${pipe}; ${script}`).finally(() => nobodyElseComes(pipe)),
          heardOn(pipe, (heard) => heard === "started\n" && timer.pass(30_000)),
        ]);
        assertEquals([code, heard], ["DEADLINE_EXCEEDED", "started\n"]);
        assertEquals((await programs.said("echo next")).stdout, "next\n");
      },
    });
  }
}

testInSandbox("what a program leaves behind ends with it", async () => {
  await using programs = await Programs.open((ws) => {
    ws.folder("out");
    run("mkfifo", ws.path("out/pipe"));
    return { allow: [{ action: "fs.write", resource: ws.path("out/**") }] };
  }, { sandbox: "required" });
  const pipe = programs.ws.path("out/pipe");
  const [said, heard] = await Promise.all([
    programs.said(`exec 3>${pipe}; setsid sh -c '${survivor}'; echo started >&3; echo done`)
      .finally(() => nobodyElseComes(pipe)),
    heardOn(pipe),
  ]);
  assertEquals([said.returncode, said.stdout, heard], [0, "done\n", "started\n"]);
});

Deno.test("without a sandbox, a program that left others behind is not waited for to their end", async () => {
  await using programs = await Programs.open(() => ({}), { sandbox: "off" });
  const said = await programs.said("sleep 20 & echo done");
  assertEquals([said.returncode, said.stdout], [0, "done\n"]);
});

/** What a Worker of these tests may start. */
const STARTERS = ["/usr/bin/bwrap", "/bin/sh", "/usr/bin/timeout", "/usr/bin/setpriv"];

/** Starts a Worker of the provider, as a kernel does, and calls it. */
function workerCalled(
  provider: ProcessProvider,
  { args, out }: { readonly args: readonly string[]; readonly out: string },
): Worker {
  const worker = new Worker(new URL(provider.module as string), {
    type: "module",
    name: workerName({ provider: "process", revoke: [] }),
    deno: { permissions: { run: STARTERS, read: [out] } },
  });
  const writable = [{ path: out, form: "folder" }] as const;
  const messages: ToWorker[] = [
    {
      type: "init",
      config: provider.config,
      maxOutputBytes: 1000,
      environment: { network: false, hosts: [], files: { readable: [], writable, denied: [] } },
    },
    { type: "call", id: 1, request: { action: "proc.exec", target: SH, params: { args } } },
  ];
  worker.postMessage({ toWorker: new Ring().shared, fromWorker: new Ring().shared });
  for (const [number, message] of messages.entries()) worker.postMessage([number, message]);
  return worker;
}

/** How many threads of this process are Workers. */
function workerThreads(): number {
  return run("/bin/sh", "-c", `cat /proc/${Deno.pid}/task/*/comm 2>/dev/null || :`).split("\n")
    .filter((name) => name.startsWith("worker-")).length;
}

for (const sandbox of ["required", "off"] as const) {
  const test = sandbox === "off" ? Deno.test : testInSandbox;
  test(`programs die with a Worker that is terminated (sandbox ${sandbox})`, async () => {
    using ws = new Workspace();
    ws.folder("out");
    run("mkfifo", ws.path("out/pipe"));
    const provider = new ProcessProvider({ sandbox });
    const script = `exec 3>${ws.path("out/pipe")}; ${survivor} echo started >&3; sleep 600`;
    const worker = workerCalled(provider, { args: ["-c", script], out: ws.path("out") });
    const pipe = ws.path("out/pipe");
    worker.onmessage = () => void nobodyElseComes(pipe);
    const heard = await heardOn(pipe, (heard) => heard === "started\n" && worker.terminate());
    assertEquals(heard, "started\n");
  });
}

/**
 * Stands in the place of bubblewrap: with the program of these tests it says on one pipe that it was started,
 * waits on another until it may go on, and says on a third that all is over. What waits is a process of its own,
 * as are those that bubblewrap starts: a signal to the one that Deno has started does not reach them.
 */
function standIn(ws: Workspace): string {
  for (const name of ["started", "go on", "over"]) run("mkfifo", ws.path(name));
  const path = ws.file(
    "bin/bwrap",
    `#!/bin/sh
case "$*" in
*WAITS*)
  exec 5<&0
  (
    echo started >"${ws.path("started")}"
    read -r _ <"${ws.path("go on")}"
    /usr/bin/bwrap "$@" <&5
    echo over >"${ws.path("over")}"
  ) &
  wait $!;;
*) exec /usr/bin/bwrap "$@";;
esac
`,
  );
  Deno.chmodSync(path, 0o755);
  return path;
}

/** A kernel in a process of its own that runs the shell with these params, and prints the result. */
function kernelCalled(
  ws: Workspace,
  { bubblewrap, params }: { readonly bubblewrap: string; readonly params: object },
): Deno.ChildProcess {
  const options = { sandbox: "required", network: "none", bubblewrap } as const;
  const policy = {
    capabilities: [
      { action: "proc.exec", resource: SH },
      { action: "fs.write", resource: ws.path("out/**") },
    ],
  };
  const requests = [{ action: "proc.exec", target: SH, params }];
  ws.folder("log");
  const opened = { policy, logPath: ws.path("log/kernel.log") };
  const { flags } = impliedPermissions({ ...opened, providers: [new ProcessProvider(options)] });
  return new Deno.Command("deno", {
    args: [
      ...["run", "-q", `--config=${ROOT}/deno.json`, ...flags],
      `${ROOT}/tests/providers/process/kernel_process.ts`,
      JSON.stringify({ ...opened, options, requests }),
    ],
    ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
  }).spawn();
}

/** Each starts a shell with arguments; what it returns ends whoever has started it, for certain. */
const ENDED: readonly (readonly [
  what: string,
  start: (ws: Workspace, bubblewrap: string, args: readonly string[]) => () => Promise<unknown>,
])[] = [
  ["a Worker", (ws, bubblewrap, args) => {
    const before = workerThreads();
    const provider = new ProcessProvider({ sandbox: "required", network: "none", bubblewrap });
    const worker = workerCalled(provider, { args, out: ws.path("out") });
    return async () => {
      worker.terminate();
      // Its thread ends a little later.
      while (workerThreads() > before) await new Promise((resolve) => setTimeout(resolve));
    };
  }],
  ["a kernel", (ws, bubblewrap, args) => {
    const child = kernelCalled(ws, { bubblewrap, params: { args } });
    return async () => {
      child.kill("SIGKILL");
      await child.output();
    };
  }],
];

for (const [what, start] of ENDED) {
  testInSandbox(
    `a program whose bubblewrap was still starting when ${what} was ended never runs`,
    async () => {
      using ws = new Workspace();
      ws.folder("out");
      const script = `: WAITS; echo ran >${ws.path("out/ran")}`;
      const end = start(ws, standIn(ws), ["-c", script]);
      assertEquals(await Deno.readTextFile(ws.path("started")), "started\n");
      await end();
      await Deno.writeTextFile(ws.path("go on"), "\n");
      assertEquals(await Deno.readTextFile(ws.path("over")), "over\n");
      assertEquals(Array.from(Deno.readDirSync(ws.path("out"))), []);
    },
  );
}

testInSandbox(
  "a program whose bubblewrap takes its time runs when that has started, with all of its input",
  async () => {
    using ws = new Workspace();
    const args = ["-c", ": WAITS; read -r line; echo got $line; cat"];
    const params = { args, stdin: "a line\n\nmore" };
    const output = kernelCalled(ws, { bubblewrap: standIn(ws), params }).output();
    assertEquals(await Deno.readTextFile(ws.path("started")), "started\n");
    await Deno.writeTextFile(ws.path("go on"), "\n");
    assertEquals(await Deno.readTextFile(ws.path("over")), "over\n");
    const { data } = JSON.parse(new TextDecoder().decode((await output).stdout));
    assertEquals(data.stdout, "got a line\n\nmore");
  },
);
