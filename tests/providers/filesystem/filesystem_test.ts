import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import {
  type FilesystemOptions,
  FilesystemProvider,
} from "@agent-kernel/kernel/providers/filesystem";
import { run, Workspace } from "../../workspace.ts";

type Submit = (
  action: string,
  name: string,
  params?: Record<string, unknown>,
) => Promise<ActionResult>;

/** Registers a test for each place in which the provider can run. */
function test(name: string, body: (place: FilesystemOptions) => Promise<void>): void {
  for (const isolation of ["worker", "none"] as const) {
    const where = isolation === "worker" ? "in a Worker" : "in this process";
    Deno.test(`${name}, ${where}`, () => body({ isolation }));
  }
}

/** A kernel that allows everything in the workspace's "w". */
async function withFiles(
  body: (submit: Submit, ws: Workspace) => Promise<void>,
  options: FilesystemOptions = {},
): Promise<void> {
  using ws = new Workspace();
  ws.folder("w");
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.*", resource: [ws.path("w"), ws.path("w/**")] }] },
    providers: [new FilesystemProvider(options)],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  await body(async (action, name, params = {}) => {
    const resources = typeof params.to === "string" ? { to: ws.path("w", params.to) } : {};
    return withoutId(
      await kernel.submit({
        action,
        target: ws.path("w", name),
        params: { ...params, ...resources },
      }),
    );
  }, ws);
}

/** All of a result but the id of its record, which is new each time. */
function withoutId({ recordId: _, ...rest }: ActionResult): ActionResult {
  return rest;
}

const ok = (data: unknown) => ({ status: "OK", data, rule: "capabilities[0]" }) as ActionResult;

test("fs.write makes parent folders and counts bytes, fs.read gives the text back", async (place) => {
  await withFiles(async (submit, ws) => {
    assertEquals(
      await submit("fs.write", "a/b/c.txt", { content: "grüße" }),
      ok({ bytes_written: 7 }),
    );
    assertEquals(await submit("fs.read", "a/b/c.txt"), ok("grüße"));
    assertEquals(Array.from(Deno.readDirSync(ws.path("w/a/b")), ({ name }) => name), ["c.txt"]);
  }, place);
});

test("fs.write keeps the mode of a file that it replaces", async (place) => {
  await withFiles(async (submit, ws) => {
    Deno.chmodSync(ws.file("w/run.sh", "old"), 0o755);
    await submit("fs.write", "run.sh", { content: "new" });
    assertEquals((Deno.statSync(ws.path("w/run.sh")).mode ?? 0) & 0o777, 0o755);
    await submit("fs.write", "plain.txt", { content: "new" });
    assertEquals((Deno.statSync(ws.path("w/plain.txt")).mode ?? 0) & 0o777, 0o644);
  }, place);
});

test("fs.write and fs.read carry any bytes as base64", async (place) => {
  await withFiles(async (submit, ws) => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    const content = btoa(String.fromCharCode(...bytes));
    assertEquals(
      await submit("fs.write", "bin", { content, encoding: "base64" }),
      ok({ bytes_written: 256 }),
    );
    assertEquals(Deno.readFileSync(ws.path("w/bin")), bytes);
    assertEquals((await submit("fs.read", "bin", { encoding: "base64" })).data, content);
    assertEquals((await submit("fs.read", "bin")).code, "NOT_TEXT");
    assertEquals(
      (await submit("fs.write", "bin", { content: "a$b=", encoding: "base64" })).code,
      "INVALID_PARAMS",
    );
  }, place);
});

test("fs.read reads pieces by offset and length, in bytes", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.file("w/t.txt", "0123456789");
    assertEquals((await submit("fs.read", "t.txt", { offset: 3, length: 4 })).data, "3456");
    assertEquals((await submit("fs.read", "t.txt", { offset: 100 })).data, "");
    const cut = await submit("fs.read", "t.txt", { max_bytes: 4 });
    assertEquals([cut.data, cut.truncated], ["0123", true]);
    assertEquals((await submit("fs.read", "t.txt", { length: 4 })).truncated, undefined);
    ws.file("w/ü.txt", "aüb");
    assertEquals((await submit("fs.read", "ü.txt", { max_bytes: 2 })).data, "a");
    for (const offset of [-1, 1.5, "1", null]) {
      assertEquals(
        (await submit("fs.read", "t.txt", { offset })).code,
        "INVALID_PARAMS",
        String(offset),
      );
    }
  }, place);
});

test("fs.read stays within the bound of a result", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.file("w/large.txt", "ü".repeat(1000));
    const { data, truncated } = await submit("fs.read", "large.txt");
    assertEquals([data, truncated], ["ü".repeat(50), true]);
    const binary = await submit("fs.read", "large.txt", { encoding: "base64" });
    assertEquals([binary.status, binary.truncated, (binary.data as string).length], [
      "OK",
      true,
      100,
    ]);
  }, { ...place, maxOutputBytes: 100 });
});

test("fs.delete removes a file or an empty folder", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.file("w/a.txt", "x");
    ws.folder("w/empty");
    ws.file("w/full/b.txt", "x");
    assertEquals(await submit("fs.delete", "a.txt"), ok({ deleted: true }));
    assertEquals(await submit("fs.delete", "empty"), ok({ deleted: true }));
    assertEquals((await submit("fs.delete", "full")).code, "NOT_EMPTY");
    assertEquals(Array.from(Deno.readDirSync(ws.path("w")), ({ name }) => name), ["full"]);
  }, place);
});

test("a missing file is told as the original tells it", async (place) => {
  await withFiles(async (submit, ws) => {
    for (
      const [action, params] of [["fs.read", {}], ["fs.delete", {}], ["fs.stat", {}], [
        "fs.list",
        {},
      ], ["fs.move", { to: "b" }]] as const
    ) {
      const { status, code, error } = await submit(action, "missing.txt", params);
      assertEquals([status, code, error], [
        "ERROR",
        "NOT_FOUND",
        `File not found: ${ws.path("w/missing.txt")}`,
      ]);
    }
    assertEquals((await submit("fs.read", "missing/x.txt")).code, "NOT_FOUND");
  }, place);
});

test("fs.list, fs.stat and fs.mkdir", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.file("w/b.txt", "12345");
    ws.folder("w/a");
    ws.link("w/c", "b.txt");
    assertEquals((await submit("fs.list", "")).data, [
      { name: "a", type: "directory" },
      { name: "b.txt", type: "file" },
      { name: "c", type: "symlink" },
    ]);
    const stat = (await submit("fs.stat", "b.txt")).data as Record<string, unknown>;
    assertEquals([stat.type, stat.size, stat.mode], ["file", 5, "0644"]);
    assertEquals(
      ((await submit("fs.stat", "a")).data as Record<string, unknown>).type,
      "directory",
    );
    assertEquals((await submit("fs.list", "b.txt")).code, "NOT_A_FOLDER");
    assertEquals(await submit("fs.mkdir", "x/y/z"), ok({ created: true }));
    assertEquals(await submit("fs.mkdir", "x/y/z"), ok({ created: false }));
    assertEquals((await submit("fs.mkdir", "b.txt")).code, "EXISTS");
    assertEquals(Deno.statSync(ws.path("w/x/y/z")).isDirectory, true);
    assertEquals(Array.from(Deno.readDirSync(ws.path("w/x/y")), ({ name }) => name), ["z"]);
  }, place);
});

test("fs.move moves a file and replaces another only when told", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.file("w/a.txt", "a");
    ws.file("w/b.txt", "b");
    assertEquals(
      await submit("fs.move", "a.txt", { to: "new/a.txt" }),
      ok({ moved: true }),
    );
    assertEquals((await submit("fs.move", "b.txt", { to: "new/a.txt" })).code, "EXISTS");
    assertEquals(
      await submit("fs.move", "b.txt", { to: "new/a.txt", overwrite: true }),
      ok({ moved: true }),
    );
    assertEquals(Deno.readTextFileSync(ws.path("w/new/a.txt")), "b");
    assertEquals((await submit("fs.move", "new", { to: "other" })).code, "NOT_A_FILE");
    assertEquals((await submit("fs.move", "new/a.txt")).code, "INVALID_TARGET");
    assertEquals(Array.from(Deno.readDirSync(ws.path("w")), ({ name }) => name), ["new"]);
    assertEquals(Array.from(Deno.readDirSync(ws.path("w/new")), ({ name }) => name), ["a.txt"]);
  }, place);
});

test("what is no regular file is neither read nor overwritten, and nothing hangs", async (place) => {
  await withFiles(async (submit, ws) => {
    ws.folder("w/folder");
    run("mkfifo", ws.path("w/pipe"));
    for (const name of ["folder", "pipe"]) {
      assertEquals((await submit("fs.read", name)).code, "NOT_A_FILE");
      assertEquals((await submit("fs.write", name, { content: "" })).code, "NOT_A_FILE");
    }
    assertStringIncludes((await submit("fs.read", "pipe")).error ?? "", "pipe");
  }, place);
});

test("params of the wrong type are told", async (place) => {
  await withFiles(async (submit) => {
    for (const content of [undefined, 1, null, {}]) {
      assertEquals((await submit("fs.write", "a", { content })).code, "INVALID_PARAMS");
    }
    assertEquals((await submit("fs.read", "a", { encoding: "latin1" })).code, "INVALID_PARAMS");
  }, place);
});

Deno.test("a rule for a single file lets that file be written, atomically and alone", async () => {
  using ws = new Workspace();
  ws.file("w/only.txt", "old");
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{ action: ["fs.write", "fs.delete"], resource: ws.path("w/only.txt") }],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const submit = (action: string, name: string, params = {}) =>
    kernel.submit({ action, target: ws.path("w", name), params });
  const names = () => Array.from(Deno.readDirSync(ws.path("w")), ({ name }) => name);
  assertEquals((await submit("fs.write", "only.txt", { content: "new" })).error, undefined);
  assertEquals(Deno.readTextFileSync(ws.path("w/only.txt")), "new");
  // What a crash may have left behind does not get in the way.
  ws.file("w/.only.txt.agent-kernel", "left behind");
  assertEquals((await submit("fs.write", "only.txt", { content: "again" })).error, undefined);
  assertEquals(names(), ["only.txt"]);
  assertEquals((await submit("fs.write", "other.txt", { content: "x" })).status, "DENIED");
  assertEquals((await submit("fs.delete", "only.txt")).error, undefined);
  assertEquals(names(), []);
});

test("concurrent writes to one file leave one of the contents, whole", async (place) => {
  await withFiles(async (submit, ws) => {
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(contents.map((content) => submit("fs.write", "one.txt", { content })));
    assertEquals(contents.includes(Deno.readTextFileSync(ws.path("w/one.txt"))), true);
    assertEquals(Array.from(Deno.readDirSync(ws.path("w"))).length, 1);
  }, place);
});

Deno.test("a provider in this process is announced at the start, one in a Worker is not", async () => {
  for (const isolation of ["worker", "none"] as const) {
    using ws = new Workspace();
    ws.folder("w");
    const warnings: string[] = [];
    await using _ = await Kernel.open({
      policy: { capabilities: [{ action: "fs.read", resource: ws.path("w/**") }] },
      providers: [new FilesystemProvider({ isolation })],
      logPath: ws.path("kernel.log"),
      onWarning: (line) => warnings.push(line),
    });
    const said = warnings.filter((line) => line.includes('"filesystem" runs in this process'));
    assertEquals(said.length, isolation === "none" ? 1 : 0, warnings.join("\n"));
  }
});

Deno.test("a provider is refused an isolation that does not exist", () => {
  const error = assertThrows(
    () => new FilesystemProvider({ isolation: "process" as "none" }),
    RangeError,
  );
  assertStringIncludes(error.message, 'isolation is "process", expected "worker" or "none"');
});
