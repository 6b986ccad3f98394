import { assertEquals, assertStringIncludes } from "@std/assert";
import { Kernel, type KernelOptions, Provider, type Session } from "../../mod.ts";
import { FilesystemProvider } from "../../providers/filesystem/mod.ts";
import { ChangedFiles } from "../../src/provenance/changed_files.ts";
import { Workspace } from "../workspace.ts";

const EVE = "eve@evil.example\n";

/** A kernel whose source is a folder of notes, and a gate in the middle of a slow write. */
class Notes implements AsyncDisposable {
  readonly workspace = new Workspace();
  readonly begun = Promise.withResolvers<void>();
  readonly goOn = Promise.withResolvers<void>();
  kernel!: Kernel;

  static async open(options: Partial<KernelOptions> = {}): Promise<Notes> {
    const notes = new Notes();
    notes.workspace.file("notes/own", EVE);
    notes.kernel = await Kernel.open({
      policy: notes.policy(),
      providers: [new FilesystemProvider(), notes.world()],
      logPath: notes.workspace.path("kernel.log"),
      onWarning: () => {},
      ...options,
    });
    return notes;
  }

  policy(more: { sources?: boolean } = {}): KernelOptions["policy"] {
    const resource = `${this.workspace.root}/notes/**`;
    return {
      ...more.sources === false ? {} : { sources: [{ id: "notes", action: "fs.read", resource }] },
      capabilities: [
        { action: ["fs.read", "fs.write", "slow.write"], resource },
        { action: "prog.run", resource: "/usr/bin/timeout" },
        ...more.sources === false ? [] : [{
          action: "mail.send",
          resource: "**",
          constraint: { to: { from: ["notes"], as: "email" } },
        }],
      ],
    } as KernelOptions["policy"];
  }

  world(): Provider {
    return new Provider({
      name: "world",
      isolation: "none",
      actions: {
        "mail.send": { kind: "name" },
        "slow.write": { kind: "path", access: ["write"] },
        "prog.run": { kind: "command" },
      },
      execute: async ({ action, target }) => {
        if (action !== "slow.write") return "done";
        Deno.writeTextFileSync(target, EVE);
        this.begun.resolve();
        await this.goOn.promise;
        return "done";
      },
    });
  }

  /** Reads a note, and whether its address is trusted then. */
  async trusts(session: Session, name: string): Promise<boolean> {
    const read = await session.submit({ action: "fs.read", target: this.path(name) });
    assertEquals(read.status, "OK");
    const to = EVE.trim();
    const sent = await session.submit({ action: "mail.send", target: "out", params: { to } });
    return sent.status === "OK";
  }

  path(name: string): string {
    return this.workspace.path(`notes/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kernel.close();
    this.workspace[Symbol.dispose]();
  }
}

Deno.test("a file is not trusted while an agent writes it", async () => {
  await using notes = await Notes.open();
  await using session = await notes.kernel.session();
  const written = session.submit({ action: "slow.write", target: notes.path("a") });
  await notes.begun.promise;
  assertEquals(await notes.trusts(session, "a"), false);
  notes.goOn.resolve();
  assertEquals((await written).status, "OK");
  assertEquals(await notes.trusts(session, "own"), true);
});

Deno.test("a file is not trusted that an agent was permitted to write itself", async () => {
  await using notes = await Notes.open();
  await using session = await notes.kernel.session();
  const params = { content: EVE };
  const permit = await session.permit({ action: "fs.write", target: notes.path("a"), params });
  assertEquals(permit.status, "OK");
  notes.workspace.file("notes/a", EVE);
  assertEquals(await notes.trusts(session, "a"), false);
});

Deno.test("a file is not trusted that was written under an earlier policy without sources", async () => {
  await using notes = await Notes.open();
  await notes.kernel.reload(notes.policy({ sources: false }));
  const params = { content: EVE };
  await notes.kernel.submit({ action: "fs.write", target: notes.path("a"), params });
  await notes.kernel.reload(notes.policy());
  await using session = await notes.kernel.session();
  assertEquals(await notes.trusts(session, "a"), false);
  assertEquals(await notes.trusts(session, "own"), true);
});

Deno.test("a program may have changed whatever the rules let change, wherever it worked", async () => {
  await using notes = await Notes.open();
  await using session = await notes.kernel.session();
  assertEquals(
    (await session.submit({ action: "prog.run", target: "/usr/bin/timeout" })).status,
    "OK",
  );
  assertEquals(await notes.trusts(session, "own"), false);
});

Deno.test("a write is refused if it cannot be kept that the file was changed", async () => {
  await using notes = await Notes.open();
  await notes.kernel.close();
  const sessions = notes.workspace.path("sessions");
  const options = {
    policy: notes.policy(),
    providers: [new FilesystemProvider(), notes.world()],
    logPath: notes.workspace.path("kernel.log"),
    sessions: { path: sessions },
    onWarning: () => {},
  };
  await using other = await Kernel.open({ ...options, logPath: notes.workspace.path("b.log") });
  const write = (name: string) => ({
    action: "fs.write",
    target: notes.path(name),
    params: { content: EVE },
  });
  assertEquals((await other.submit(write("b"))).status, "OK");
  // The other one has the list of changed files open.
  notes.kernel = await Kernel.open(options);
  const refused = await notes.kernel.submit(write("a"));
  assertEquals(refused.code, "SESSION_UNAVAILABLE");
  assertStringIncludes(refused.error ?? "", "could not be kept which");
});

Deno.test("a path that could not be kept counts as changed, and is kept the next time", () => {
  const kept: string[] = [];
  let fails = true;
  const changed = new ChangedFiles([], (path) => {
    if (fails) throw new Error("No space left on device");
    kept.push(path);
  });
  const note = () => {
    const request = { action: "x", target: "/a/b", params: {} };
    const actions = { x: { kind: "path", access: ["write"] } } as const;
    try {
      changed.note(request, { actions, rules: [] });
      return true;
    } catch {
      return false;
    }
  };
  assertEquals([note(), changed.has("/a/b"), note()], [false, true, false]);
  fails = false;
  assertEquals([note(), note(), kept], [true, true, ["/a/b"]]);
});
