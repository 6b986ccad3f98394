/** What the operating system refuses has a stable code and a sentence, and leaves nothing behind. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { failureOf } from "../../../providers/filesystem/failures.ts";
import { canMount, SmallDisk } from "../../core/record/small_disk.ts";
import { run, Workspace } from "../../workspace.ts";

type Submit = (action: string, name: string, params?: object) => Promise<ActionResult>;

/** Calls a function with a gate to everything in a folder of the workspace. */
async function withKernel(
  ws: Workspace,
  folder: string,
  body: (submit: Submit) => Promise<void>,
): Promise<void> {
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "fs.*", resource: ws.path(folder, "**") }] },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  await body((action, name, params = {}) => {
    const to = "to" in params ? { to: ws.path(folder, String(params.to)) } : {};
    return kernel.submit({ action, target: ws.path(folder, name), params: { ...params, ...to } });
  });
}

function names(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}

/** The code and the sentence; no raw error of the system. */
function assertFailure({ status, code, error = "" }: ActionResult, expected: string, said: string) {
  assertEquals([status, code], ["ERROR", expected], error);
  assertStringIncludes(error, said);
  assert(!/os error|errno|ENO|EROFS/i.test(error), error);
}

// deno-fmt-ignore -- a row is a line
const BELOW_A_FILE: readonly (readonly [action: string, name: string, params: object, code: string])[] = [
  ["fs.write", "file/new", { content: "x" }, "NOT_A_FOLDER"],
  ["fs.write", "file/a/b/new", { content: "x" }, "NOT_A_FOLDER"],
  ["fs.mkdir", "file/new", {}, "NOT_A_FOLDER"],
  ["fs.move", "other", { to: "file/new" }, "NOT_A_FOLDER"],
  ["fs.write", "pipe/new", { content: "x" }, "NOT_A_FOLDER"],
  ["fs.read", "file/new", {}, "NOT_FOUND"],
  ["fs.list", "file/new", {}, "NOT_FOUND"],
  ["fs.delete", "file/new", {}, "NOT_FOUND"],
];
for (const [action, name, params, code] of BELOW_A_FILE) {
  Deno.test(`${action} of ${name}, where a part of the way is no folder, is ${code}`, async () => {
    using ws = new Workspace();
    ws.file("w/file", "file");
    ws.file("w/other", "other");
    run("mkfifo", ws.path("w/pipe"));
    await withKernel(ws, "w", async (submit) => {
      const result = await submit(action, name, params);
      const at = ws.path("w", name.split("/")[0] as string);
      assertFailure(result, code, code === "NOT_A_FOLDER" ? "Not a folder: " : at);
      assertEquals(names(ws.path("w")), ["file", "other", "pipe"]);
      assertEquals(Deno.readTextFileSync(ws.path("w/file")), "file");
    });
  });
}

Deno.test("a path that is too long for what is prepared in its folder is NAME_TOO_LONG", async () => {
  using ws = new Workspace();
  const name = "n".repeat(250);
  const room = 4095 - ws.path("w").length - 10;
  const folder = Array.from({ length: Math.floor(room / 251) }, () => name).join("/");
  const last = "x".repeat(room - folder.length);
  await withKernel(ws, "w", async (submit) => {
    assertFailure(
      await submit("fs.write", `${folder}/${last}`, { content: "" }),
      "NAME_TOO_LONG",
      "longer than",
    );
  });
});

/** `MS_REMOUNT | MS_RDONLY`. */
const REMOUNT_READ_ONLY = `
import ctypes, sys
sys.exit(ctypes.CDLL(None).mount(b"tmpfs", sys.argv[1].encode(), b"tmpfs", 33, b"size=256k"))
`;

const disk = { ignore: !canMount() };

Deno.test({
  name: "on a full disk changes are NO_SPACE, leave nothing behind, and what was there stays",
  ...disk,
  async fn() {
    using ws = new Workspace();
    using small = new SmallDisk(ws);
    Deno.writeTextFileSync(`${small.path}/old`, "old");
    Deno.mkdirSync(`${small.path}/folder`);
    small.fill();
    const before = names(small.path);
    await withKernel(ws, "disk", async (submit) => {
      for (const name of ["old", "new"]) {
        const result = await submit("fs.write", name, { content: "x".repeat(20_000) });
        assertFailure(result, "NO_SPACE", `Cannot write "${small.path}/${name}": the disk is full`);
      }
      assertEquals(names(small.path), before);
      assertEquals((await submit("fs.read", "old")).data, "old");
      small.free();
      assertEquals((await submit("fs.write", "old", { content: "new" })).status, "OK");
    });
  },
});

Deno.test({
  name: "on a disk without room for another file changes are NO_SPACE",
  ...disk,
  async fn() {
    using ws = new Workspace();
    using small = new SmallDisk(ws);
    Deno.writeTextFileSync(`${small.path}/old`, "old");
    small.fillWithFiles();
    const before = names(small.path);
    await withKernel(ws, "disk", async (submit) => {
      const rows = [
        ["fs.write", "new", { content: "x" }, "Cannot write"],
        ["fs.mkdir", "new", {}, "Cannot make the folder"],
        [
          "fs.move",
          "old",
          { to: "moved" },
          `Cannot move "${small.path}/old" to "${small.path}/moved"`,
        ],
      ] as const;
      for (const [action, name, params, said] of rows) {
        assertFailure(await submit(action, name, params), "NO_SPACE", `${said}`);
        assertEquals(names(small.path), before);
      }
    });
  },
});

Deno.test({
  name: "on a disk that is mounted read-only changes are READ_ONLY, and reading works",
  ...disk,
  async fn() {
    using ws = new Workspace();
    using small = new SmallDisk(ws);
    Deno.writeTextFileSync(`${small.path}/old`, "old");
    run("python3", "-c", REMOUNT_READ_ONLY, small.path);
    await withKernel(ws, "disk", async (submit) => {
      const rows = [
        ["fs.write", "old", { content: "x" }],
        ["fs.write", "new", { content: "x" }],
        ["fs.delete", "old", {}],
        ["fs.mkdir", "new", {}],
        ["fs.move", "old", { to: "moved" }],
      ] as const;
      for (const [action, name, params] of rows) {
        assertFailure(await submit(action, name, params), "READ_ONLY", "is mounted read-only");
      }
      assertEquals((await submit("fs.read", "old")).data, "old");
      assertEquals((await submit("fs.stat", "old")).status, "OK");
    });
  },
});

Deno.test({
  name: "a move to another file system is OTHER_FILE_SYSTEM, and the file stays where it was",
  ...disk,
  async fn() {
    using ws = new Workspace();
    using small = new SmallDisk(ws);
    ws.file("here/old", "old");
    await withKernel(ws, "", async (submit) => {
      const result = await submit("fs.move", "here/old", { to: "disk/new" });
      assertFailure(result, "OTHER_FILE_SYSTEM", "different file systems");
      assertEquals([names(ws.path("here")), names(small.path)], [["old"], []]);
      assertEquals(Deno.readTextFileSync(ws.path("here/old")), "old");
    });
  },
});

Deno.test("errors of the system that cannot be provoked here have their codes too", () => {
  const request = { action: "fs.read", target: "/w/a", params: {} };
  const of = (error: unknown) => {
    const { code, message } = failureOf(error, request) as { code?: string; message: string };
    return [code, message];
  };
  const system = (code: string, message: string) => Object.assign(new Error(message), { code });
  const rows = [
    ["EDQUOT", "NO_SPACE", "the disk quota is used up"],
    ["EMFILE", "TOO_MANY_FILES", "this process has too many files open"],
    ["EACCES", "ACCESS_DENIED", "the user of this process lacks the rights of the file system"],
    ["EISDIR", "IS_A_FOLDER", "it is a folder, expected a file"],
    ["EFBIG", "TOO_LARGE", "the file would be larger than the system or its limits permit"],
    ["EIO", "IO_ERROR", "the disk reports an error"],
  ] as const;
  for (const [errno, code, reason] of rows) {
    assertEquals(of(system(errno, "Something (os error 1)")), [
      code,
      `Cannot read "/w/a": ${reason}`,
    ]);
  }
  // One that no table knows loses its number and the path of Deno's own.
  assertEquals(of(system("EXOTIC", "Odd thing (os error 99): open '/w/.staged'")), [
    "PROVIDER_ERROR",
    'Cannot read "/w/a": Odd thing',
  ]);
  assertEquals(of("text")[1], 'Cannot read "/w/a": text');
});
