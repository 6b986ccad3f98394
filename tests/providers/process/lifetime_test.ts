import { assertEquals } from "@std/assert";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { type ToWorker, workerName } from "../../../src/core/isolation/protocol.ts";
import { Ring } from "../../../src/transport/ring.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { run, Workspace } from "../../workspace.ts";
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

testInSandbox("programs die with a Worker that is terminated", async () => {
  using ws = new Workspace();
  ws.folder("out");
  run("mkfifo", ws.path("out/pipe"));
  const provider = new ProcessProvider({ sandbox: "required" });
  const worker = new Worker(new URL(provider.module as string), {
    type: "module",
    name: workerName({ provider: "process", revoke: [] }),
    deno: { permissions: { run: ["/usr/bin/bwrap", "/bin/sh"], read: [ws.path("out")] } },
  });
  const writable = [{ path: ws.path("out"), form: "folder" }] as const;
  const messages: ToWorker[] = [
    {
      type: "init",
      config: provider.config,
      maxOutputBytes: 1000,
      environment: { network: false, hosts: [], files: { readable: [], writable, denied: [] } },
    },
    {
      type: "call",
      id: 1,
      request: {
        action: "proc.exec",
        target: SH,
        params: {
          args: ["-c", `exec 3>${ws.path("out/pipe")}; ${survivor} echo started >&3; sleep 600`],
        },
      },
    },
  ];
  const pipe = ws.path("out/pipe");
  worker.onmessage = () => void nobodyElseComes(pipe);
  worker.postMessage({ toWorker: new Ring().shared, fromWorker: new Ring().shared });
  for (const [number, message] of messages.entries()) worker.postMessage([number, message]);
  const heard = await heardOn(pipe, (heard) => heard === "started\n" && worker.terminate());
  assertEquals(heard, "started\n");
});
