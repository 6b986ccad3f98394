import { assertEquals, assertMatch } from "@std/assert";
import { agentKernel, denoRun, type Ended, scene } from "./command_line.ts";
import { ROOT, run, Workspace } from "../workspace.ts";

/** What each command is run with, and the exit code that it has in an ordinary environment. */
function commands(ws: Workspace): Readonly<Record<string, readonly [string[], number]>> {
  const { policy, note } = scene(ws);
  const script = ws.file("script.json", JSON.stringify([{ text: "Done." }]));
  const limited = ws.file(
    "limited.yaml",
    `capabilities:
  - { id: read, action: fs.read, resource: "${ws.root}/**", limits: { calls: 5/day } }
`,
  );
  const servers = ws.file("mcp.json", JSON.stringify({ mcpServers: {} }));
  const log = (name: string) => ["--log-path", ws.path(`${name}.log`)];
  const read = ["--policy", policy, "--action", "fs.read", "--target", note];
  ws.file("shown.log");
  // The folder of a workspace is its owner's own.
  Deno.chmodSync(ws.root, 0o755);
  return {
    version: [["version"], 0],
    limits: [["limits", "--policy", limited, ...log("limits")], 0],
    // There is no such question, which it says.
    approvals: [["approvals", "show", "0123abcd", ...log("approvals")], 1],
    help: [["help", "log"], 0],
    submit: [["submit", ...read, ...log("submit")], 0],
    agent: [
      ["agent", "--policy", policy, ...log("agent"), "--model", `scripted:${script}`, "x"],
      0,
    ],
    // There is no store, which it says.
    snapshots: [["snapshots", ...log("shown")], 1],
    rollback: [["rollback", "--policy", policy, ...log("rollback"), "--since", "1m"], 0],
    log: [["log", ...log("shown")], 0],
    verify: [["log", "verify", ...log("shown")], 0],
    "validate-policy": [["validate-policy", policy], 0],
    explain: [["explain", ...read], 0],
    "test-policy": [["test-policy", policy], 0],
    permissions: [["permissions", policy], 0],
    "diff-policy": [["diff-policy", policy, policy], 0],
    replay: [["replay", "--policy", policy, ws.path("shown.log"), ...log("replay")], 0],
    learn: [["learn", ws.path("shown.log")], 0],
    init: [["init", ws.folder("fresh"), "--yes", "--force"], 0],
    completions: [["completions", "bash"], 0],
    mcp: [["mcp", "list", "--mcp", servers, ...log("mcp")], 0],
    suggest: [["suggest", ...log("shown")], 0],
    keygen: [["keygen", "--out", ws.path("own.key")], 0],
    // No kernel runs, which they say.
    status: [["status", ...log("status")], 1],
    stop: [["stop", ...log("stop")], 1],
    doctor: [["doctor", ...log("doctor")], 1],
    token: [["token", ...log("token")], 0],
    // It would not end; there is no such policy, which it says.
    serve: [["serve", "--policy", ws.path("none.yaml"), ...log("serve")], 3],
    protect: [["protect", "claude", "--dry-run", ...log("protect")], 0],
    unprotect: [["unprotect", "claude", "--dry-run"], 0],
  };
}

/** How a program is started, as `odd_start.py` reads it. */
interface Odd {
  readonly set?: Readonly<Record<string, string>>;
  readonly unset?: readonly string[];
  readonly umask?: number;
  /** By descriptor: the file that it is, `null` for closed. */
  readonly streams?: Readonly<Record<number, string | null>>;
  readonly folder?: string;
  readonly deleted?: boolean;
  readonly user?: number;
}

/** What is expected of a command: its ordinary exit code, or 1 and one sentence. */
type Expected = "works" | RegExp;

interface Row {
  readonly odd: (ws: Workspace, command: string) => Odd;
  readonly expected: Expected;
  /** Commands for which something else is expected. */
  readonly but?: Readonly<Record<string, Expected>>;
}

const NO_HOME = /^agent-kernel \w+: Cannot find the settings: HOME is not set/;
const DEAD = "http://127.0.0.1:1";
const ROWS: Readonly<Record<string, Row>> = {
  "LD_ and DYLD_ variables": {
    odd: () => ({ set: { LD_LIBRARY_PATH: "/nowhere", LD_ODD: "1", DYLD_LIBRARY_PATH: "/x" } }),
    expected: "works",
  },
  "HOME unset": {
    odd: () => ({ unset: ["HOME"] }),
    expected: "works",
    but: { protect: NO_HOME, unprotect: NO_HOME },
  },
  "an empty PATH": { odd: () => ({ set: { PATH: "" } }), expected: "works" },
  "umask 077": { odd: () => ({ umask: 0o077 }), expected: "works" },
  "closed standard input": { odd: () => ({ streams: { 0: null } }), expected: "works" },
  "closed standard output": { odd: () => ({ streams: { 1: null } }), expected: "works" },
  "closed standard error": { odd: () => ({ streams: { 2: null } }), expected: "works" },
  "a full standard output": {
    odd: () => ({ streams: { 1: "/dev/full" } }),
    expected: /^agent-kernel( [\w-]+)?: Cannot write to standard output: the disk is full\n$/,
    // They print nothing here.
    but: {
      ...{ log: "works", snapshots: "works", mcp: "works", approvals: "works", serve: "works" },
      token: "works",
    },
  },
  "a full standard error": { odd: () => ({ streams: { 2: "/dev/full" } }), expected: "works" },
  "proxies that do not answer": {
    odd: () => ({ set: { HTTP_PROXY: DEAD, https_proxy: DEAD, ALL_PROXY: DEAD } }),
    expected: "works",
  },
  "another working folder, without rights to it": {
    odd: (ws) => ({ folder: ws.folder("elsewhere") }),
    expected: "works",
  },
  "a deleted working folder": {
    odd: (ws, command) => ({ folder: ws.folder(`gone/${command}`), deleted: true }),
    // The line before is the shell's own.
    expected: /(^|\n)agent-kernel: The current folder was deleted, change to one that exists\n$/,
  },
  "a HOME of packages that this user cannot write to": {
    odd: () => ({ set: { HOME: "/nonexistent" }, unset: ["DENO_DIR"], user: 65534 }),
    expected:
      /^agent-kernel: Cannot load "[\w-]+": .*; packages are kept in DENO_DIR, or below HOME: one has to be a folder that this user may write to\n$/,
    but: {
      ...{ version: "works", help: "works", log: "works", verify: "works", snapshots: "works" },
      ...{ status: "works", stop: "works", suggest: "works", token: "works" },
      keygen: /^agent-kernel keygen: Cannot write the key .*lacks the rights of the file system\n$/,
      // It asks a served kernel first, which takes no packages.
      submit: /^agent-kernel submit: Cannot load "[\w-]+": .*; packages are kept in DENO_DIR/,
      // It loads the modules of the others.
      completions:
        /^agent-kernel completions: Cannot load "[\w-]+": .*; packages are kept in DENO_DIR/,
    },
  },
};

/** Installs the command as `deno task install` does. */
async function install(ws: Workspace): Promise<string> {
  const { code, stderr } = await denoRun(["task", "-q", "install"], { env: { PREFIX: ws.root } });
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return ws.path("bin/agent-kernel");
}

async function start(odd: Odd, program: string, args: readonly string[]): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("python3", {
    args: [`${ROOT}/tests/cli/odd_start.py`, JSON.stringify(odd), program, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

const IS_ROOT = run("python3", "-c", "import os; print(os.getuid())").trim() === "0";

for (const [name, { odd, expected, but = {} }] of Object.entries(ROWS)) {
  const needsRoot = name.includes("this user");
  Deno.test({
    name: `every command works, or says in one sentence what is wrong, with ${name}`,
    ignore: needsRoot && !IS_ROOT,
    async fn() {
      using ws = new Workspace();
      const program = await install(ws);
      // At once: where packages cannot be kept, Deno tries for ten seconds to.
      await Promise.all(
        Object.entries(commands(ws)).map(async ([command, [args, code]]) => {
          const ended = await start(odd(ws, command), program, args);
          const wanted = but[command] ?? expected;
          if (wanted === "works") assertEquals(ended.code, code, `${command}: ${ended.stderr}`);
          else {
            assertEquals(ended.code, 1, `${command}: ${ended.stderr}`);
            assertMatch(ended.stderr, wanted, command);
          }
        }),
      );
    },
  });
}

Deno.test("the matrix of odd environments has every command", async () => {
  using ws = new Workspace();
  const { stdout } = await agentKernel("help");
  const listed = Array.from(stdout.matchAll(/^ {2}([a-z-]+) {2}/gm), ([, name]) => name);
  assertEquals(listed.length, 27);
  const tried = Object.keys(commands(ws));
  assertEquals(listed.filter((name) => !tried.includes(name ?? "")), []);
});
