import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Kernel, verifyAuditLog } from "../../../mod.ts";
import { AuditLogBusyError, AuditLogError } from "../../../src/core/record/audit_log_error.ts";
import { linesOf, openAndClose, openLog, recordsOf, writeLog } from "./log_file.ts";
import { nextTurn } from "../../turn.ts";
import { ROOT, run, Workspace } from "../../workspace.ts";

function openKernel(logPath: string): Promise<Kernel> {
  return Kernel.open({ policy: { capabilities: [] }, logPath, onWarning: () => {} });
}

/** Another process that has a kernel open on the log. */
class Holder implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  static async start(ws: Workspace, logPath: string): Promise<Holder> {
    const child = new Deno.Command("deno", {
      args: [
        ...["run", "-q", "--no-prompt", `--allow-read=${ROOT}`, `--allow-write=${ws.root}`],
        ...[fromFileUrl(new URL("./lock_holder.ts", import.meta.url)), logPath],
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    assertEquals(new TextDecoder().decode(value), "open\n");
    return new Holder(child);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Lets it come to a clean end. */
  async finish(): Promise<void> {
    await this.#child.stdin.close();
    assertEquals((await this.#child.status).success, true);
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#child.stdin.close().catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill();
    } catch {
      // It has ended.
    }
  }
}

/** That a second kernel is refused. @returns The pid that it was told. */
async function assertBusy(path: string): Promise<number | undefined> {
  const error = await assertRejects(() => openKernel(path), AuditLogBusyError) as AuditLogBusyError;
  assertEquals(error.code, "AUDIT_LOG_BUSY");
  assertEquals(error instanceof AuditLogError, true);
  assertStringIncludes(error.message, "has it open");
  if (error.pid !== undefined) assertStringIncludes(error.message, `pid ${error.pid}`);
  return error.pid;
}

Deno.test("a second kernel of the same process is refused and told its pid", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using first = await openKernel(path);
  assertEquals(await assertBusy(path), Deno.pid);
  // The first is not disturbed.
  const { status } = await first.submit({ action: "kv.put", target: "a" });
  assertEquals(status, "DENIED");
  assertEquals((await verifyAuditLog(path)).records, 1);
});

Deno.test("of two kernels opened at the same time, one is refused", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const opened = await Promise.allSettled([openKernel(path), openKernel(path), openKernel(path)]);
  const kernels = opened.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  const errors = opened.flatMap((one) => one.status === "rejected" ? [one.reason] : []);
  await Promise.all(kernels.map((kernel) => kernel.close()));
  assertEquals(kernels.length, 1);
  assertEquals(errors.every((error) => error instanceof AuditLogBusyError), true);
});

Deno.test("a kernel of another process is refused while the first works, and not after its end", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using holder = await Holder.start(ws, path);
  const log = Deno.readTextFileSync(path);
  const journal = Deno.readTextFileSync(`${path}.journal`);
  assertEquals(await assertBusy(path), holder.pid);
  assertEquals(await assertBusy(path), holder.pid);
  // What was refused has changed nothing.
  assertEquals(Deno.readTextFileSync(path), log);
  assertEquals(Deno.readTextFileSync(`${path}.journal`), journal);
  await holder.finish();
  await (await openKernel(path)).close();
  assertEquals(recordsOf(path).map(({ target }) => target), ["denied"]);
});

Deno.test("a lock left behind by a killed process does not block", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using holder = await Holder.start(ws, path);
  await holder.kill();
  assertEquals(JSON.parse(linesOf(`${path}.journal`)[0] ?? ""), { pid: holder.pid });
  await using kernel = await openKernel(path);
  await kernel.submit({ action: "kv.put", target: "later" });
  assertEquals(recordsOf(path).map(({ target }) => target), ["denied", "later"]);
  // The dead holder's number is gone from the journal.
  assertEquals(await assertBusy(path), Deno.pid);
});

const OTHER_WAYS: readonly (readonly [string, (ws: Workspace) => string])[] = [
  ["a symbolic link to the log", (ws) => ws.link("link.log", ws.path("logs/kernel.log"))],
  ["a relative symbolic link", (ws) => ws.link("link.log", "logs/kernel.log")],
  ["a link to a link", (ws) => {
    ws.link("inner.log", ws.path("logs/kernel.log"));
    return ws.link("link.log", "inner.log");
  }],
  ["a linked folder", (ws) => `${ws.link("linked", ws.path("logs"))}/kernel.log`],
  ["another spelling", (ws) => `${ws.root}/logs/../logs//./kernel.log`],
];
for (const [what, make] of OTHER_WAYS) {
  Deno.test(`a second kernel that comes by ${what} is refused and told the pid`, async () => {
    using ws = new Workspace();
    ws.folder("logs");
    await using _first = await openKernel(ws.path("logs/kernel.log"));
    assertEquals(await assertBusy(make(ws)), Deno.pid);
  });

  Deno.test(`a kernel that comes by ${what} goes on with the log, and locks it`, async () => {
    using ws = new Workspace();
    ws.folder("logs");
    const path = await writeLog(ws, 1, "logs/kernel.log");
    await using kernel = await openKernel(make(ws));
    await kernel.submit({ action: "kv.put", target: "a" });
    assertEquals(recordsOf(path).length, 2);
    assertEquals(await assertBusy(path), Deno.pid);
  });
}

Deno.test("a second kernel that comes by a hard link is refused", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using first = await openKernel(path);
  run("ln", path, ws.path("hard.log"));
  const pid = await assertBusy(ws.path("hard.log"));
  assertEquals(pid === undefined || pid === Deno.pid, true);
  await first.submit({ action: "kv.put", target: "a" });
  assertEquals((await verifyAuditLog(path)).records, 1);
});

Deno.test("a log that is used by a hard link is busy by its own name", async () => {
  using ws = new Workspace();
  const path = await writeLog(ws, 1);
  run("ln", path, ws.path("hard.log"));
  await using _first = await openKernel(ws.path("hard.log"));
  await assertBusy(path);
});

Deno.test("a log that was rotated is still locked", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  await using kernel = await Kernel.open({
    policy: { capabilities: [] },
    logPath: path,
    rotate: { bytes: 1 },
    onWarning: () => {},
  });
  for (const target of ["a", "b"]) await kernel.submit({ action: "kv.put", target });
  assertEquals(recordsOf(path), []);
  assertEquals(await assertBusy(path), Deno.pid);
  run("ln", path, ws.path("hard.log"));
  await assertBusy(ws.path("hard.log"));
});

Deno.test("a refused kernel leaves no file open and no lock", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  const first = await openKernel(path);
  for (let i = 0; i < 20; i++) await assertBusy(path);
  await first.close();
  for (let i = 0; i < 3; i++) await (await openKernel(path)).close();
});

Deno.test("a log that cannot be continued is not left locked", async () => {
  using ws = new Workspace();
  const path = ws.file("kernel.log", "hello\n");
  await assertRejects(() => openLog(path));
  Deno.writeTextFileSync(path, "");
  await openAndClose(path);
});

for (const suffix of ["", ".journal", ".journal.new"]) {
  Deno.test(`a symbolic link in the place of <log>${suffix} is refused, and what it leads to stays`, async () => {
    using ws = new Workspace();
    const other = ws.file("other", "not ours\n");
    ws.link(`kernel.log${suffix}`, other);
    await assertRejects(() => openLog(ws.path("kernel.log")), AuditLogError, "not a regular file");
    assertEquals(Deno.readTextFileSync(other), "not ours\n");
  });
}

Deno.test("a journal of which the first line is not written yet makes the log busy, its pid unknown", async () => {
  using ws = new Workspace();
  const path = ws.path("kernel.log");
  for (const first of ["", '{"pi', '{"pid":"7"}\n', "null\n", "7\n", "\n"]) {
    using journal = Deno.openSync(`${path}.journal`, { write: true, create: true, truncate: true });
    journal.lockSync(true);
    journal.writeSync(new TextEncoder().encode(first));
    assertEquals(await assertBusy(path), undefined);
  }
});

Deno.test("a log that could not be opened is free again at once, also beside a thread that starts programs", async () => {
  using ws = new Workspace();
  const path = ws.file("kernel.log", '{"damaged":true}\n');
  // From its fork to its exec a program has the locks of the process.
  const source =
    `for (;;) await new Deno.Command("/usr/bin/dash", { args: ["-c", ":"] }).output();`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(source)}`, {
    type: "module",
  });
  try {
    for (let i = 0; i < 2000; i++) {
      const error = await assertRejects(() => openLog(path), AuditLogError);
      // What is wrong is the log, each time: nobody has it.
      assertEquals(error.code, "AUDIT_UNAVAILABLE");
      if (i % 20 === 0) await nextTurn();
    }
  } finally {
    worker.terminate();
  }
});
