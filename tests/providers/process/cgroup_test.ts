import { assert, assertEquals, assertMatch } from "@std/assert";
import type { KernelOptions } from "@agent-kernel/kernel";
import { type ProcessOptions, ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { findGroups, groupFor, withGroup } from "../../../providers/process/cgroup.ts";
import { planMounts } from "../../../providers/process/mounts.ts";
import { findSandbox, inSandbox } from "../../../providers/process/sandbox.ts";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { run, Workspace } from "../../workspace.ts";
import { NO_SANDBOX, Programs, testInSandbox } from "./programs.ts";

function sh(script: string, ...words: string[]): void {
  const command = new Deno.Command("/bin/sh", { args: ["-c", script, "sh", ...words] });
  const { success, stderr } = command.outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr).split("\n")[0]);
}

/** A folder of the machine's cgroup v2, mounted in the workspace: Deno opens nothing in `/sys`. */
class Groups implements Disposable {
  readonly folder: string;
  readonly #mount: string;

  constructor(ws: Workspace) {
    this.#mount = ws.folder("groups");
    this.folder = `${this.#mount}/test-${crypto.randomUUID()}`;
    sh('mount -t cgroup2 none "$1"', this.#mount);
    try {
      sh('echo +pids >"$1/cgroup.subtree_control" && mkdir "$2"', this.#mount, this.folder);
    } catch (error) {
      sh('umount "$1"', this.#mount);
      throw error;
    }
  }

  write(file: string, text: string): void {
    sh('echo "$2" >"$1"', `${this.folder}/${file}`, text);
  }

  /** The groups in it. */
  list(folder: string = this.folder): string[] {
    return Array.from(Deno.readDirSync(folder)).filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => name);
  }

  [Symbol.dispose](): void {
    for (const name of this.list()) sh('rmdir "$1"', `${this.folder}/${name}`);
    sh('rmdir "$1"; umount "$2"', this.folder, this.#mount);
  }
}

/** Why there is no cgroup v2 here in which a test can count processes. */
const NO_GROUPS: string | undefined = reasonAgainstGroups();

function reasonAgainstGroups(): string | undefined {
  if (NO_SANDBOX !== undefined) return `no bubblewrap here, ${NO_SANDBOX}`;
  using ws = new Workspace();
  try {
    using _ = new Groups(ws);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function testInGroups(
  name: string,
  fn: (context: { ws: Workspace; groups: Groups }) => Promise<void>,
): void {
  Deno.test({
    name: NO_GROUPS === undefined ? name : `${name} (not run: no cgroup v2, ${NO_GROUPS})`,
    ignore: NO_GROUPS !== undefined,
    async fn() {
      using ws = new Workspace();
      using groups = new Groups(ws);
      await fn({ ws, groups });
    },
  });
}

function open(
  groups: Groups,
  options: ProcessOptions = {},
  allow: readonly object[] = [],
  more: Partial<KernelOptions> = {},
): Promise<Programs> {
  const own: ProcessOptions = {
    sandbox: "required",
    cgroup: groups.folder,
    limits: { processes: 8 },
  };
  return Programs.open(() => ({ allow }), { ...own, ...options }, () => more);
}

/** Starts as many as it can, at most 40, and says how many; they wait until `wait` ends. */
const bomb = (wait: string) =>
  `exec /usr/bin/python3 -c '
import os, subprocess
n = 0
read, write = os.pipe()
try:
  while n < 40:
    if os.fork() == 0:
      os.close(write)
      os.read(read, 1)
      os._exit(0)
    n += 1
except BlockingIOError: pass
print(n, flush=True)
${wait}'`;

testInGroups(
  "a program and what it starts are as many as the limit says, also as root",
  async ({ groups }) => {
    await using programs = await open(groups);
    assertEquals((await programs.said(bomb(""))).stdout, "7\n");
    assertEquals((await programs.said("echo next")).stdout, "next\n");
    assertEquals(groups.list(), []);
  },
);

testInGroups(
  "bubblewrap is not counted: one process is enough for a program alone",
  async ({ groups }) => {
    await using programs = await open(groups, { limits: { processes: 1 } });
    const { stdout, stderr } = await programs.said("echo one; /bin/true; echo two");
    assertEquals(stdout, "one\n");
    assertMatch(stderr, /fork/);
  },
);

testInGroups(
  "programs at a time have a bound each, and do not see that of another",
  async ({ ws, groups }) => {
    ws.folder("out");
    run("mkfifo", ws.path("out/there"), ws.path("out/go"));
    await using programs = await open(groups, {}, [
      { action: "fs.write", resource: ws.path("out/**") },
    ]);
    const full = programs.said(bomb(`
open("${ws.path("out/there")}", "w").close()
open("${ws.path("out/go")}").close()`));
    await Deno.readTextFile(ws.path("out/there"));
    assertEquals(groups.list().length, 1);
    assertEquals((await programs.said(bomb(""))).stdout, "7\n");
    await Deno.writeTextFile(ws.path("out/go"), "", { create: false });
    assertEquals((await full).stdout, "7\n");
    assertEquals(groups.list(), []);
  },
);

testInGroups(
  "only a program with a limit that a group can hold gets a group",
  async ({ groups }) => {
    await using programs = await open(groups, { limits: { openFiles: 64 } });
    groups.write("cgroup.max.descendants", "0");
    assertEquals((await programs.said("echo a")).stdout, "a\n");
    await using bounded = await open(groups);
    const { code, error } = await bounded.sh("echo a");
    assertEquals(code, "CGROUP_FAILED");
    assertMatch(error ?? "", /Cannot bound the program: mkdir: /);
  },
);

testInGroups(
  "the group goes with what is in it at the timeout and at the deadline",
  async ({ ws, groups }) => {
    const timer = new ManualTimer();
    ws.folder("out");
    run("mkfifo", ws.path("out/pipe"));
    const rule = { action: "fs.write", resource: ws.path("out/**") };
    await using programs = await open(groups, {}, [rule], { timer });
    const script = "setsid sh -c 'sleep 600 & sleep 600' & echo started >$1; sleep 600";
    const early = await programs.sh("setsid sleep 600 & sleep 600", { timeout: 0.2 });
    const late = programs.sh(script, { words: [ws.path("out/pipe")] });
    assertEquals(await Deno.readTextFile(ws.path("out/pipe")), "started\n");
    assert(groups.list().length > 0);
    timer.pass(30_000);
    assertEquals([early.code, (await late).code], ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"]);
    // The removal is not waited for, so that it delays no answer.
    while (groups.list().length > 0) await programs.said("echo next");
  },
);

testInGroups("what a program leaves behind does not keep its group", async ({ groups }) => {
  await using programs = await open(groups);
  assertEquals((await programs.said("setsid sleep 600 & echo done")).stdout, "done\n");
  assertEquals(groups.list(), []);
});

testInGroups(
  "groups of kernels that are gone are removed, if nothing is in them",
  async ({ groups }) => {
    const others = [`program-${Deno.pid}-other`, "program-1-other", "mine"];
    for (const name of [...others, "program-4194305-dead"]) {
      sh(
        'mkdir "$1"',
        `${groups.folder}/${name}`,
      );
    }
    await using programs = await open(groups);
    assertEquals((await programs.said("echo a")).stdout, "a\n");
    assertEquals(groups.list().sort(), others.sort());
  },
);

testInGroups("a program that cannot join its group does not run", async ({ ws, groups }) => {
  // A group in a threaded one takes no process until it is threaded too.
  groups.write("cgroup.type", "threaded");
  ws.folder("out");
  await using programs = await open(groups, {}, [
    { action: "fs.write", resource: ws.path("out/**") },
  ]);
  const { code, error } = await programs.sh(`echo ran >${ws.path("out/ran")}`);
  assertEquals(code, "SANDBOX_FAILED");
  assertMatch(error ?? "", /did not start: cgroup: cannot join \//);
  assertEquals([...Deno.readDirSync(ws.path("out"))], []);
  assertEquals(groups.list(), []);
});

testInSandbox("the shell that cannot join a group starts nothing", async () => {
  const sandbox = await findSandbox("/usr/bin/bwrap");
  assert(typeof sandbox !== "string");
  const { executable, args } = inSandbox(sandbox, {
    command: ["/bin/echo", "ran"],
    tools: [],
    env: {},
    cwd: "/",
    mounts: {
      modes: new Map([["/", "ro"]]),
      links: new Map(),
      notes: [],
      hidden: [],
      inChangeable: [],
    },
    systemPaths: [],
    network: false,
    group: "/nowhere",
  });
  const ended = await new Deno.Command(executable, { args: [...args], clearEnv: true }).output();
  const [stdout, stderr] = [ended.stdout, ended.stderr].map((one) => new TextDecoder().decode(one));
  assertEquals([ended.code, stdout, stderr], [1, "", "cgroup: cannot join /nowhere\n"]);
});

testInGroups(
  "a program leaves its group by no file and by no mount, also as root",
  async ({ ws, groups }) => {
    const rows = [ws.path("**"), "/**"];
    for (const resource of rows) {
      await using programs = await open(groups, {}, [
        { action: "fs.read", resource },
        { action: "fs.write", resource },
      ]);
      const { stdout } = await programs.said(`
      for file in ${groups.folder}/cgroup.procs ${groups.folder}/program-*/cgroup.procs \\
        ${groups.folder}/program-*/pids.max ${groups.folder}/../cgroup.procs \\
        /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs; do
        (echo 0 >$file) 2>/dev/null && echo "wrote $file"
      done
      mkdir /tmp/m; mount -t cgroup2 none /tmp/m 2>/dev/null && echo mounted
      ${bomb("")}`);
      assertEquals(stdout, "7\n", resource);
    }
  },
);

Deno.test("the folder of groups in /sys is not looked at for a sandbox, which has no /sys", async () => {
  const guarded = { path: "/sys/fs/cgroup/agent-kernel", form: "file", guard: true } as const;
  const { modes } = await planMounts({
    files: {
      readable: [],
      writable: [{ path: "/", form: "folder" }],
      denied: [{ ...guarded, actions: ["fs.write"] }],
    },
    decide: () => Promise.reject(new Error("Nothing is to be asked")),
    systemPaths: [],
    home: undefined,
    maxEntries: 0,
    signal: new AbortController().signal,
  });
  assertEquals([...modes], [["/", "rw"]]);
});

testInGroups("the folder of groups cannot be changed by an action on files", async ({ groups }) => {
  await using programs = await open(groups, {}, [{ action: "fs.write", resource: "/**" }]);
  const { code } = await programs.act("fs.write", `${groups.folder}/cgroup.procs`, {
    content: "0",
  });
  assertEquals(code, "GUARDED");
});

testInGroups(
  "a controller that is missing is told, and the other one bounds",
  async ({ groups }) => {
    await using programs = await open(groups, { limits: { processes: 8, memory: 2 ** 33 } });
    assertEquals((await programs.said(bomb(""))).stdout, "7\n");
    const notes = programs.warnings.filter((line) => line.includes("cgroup"));
    assertEquals(notes.length, 1);
    assertMatch(
      notes[0] ?? "",
      /has no controller "memory": the limit "memory" holds as prlimit sets it/,
    );
  },
);

Deno.test("a folder in which nothing can be bounded is told, with what to do", async () => {
  using ws = new Workspace();
  const plain = ws.folder("plain");
  ws.file("bare/cgroup.controllers", "cpu hugetlb\n");
  ws.file("bare/cgroup.subtree_control", "\n");
  ws.link("link", "bare");
  assertMatch(await findGroups(plain) as string, /cgroup\.controllers/);
  assertMatch(await findGroups(ws.path("none")) as string, /none/);
  assertEquals(await findGroups(ws.path("bare")), "the folder above hands down cpu hugetlb");
  assertEquals(await findGroups(ws.path("link")), `its real path is ${ws.path("bare")}`);
});

testInSandbox("where nothing can be bounded, no program runs", async () => {
  using ws = new Workspace();
  await using programs = await Programs.open(() => ({}), { cgroup: ws.folder("plain") });
  const { code, error } = await programs.sh("echo ran");
  assertEquals(code, "CGROUP_UNAVAILABLE");
  assertMatch(error ?? "", /expected a folder of cgroup v2 .* write "\+memory \+pids" to/);
});

Deno.test("without a sandbox, no program runs that should be in a group", async () => {
  using ws = new Workspace();
  const options = { cgroup: ws.folder("plain"), bubblewrap: "/usr/bin/dash" };
  await using programs = await Programs.open(() => ({}), options);
  assertEquals((await programs.sh("echo ran")).code, "SANDBOX_UNAVAILABLE");
});

Deno.test("the Worker gets no permission for the folder of groups", () => {
  const options = { sandbox: "required", cgroup: "/sys/fs/cgroup/agent-kernel" } as const;
  assertEquals(new ProcessProvider(options).permissions, { run: ["/usr/bin/bwrap", "/bin/sh"] });
});

Deno.test("findGroups() switches on what there is", async () => {
  using ws = new Workspace();
  const folder = ws.folder("fake");
  ws.file("fake/cgroup.controllers", "cpu memory pids\n");
  ws.file("fake/cgroup.subtree_control", "");
  // In a plain folder the last word is what was written last.
  assertEquals(await findGroups(folder), "the folder above hands down cpu memory pids");
  assertEquals(Deno.readTextFileSync(`${folder}/cgroup.subtree_control`), "+pids\n");
  ws.file("fake/cgroup.controllers", "cpu memory\n");
  await findGroups(folder);
  assertEquals(Deno.readTextFileSync(`${folder}/cgroup.subtree_control`), "+memory\n");
});

// deno-fmt-ignore -- a row is a line
const SETTINGS: readonly (readonly [controllers: string[], limits: object, settings: unknown])[] = [
  [["memory", "pids"], { memory: 5000, processes: 3 }, [["memory.max", 5000], ["memory.swap.max", 0], ["memory.oom.group", 1], ["pids.max", 5]]],
  [["memory"], { memory: 5000, processes: 3 }, [["memory.max", 5000], ["memory.swap.max", 0], ["memory.oom.group", 1]]],
  [["pids"], { memory: 5000, processes: 1 }, [["pids.max", 3]]],
  [["pids"], { memory: 5000 }, undefined],
  [["memory", "pids"], { openFiles: 9, cpuSeconds: 1 }, undefined],
];
for (const [controllers, limits, settings] of SETTINGS) {
  Deno.test(`with ${controllers.join(" and ")}, ${JSON.stringify(limits)} is written as ${JSON.stringify(settings)}`, () => {
    const group = groupFor({ folder: "/g", controllers }, limits);
    assertEquals(group?.settings, settings);
    if (group !== undefined) assertMatch(group.path, /^\/g\/program-[0-9]+-[0-9a-f-]{36}$/);
  });
}

/** In a plain folder: what the kernel would do is done by `run`. */
async function inPlainFolder(files: Readonly<Record<string, string>>): Promise<unknown[]> {
  using ws = new Workspace();
  const groups = { folder: ws.folder("fake"), controllers: ["memory", "pids"] };
  const group = groupFor(groups, { memory: 5000, processes: 3 });
  assert(group !== undefined);
  const name = group.path.slice(ws.root.length + 1);
  const written: Record<string, string> = {};
  const notes: string[] = [];
  const ended = await withGroup(group, {
    run() {
      for (const { name: file } of Deno.readDirSync(group.path)) {
        written[file] = Deno.readTextFileSync(`${group.path}/${file}`);
        Deno.removeSync(`${group.path}/${file}`);
      }
      for (const [file, text] of Object.entries(files)) ws.file(`${name}/${file}`, text);
      return Promise.resolve("ended");
    },
    warn: (note) => notes.push(note),
  }).catch((error) => [error.code, error.message]);
  // Only a folder of the kernel's goes away with its files in it.
  assertMatch(notes.join("\n"), /^the cgroup ".*" was not removed: rmdir: .*$/);
  return [ended, written];
}

Deno.test("a program that was killed for want of memory is told so, with the limit", async () => {
  const events = (kills: number) => ({
    "cgroup.events": "populated 0\nfrozen 0\n",
    "memory.events": `low 0\nmax 9\noom 1\noom_kill ${kills}\noom_group_kill 1\n`,
  });
  const written = { "memory.max": "5000\n", "memory.oom.group": "1\n", "pids.max": "5\n" };
  assertEquals(await inPlainFolder(events(3)), [
    [
      "MEMORY_EXCEEDED",
      'The program and what it started needed more than the limit "memory" of 5000 bytes and were killed',
    ],
    written,
  ]);
  assertEquals(await inPlainFolder(events(0)), ["ended", written]);
});
