import { assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { loadSigner, writeKeyPair } from "../../src/checkpoint/checkpoint.ts";
import { openNote, parseVerifierKey, signNote } from "../../src/checkpoint/signed_note.ts";
import { agentKernel, denoRun, scene, START, submit } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

Deno.test("keygen makes two files that fit and prints the verifier key", async () => {
  using ws = new Workspace();
  const out = ws.path("log key");
  const { code, stdout, stderr } = await agentKernel("keygen", "--out", out);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^agent-kernel\+[0-9a-f]{8}\+\S{44}\n$/);
  assertEquals(Deno.readTextFileSync(`${out}.pub`), stdout);
  assertEquals((Deno.statSync(out).mode ?? 0) & 0o7777, 0o600);
  const note = signNote("hello\n", loadSigner(out));
  assertEquals(openNote(note, parseVerifierKey(stdout.trim())).ok, true);
  assertEquals(Array.from(Deno.readDirSync(ws.root)).length, 2);
});

Deno.test("keygen takes a name, also one that begins with a dash", async () => {
  using ws = new Workspace();
  for (const [i, name] of ["example.com/log", "--dash", "日志"].entries()) {
    const out = ws.path(`${i}`);
    const { code, stdout } = await agentKernel("keygen", `--out=${out}`, `--name=${name}`);
    assertEquals({ code, name: loadSigner(out).name }, { code: 0, name });
    assertEquals(stdout.startsWith(`${name}+`), true);
  }
});

Deno.test("keygen writes relative to the current folder", async () => {
  using ws = new Workspace();
  const start = START.map((word) => word.endsWith(".ts") ? join(ROOT, word) : word);
  const [run = "", ...flags] = start;
  const config = `--config=${join(ROOT, "deno.json")}`;
  const args = [run, config, ...flags, "keygen", "--out", "keys.key"];
  const { code, stderr } = await denoRun(args, { cwd: ws.root });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(loadSigner(ws.path("keys.key")).name, "agent-kernel");
});

Deno.test("keygen overwrites nothing, exit code 1", async () => {
  using ws = new Workspace();
  for (const there of ["k", "k.pub"]) {
    const path = ws.file(there, "mine");
    const { code, stdout, stderr } = await agentKernel("keygen", "--out", ws.path("k"));
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertStringIncludes(stderr, `"${path}": it is there already`);
    assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name), [there]);
    Deno.removeSync(path);
  }
});

Deno.test("keygen does not follow a link that leads elsewhere", async () => {
  using ws = new Workspace();
  const elsewhere = ws.path("elsewhere");
  const { code } = await agentKernel("keygen", "--out", ws.link("k", elsewhere));
  assertEquals(code, 1);
  assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name), ["k"]);
});

const REFUSED: readonly (readonly [string, (ws: Workspace) => string[], string])[] = [
  ["a name with a space", (ws) => ["--out", ws.path("k"), "--name", "a b"], '"a b"'],
  ["a name with a plus", (ws) => ["--out", ws.path("k"), "--name", "a+b"], '"a+b"'],
  ["an empty name", (ws) => ["--out", ws.path("k"), "--name="], '""'],
  ["a path with a comma", (ws) => ["--out", ws.path("a,b")], "comma"],
  ["a folder that is not there", (ws) => ["--out", ws.path("none/k")], "none/k"],
];
for (const [what, args, told] of REFUSED) {
  Deno.test(`keygen refuses ${what}, exit code 1, and makes no file`, async () => {
    using ws = new Workspace();
    const { code, stdout, stderr } = await agentKernel("keygen", ...args(ws));
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    assertStringIncludes(stderr, told);
    assertEquals(stderr.includes("    at "), false);
    assertEquals(Array.from(Deno.readDirSync(ws.root)), []);
  });
}

Deno.test("keygen, submit --checkpoint-key and log verify --key go together", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const key = ws.path("log.key");
  assertEquals((await agentKernel("keygen", "--out", key)).code, 0);
  const submitted = await submit(files, "fs.read", files.note, "--checkpoint-key", key);
  assertEquals({ code: submitted.code, stderr: submitted.stderr }, { code: 0, stderr: "" });
  const verify = ["log", "verify", "--log-path", files.log, "--key", `${key}.pub`];
  const verified = await agentKernel(...verify);
  assertEquals(verified.code, 0, verified.stdout);
  assertStringIncludes(
    verified.stdout,
    "OK: checkpoints that fit: 1, the newest covers 1 records\n",
  );
  // A log that was written anew has the right hashes, and not the checkpoint.
  Deno.removeSync(files.log);
  for (const target of [files.note, files.policy]) await submit(files, "fs.read", target);
  assertEquals((await agentKernel("log", "verify", "--log-path", files.log)).code, 0);
  assertEquals((await agentKernel(...verify)).code, 1);
});

Deno.test("the key of checkpoints cannot be read by an action, whatever the policy allows", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const key = ws.path("data/log.key");
  assertEquals((await agentKernel("keygen", "--out", key)).code, 0);
  const { code, stdout } = await submit(files, "fs.read", key, "--checkpoint-key", key);
  assertEquals({ code, reason: JSON.parse(stdout).code }, { code: 2, reason: "GUARDED" });
});

Deno.test("a key that cannot be written whole leaves no file, and can be written later", () => {
  using ws = new Workspace();
  const path = ws.path("key");
  {
    const { syncSync } = Deno.FsFile.prototype;
    using _ = { [Symbol.dispose]: () => void (Deno.FsFile.prototype.syncSync = syncSync) };
    Deno.FsFile.prototype.syncSync = () => {
      throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
    };
    const error = assertThrows(() => writeKeyPair(path, "k"), Error);
    assertEquals(error.message, `Cannot write the key "${path}": the disk is full`);
  }
  assertEquals(Array.from(Deno.readDirSync(ws.root)).length, 0);
  writeKeyPair(path, "k");
  assertEquals(loadSigner(path).name, "k");
});
