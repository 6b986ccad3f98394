import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { recordsOf } from "../core/record/log_file.ts";
import { agentKernel, denoRun } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

interface Scene {
  readonly ws: Workspace;
  readonly log: string;
  readonly file: string;
  readonly options: readonly string[];
}

function scene(ws: Workspace, more = ""): Scene {
  const log = ws.path("kernel.log");
  const policy = ws.file(
    "policy.yaml",
    `capabilities:\n  - { action: fs.*, resource: ./w/** }\n${more}`,
  );
  return {
    ws,
    log,
    file: ws.file("w/a.txt", "old\n"),
    options: ["--policy", policy, "--log-path", log],
  };
}

async function write(
  { options, file }: Scene,
  content: string,
  ...more: string[]
): Promise<string> {
  const { code, stdout, stderr } = await agentKernel(
    ...["submit", ...options, "--action", "fs.write", "--target", file, "--reversible"],
    ...["--params", JSON.stringify({ content }), ...more],
  );
  const { status, reversible, record_id } = JSON.parse(stdout);
  assertEquals({ code, stderr, status, reversible }, {
    code: 0,
    stderr: "",
    status: "OK",
    reversible: true,
  });
  return record_id;
}

Deno.test("submit --reversible, snapshots, rollback --preview and rollback go together", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  Deno.chmodSync(it.file, 0o640);
  const id = await write(it, "new\n", "--agent", "writer");
  const listed = await agentKernel("snapshots", "--log-path", it.log);
  assertEquals([listed.code, listed.stderr], [0, ""]);
  const { at, expires, ...saved } = JSON.parse(listed.stdout);
  assertEquals(Date.parse(expires) - Date.parse(at), 86_400_000);
  assertEquals(saved, {
    ...{ record_id: id, state: "done", action: "fs.write", target: it.file, agent: "writer" },
  });
  const preview = await agentKernel("rollback", ...it.options, id, "--preview");
  assertEquals([preview.code, preview.stderr], [0, ""]);
  assertStringIncludes(preview.stdout, "-new\n+old\n");
  assertEquals(Deno.readTextFileSync(it.file), "new\n");
  const { code, stdout, stderr } = await agentKernel(
    "rollback",
    ...it.options,
    id,
    "--agent",
    "me",
  );
  assertEquals([code, stderr], [0, ""]);
  const { status, record_id, steps } = JSON.parse(stdout);
  assertEquals([status, record_id, steps.length], ["OK", id, 1]);
  assertEquals(Deno.readTextFileSync(it.file), "old\n");
  const [, record] = recordsOf(it.log);
  assertEquals([record?.undoes, record?.agent, record?.record_id], [id, "me", steps[0].record_id]);
  const again = await agentKernel("rollback", ...it.options, id);
  assertEquals([again.code, JSON.parse(again.stdout).code], [1, "ALREADY_ROLLED_BACK"]);
});

Deno.test("rollback refuses to go over a later change, exit code 1, unless forced", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  const id = await write(it, "new\n");
  Deno.writeTextFileSync(it.file, "theirs\n");
  const preview = await agentKernel("rollback", ...it.options, id, "--preview");
  assertEquals(preview.code, 1);
  assertMatch(preview.stderr, /no longer what the action left there.*\(ROLLBACK_CONFLICT\)/);
  const refused = await agentKernel("rollback", ...it.options, id, "--json");
  assertEquals([refused.code, JSON.parse(refused.stdout).code], [1, "ROLLBACK_CONFLICT"]);
  assertEquals(refused.stdout.trimEnd().split("\n").length, 1);
  assertEquals(Deno.readTextFileSync(it.file), "theirs\n");
  assertEquals((await agentKernel("rollback", ...it.options, id, "--force")).code, 0);
  assertEquals(Deno.readTextFileSync(it.file), "old\n");
});

Deno.test("rollback --since undoes all since then, with --of those of one agent", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  const first = await write(it, "1", "--agent", "one");
  const second = await write(it, "2", "--agent", "two");
  const none = await agentKernel("rollback", ...it.options, "--since", "10m", "--of", "three");
  assertEquals(JSON.parse(none.stdout), { status: "OK", rolled_back: [], remaining: [] });
  const { code, stdout } = await agentKernel("rollback", ...it.options, "--since", "10m");
  assertEquals([code, JSON.parse(stdout)], [
    0,
    { status: "OK", rolled_back: [second, first], remaining: [] },
  ]);
  assertEquals(Deno.readTextFileSync(it.file), "old\n");
});

Deno.test("rollback that the policy denies ends with 2 and says what is left", async () => {
  using ws = new Workspace();
  const it = scene(ws, "deny:\n  - { action: fs.delete, resource: ./w/**, id: keep }\n");
  const made = { ...it, file: ws.path("w/new.txt") };
  const id = await write(made, "new");
  const { code, stdout } = await agentKernel("rollback", ...it.options, "--since", "1h");
  assertEquals(code, 2);
  const { status, rolled_back, stopped, remaining } = JSON.parse(stdout);
  assertEquals([status, rolled_back, remaining], ["DENIED", [], [id]]);
  assertEquals([stopped.code, stopped.steps[0].rule], ["DENY_RULE", "keep"]);
});

Deno.test("the store can be anywhere, and is guarded there", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  const place = ["--snapshots", ws.path("w/.snapshots")];
  const id = await write(it, "new", ...place);
  assertEquals((await agentKernel("snapshots", "--log-path", it.log)).code, 1);
  assertStringIncludes((await agentKernel("snapshots", ...place)).stdout, id);
  const read = ["--action", "fs.read", "--target", ws.path("w/.snapshots/index")];
  const { code, stdout } = await agentKernel(
    "submit",
    ...it.options,
    ...read,
    "--reversible",
    ...place,
  );
  assertEquals([code, JSON.parse(stdout).code], [2, "GUARDED"]);
  assertEquals((await agentKernel("rollback", ...it.options, ...place, id)).code, 0);
  assertEquals(Deno.readTextFileSync(it.file), "old\n");
});

Deno.test("snapshots and rollback say that there is no store, or no such action, exit code 1", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  const none = await agentKernel("snapshots", "--log-path", it.log);
  assertEquals([none.code, none.stdout], [1, ""]);
  assertStringIncludes(none.stderr, `${it.log}.snapshots`);
  const { code, stdout } = await agentKernel("rollback", ...it.options, "../../etc\u202e");
  assertEquals([code, JSON.parse(stdout).code], [1, "NO_SNAPSHOT"]);
  assertEquals(/[^\n\x20-\x7e]/.test(stdout), false);
});

Deno.test("the process that rolls back has the permissions of policy and store, and no more", async () => {
  using ws = new Workspace();
  const it = scene(ws);
  const id = await write(it, "new\n");
  const { code, stderr } = await agentKernel("rollback", ...it.options, id, "--verbose");
  assertEquals(code, 0);
  assertStringIncludes(stderr, `${it.log}.snapshots`);
  assertEquals(/--allow-(run|net|env|all|ffi|sys)/.test(stderr), false);
  const alone = await denoRun([
    ...[
      "run",
      "-q",
      "--no-prompt",
      "--allow-read",
      "src/cli/main.ts",
      "rollback",
      ...it.options,
      id,
    ],
  ]);
  assertStringIncludes(alone.stderr, "agent-kernel needs --allow-run=deno");
});
