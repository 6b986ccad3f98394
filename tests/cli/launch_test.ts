import { assertEquals, assertStringIncludes } from "@std/assert";
import { shellQuoted } from "../../src/cli/shell_quoted.ts";
import { agentKernel, denoRun, type Ended, type Scene, scene, START } from "./command_line.ts";
import { ROOT, run, Workspace } from "../workspace.ts";

/** Where the real `deno` is. */
const DENO = run("python3", "-c", "import shutil; print(shutil.which('deno'))").trim();

/** Runs `agent-kernel` with another `PATH`. */
async function withPath(path: string, args: readonly string[]): Promise<Ended> {
  const script = "import os, sys; os.environ['PATH'] = sys.argv[1]; " +
    "os.execv(sys.argv[2], ['deno'] + sys.argv[3:])";
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", script, path, DENO, ...START, ...args],
    cwd: ROOT,
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs `agent-kernel` and gives the arguments of the `deno` that it starts, too. */
async function observed(
  ws: Workspace,
  args: readonly string[],
): Promise<Ended & { acting: string[] }> {
  const notes = ws.path("starts.jsonl");
  const wrapper = ws.file(
    "bin/deno",
    `#!/usr/bin/env python3
import json, os, sys
with open(${JSON.stringify(notes)}, "a") as notes:
    notes.write(json.dumps(sys.argv[1:]) + "\\n")
os.execv(${JSON.stringify(DENO)}, ["deno"] + sys.argv[1:])
`,
  );
  Deno.chmodSync(wrapper, 0o755);
  const ended = await withPath(`${ws.path("bin")}:${Deno.env.get("PATH")}`, args);
  const starts = Deno.readTextFileSync(notes).trim().split("\n");
  assertEquals(starts.length, 1);
  return { ...ended, acting: JSON.parse(starts[0] ?? "") };
}

function submitArgs({ policy, log, note }: Scene, ...more: string[]): string[] {
  const request = ["--action", "fs.read", "--target", note];
  return ["submit", "--policy", policy, "--log-path", log, ...request, ...more];
}

Deno.test("submit acts in one process that holds the permissions of the policy and no more", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { policy, log } = files;
  const printed = await agentKernel("permissions", "--policy", policy, "--log-path", log);
  const { code, acting } = await observed(ws, submitArgs(files));
  assertEquals(code, 0);
  const grants = acting.filter((arg) =>
    /^--(allow|deny|unstable|no-prompt|cached|frozen)|^-[AP]/.test(arg)
  );
  assertEquals(grants.join(" "), printed.stdout.trim());
});

Deno.test("submit --verbose prints exactly the flags that the second process gets", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { stdout, stderr, acting } = await observed(ws, submitArgs(files, "--verbose"));
  const flags = acting.filter((arg) =>
    /^--(allow|deny|unstable|no-prompt|cached|frozen)/.test(arg)
  );
  assertEquals(stderr, `agent-kernel: deno run ${flags.join(" ")}\n`);
  assertEquals(JSON.parse(stdout).status, "OK");
});

Deno.test("submit hands its arguments on unchanged", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const odd = `--params={"a b": "$HOME 'x' \\"y\\" \\n --allow-all -A"}`;
  const { acting } = await observed(ws, submitArgs(files, odd, "--agent=-A"));
  const main = acting.findIndex((arg) => arg.startsWith("file:"));
  assertEquals(acting[main], new URL("../../src/cli/submit.ts", import.meta.url).href);
  assertEquals(acting.slice(main + 1), submitArgs(files, odd, "--agent=-A").slice(1));
});

Deno.test("an argument that looks like a flag of Deno grants nothing", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const more = ["--agent=--allow-all", "--var", "A=--allow-write"];
  const { code, acting } = await observed(ws, submitArgs(files, ...more));
  const script = acting.findIndex((arg) => arg.startsWith("file:"));
  assertEquals(code, 0);
  assertEquals(acting.slice(0, script).some((arg) => arg.includes("--allow-all")), false);
});

for (const command of ["validate-policy", "explain", "test-policy", "permissions", "log"]) {
  Deno.test(`${command} reads in its first process, with --allow-read alone`, async () => {
    using ws = new Workspace();
    const { policy, log, note } = scene(ws);
    ws.file("kernel.log");
    const options: Record<string, string[]> = {
      explain: ["--policy", policy, "--action", "fs.read", "--target", note],
      log: ["--log-path", log],
    };
    const args = ["run", "-q", "--no-prompt", "--allow-read", "src/cli/main.ts", command];
    const { stderr } = await denoRun([...args, ...options[command] ?? ["--policy", policy]]);
    assertEquals(stderr, "");
  });
}

Deno.test("a deno.json in the folder where submit is called changes nothing in what it runs", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const evil = ws.file("evil.ts", 'throw new Error("evil code runs");');
  ws.file("deno.json", JSON.stringify({ imports: { "@std/path": evil, "@std/yaml": evil } }));
  const args = ["run", "-q", "--no-prompt", `--config=${ROOT}/deno.json`, "--allow-read"];
  const { code, stdout, stderr } = await denoRun(
    [...args, "--allow-run=deno", `${ROOT}/src/cli/main.ts`, ...submitArgs(files)],
    { cwd: ws.root },
  );
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(JSON.parse(stdout).status, "OK");
});

Deno.test("submit says so when there is no deno in the PATH", async () => {
  using ws = new Workspace();
  const { code, stderr } = await withPath(ws.root, submitArgs(scene(ws)));
  assertEquals(code, 1);
  assertStringIncludes(stderr, "deno in the PATH");
});

const WORDS: readonly (readonly [string, string])[] = [
  ["--allow-read=/a,/b", "--allow-read=/a,/b"],
  ["a b", "'a b'"],
  ["it's", "'it'\\''s'"],
  ["$HOME", "'$HOME'"],
  ["", "''"],
  ["*", "'*'"],
  ["[::1]:80", "'[::1]:80'"],
  ["~", "'~'"],
  ["a\nb", "$'a\\x0ab'"],
];
for (const [word, quoted] of WORDS) {
  Deno.test(`shellQuoted() writes ${JSON.stringify(word)} as ${JSON.stringify(quoted)}`, () => {
    assertEquals(shellQuoted(word), quoted);
  });
}
