import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT, Workspace } from "../workspace.ts";
import { recordsOf } from "../records.ts";
import { ask } from "../../src/server/client.ts";
import { denoRun, type Ended, START } from "./command_line.ts";

/** A user with a home and a repository, and a kernel that serves them. */
async function served(ws: Workspace, ...more: string[]) {
  const [home, repo, log] = [ws.folder("home"), ws.folder("repo"), ws.path("k.log")];
  ws.folder("repo/.git");
  const policy = ws.file(
    "policy.yaml",
    Deno.readTextFileSync(`${ROOT}/policies/agents/coding.yaml`),
  );
  const run = (...args: string[]): Promise<Ended> =>
    denoRun([...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, ...args], {
      cwd: repo,
      env: { HOME: home, DENO_DIR: denoDir() },
    });
  const args = [
    "serve",
    "--policy",
    policy,
    "--var",
    `REPO=${repo}`,
    "--base",
    repo,
    "--log-path",
    log,
    ...more,
  ];
  const process = new Deno.Command("deno", {
    args: [...START, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", HOME: home, DENO_DIR: denoDir() },
    stdin: "null",
    stderr: "piped",
  }).spawn();
  const stderr = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let shown = "";
  const until = async (text: string) => {
    while (!shown.includes(text)) {
      const { value, done } = await stderr.read();
      if (done) throw new Error(`It ended without "${text}": ${shown}`);
      shown += value;
    }
  };
  await until("serving ");
  const end = async () => {
    process.kill("SIGTERM");
    for (let piece; !(piece = await stderr.read()).done;) shown += piece.value;
    return { code: (await process.status).code, shown };
  };
  const kill = async () => {
    // The second process ends with the first, at once: its socket stays.
    process.kill("SIGKILL");
    while (!(await stderr.read()).done);
    await process.status;
  };
  return { home, repo, log, policy, run, until, end, kill };
}

/** The packages that are loaded already: a new home has none. */
function denoDir(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

Deno.test("serve, protect, doctor: an agent's hook asks the kernel, and nothing is permitted without one", async () => {
  using ws = new Workspace();
  const { home, repo, log, run, end } = await served(ws);
  const before = '{\n  "model": "opus"\n}\n';
  const settings = ws.file("home/.claude/settings.json", before);
  const protect = await run("protect", "claude", "--log-path", log);
  assertEquals(protect.code, 0, protect.stderr);
  assertStringIncludes(Deno.readTextFileSync(settings), '"model": "opus",\n');
  const again = await run("protect", "claude", "--log-path", log);
  assertStringIncludes(again.stdout, "is protected already");

  const status = await run("status", "--log-path", log);
  assertEquals(status.code, 0, status.stderr);
  const doctor = await run("doctor", "--log-path", log);
  assertEquals(doctor.code, 0, doctor.stdout + doctor.stderr);
  assertStringIncludes(doctor.stdout, "kernel   runs");
  assertEquals(doctor.stdout.includes("FAILS OPEN"), false);
  assertStringIncludes(doctor.stdout, "codex    not protected");

  // The line that the agent would run.
  const [line = ""] = /"\/usr\/bin\/timeout .*? claude before .*?agent-kernel-hook"/.exec(
    Deno.readTextFileSync(settings),
  ) ?? [];
  const hook = async (tool: string, input: object) => {
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", JSON.parse(line)],
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
      env: { HOME: home },
    }).spawn();
    const writer = child.stdin.getWriter();
    const ids = { session_id: "s", tool_use_id: "t", cwd: repo };
    await writer.write(
      new TextEncoder().encode(JSON.stringify({ ...ids, tool_name: tool, tool_input: input })),
    );
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  const allowed = await hook("Write", { file_path: `${repo}/a.ts`, content: "x" });
  assertStringIncludes(allowed.stdout, '"permissionDecision":"allow"', allowed.stderr);
  const guarded = await hook("Write", { file_path: settings, content: "{}" });
  assertStringIncludes(guarded.stdout, '"permissionDecision":"deny"');
  const secret = await hook("Read", { file_path: `${repo}/.env` });
  assertStringIncludes(secret.stdout, "secrets are not for agents");

  const { code, shown } = await end();
  assertEquals(code, 0, shown);
  const down = await hook("Write", { file_path: `${repo}/a.ts`, content: "x" });
  assertEquals([down.code, down.stdout], [2, ""]);
  assertStringIncludes(down.stderr, "no kernel runs at");
  const sick = await run("doctor", "--log-path", log);
  assertEquals(sick.code, 1);
  assertStringIncludes(sick.stdout, "does not run");

  const unprotect = await run("unprotect", "claude");
  assertEquals([unprotect.code, Deno.readTextFileSync(settings)], [0, before], unprotect.stderr);
  const statuses = (await recordsOf(log)).filter(({ target }) => target === `${repo}/a.ts`)
    .map(({ status }) => status);
  assertEquals(statuses, ["PERMITTED", "UNREPORTED"]);
});

Deno.test("serve takes up a changed policy, and keeps the old one if the new one is refused", async () => {
  using ws = new Workspace();
  const { policy, run, until, end, log } = await served(ws);
  const text = Deno.readTextFileSync(policy);
  const digest = async () => JSON.parse((await run("status", "--log-path", log)).stdout).policy;
  const first = await digest();
  Deno.writeTextFileSync(policy, "capabilities: nothing\n");
  await until("the old policy stays in force");
  assertEquals(await digest(), first);
  Deno.writeTextFileSync(policy, `${text}\n# a comment\n`);
  await until("the policy was loaded again");
  assert(await digest() !== first);
  assertEquals((await end()).code, 0);
});

Deno.test("a settings file of the folder that switches hooks off is told by doctor", async () => {
  using ws = new Workspace();
  ws.file("repo/.claude/settings.json", '{ "disableAllHooks" : true }');
  const { code, stdout } = await denoRun([
    ...START.slice(0, -1),
    `${ROOT}/src/cli/main.ts`,
    ...["doctor", "--log-path", ws.path("k.log")],
  ], { cwd: ws.path("repo"), env: { HOME: ws.folder("home"), DENO_DIR: denoDir() } });
  assertEquals(code, 1);
  assertStringIncludes(stdout, "disableAllHooks");
});

Deno.test("commands use the kernel that is being served: two at once, and after its kill one of their own", async () => {
  using ws = new Workspace();
  const { repo, log, policy, run, kill } = await served(ws);
  const file = ws.file("repo/a.txt", "hello");
  const args = ["--policy", policy, "--var", `REPO=${repo}`, "--log-path", log, "--json"];
  const submit = (target: string, ...more: string[]) =>
    run("submit", ...args, "--action", "fs.read", "--target", target, ...more);
  const [one, two] = await Promise.all([submit(file), submit(`${repo}/.env`)]);
  assertEquals([one.code, JSON.parse(one.stdout).data], [0, "hello"], one.stderr);
  assertEquals([two.code, JSON.parse(two.stdout).code], [2, "DENY_RULE"], two.stderr);
  const own = await submit(file, "--no-server");
  assertStringIncludes(own.stderr, "has it open");
  const other = await run(
    "submit",
    ...args.slice(2),
    "--policy",
    ws.file("other.yaml", "capabilities: []\n"),
    "--action",
    "fs.read",
    "--target",
    file,
  );
  assertStringIncludes(other.stderr, "Another policy is being served");

  // Two gateways at once; the messages of each end before their calls are answered.
  const message = (id: number, method: string, params: object) =>
    `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
  const initialize = {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "x", version: "1" },
  };
  const gateway = (agent: string) =>
    run("mcp", "serve", ...args.slice(0, -1), "--agent", agent).then(({ code }) => code);
  assertEquals(await Promise.all([gateway("a"), gateway("b")]), [0, 0]);
  const child = new Deno.Command("deno", {
    args: [...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, "mcp", "serve", ...args.slice(0, -1)],
    cwd: repo,
    env: { HOME: ws.path("home"), DENO_DIR: denoDir() },
    ...{ stdin: "piped", stdout: "null", stderr: "null" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(
    new TextEncoder().encode(
      message(1, "initialize", initialize) +
        message(2, "tools/call", { name: "read_file", arguments: { path: `${repo}/last.txt` } }),
    ),
  );
  await writer.close();
  assertEquals((await child.status).code, 0);

  await kill();
  const after = await submit(file);
  assertEquals([after.code, JSON.parse(after.stdout).data], [0, "hello"], after.stderr);
  const targets = (await recordsOf(log)).map(({ target }) => target.slice(repo.length));
  assertEquals(targets.toSorted(), ["/.env", "/a.txt", "/a.txt", "/last.txt"]);
});

Deno.test("serve refuses a folder of its socket that others can enter, in a sentence", async () => {
  using ws = new Workspace();
  Deno.chmodSync(ws.folder("k.log.server"), 0o777);
  const policy = ws.file("policy.yaml", "capabilities: []\n");
  const { code, stderr } = await denoRun(
    [...START, "serve", "--policy", policy, "--log-path", ws.path("k.log")],
    { env: { HOME: ws.folder("home"), DENO_DIR: denoDir() } },
  );
  assertEquals(code === 0, false);
  assertStringIncludes(stderr, "is open to others (mode 777)");
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
});

Deno.test("serve --reversible: what an agent changed behind its hook is rolled back, also while the kernel runs", async () => {
  using ws = new Workspace();
  const { repo, log, policy, run, end } = await served(ws, "--reversible");
  const file = ws.file("repo/a.ts", "one");
  const { uid } = Deno.statSync(log);
  const hook = async (event: string, more: object = {}) => {
    const payload = {
      ...{ session_id: "s", tool_use_id: "t", cwd: repo, tool_name: "Write" },
      ...{ tool_input: { file_path: file, content: "two" }, ...more },
    };
    const path = `/v1/hooks/claude/${event}`;
    return Object(
      (await ask(`${log}.server/kernel.sock`, path, JSON.stringify(payload), uid)).body,
    );
  };
  assertStringIncludes((await hook("before")).stdout, '"allow"');
  Deno.writeTextFileSync(file, "two");
  await hook("after", { tool_response: {} });

  const listed = await run("snapshots", "--log-path", log);
  const { record_id: id, state } = JSON.parse(listed.stdout);
  assertEquals(state, "done");
  const options = ["--policy", policy, "--var", `REPO=${repo}`, "--base", repo, "--log-path", log];
  const preview = await run("rollback", ...options, id, "--preview");
  assertStringIncludes(preview.stdout, "-two");
  Deno.writeTextFileSync(file, "three");
  const conflict = await run("rollback", ...options, id);
  assertEquals([conflict.code, JSON.parse(conflict.stdout).code], [1, "ROLLBACK_CONFLICT"]);
  Deno.writeTextFileSync(file, "two");
  const undone = await run("rollback", ...options, "--since", "1h");
  assertEquals([undone.code, JSON.parse(undone.stdout).rolled_back], [0, [id]], undone.stderr);
  assertEquals(Deno.readTextFileSync(file), "one");
  const { code, shown } = await end();
  assertEquals(code, 0, shown);
  const records = (await recordsOf(log)).filter(({ action }) => action === "fs.write");
  assertEquals(records.map(({ status, undoes }) => [status, undoes ?? ""]), [
    ...[["PERMITTED", ""], ["DONE", ""], ["OK", id]],
  ]);
});
