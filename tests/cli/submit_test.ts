import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { verifyAuditLog } from "../../src/log/verifier.ts";
import { recordsOf } from "../core/record/log_file.ts";
import { denoRun, scene, secondProcess, submit } from "./command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

Deno.test("submit prints status, data and error of an allowed action, exit code 0", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { code, stdout, stderr } = await submit(files, "fs.read", files.note, "--params", "{}");
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const { record_id, ...rest } = JSON.parse(stdout);
  assertEquals(rest, { status: "OK", data: "hello", error: null, rule: "read-data" });
  assertEquals(record_id, recordsOf(files.log)[0]?.record_id);
  assertEquals(Object.keys(JSON.parse(stdout)).slice(0, 3), ["status", "data", "error"]);
});

for (const digits of ["9007199254740993", "9007199254740990.6", "1e400"]) {
  Deno.test(`submit refuses the number ${digits} in params by the digits that were given`, async () => {
    using ws = new Workspace();
    const files = scene(ws);
    const params = `{"max_bytes": ${digits}}`;
    const { code, stderr } = await submit(files, "fs.read", files.note, "--params", params);
    assertEquals(code, 64);
    assertStringIncludes(stderr, `Cannot keep all digits of the number ${digits} at "max_bytes"`);
  });
}

Deno.test("submit hands the params to the provider", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const target = ws.path("data/out/a.txt");
  const { code } = await submit(files, "fs.write", target, "--params", '{"content": "short"}');
  assertEquals(code, 0);
  assertEquals(Deno.readTextFileSync(target), "short");
});

Deno.test("submit ends with 2 when the policy denies, and does nothing", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const target = ws.path("data/out/a.txt");
  const params = JSON.stringify({ content: "longer than ten" });
  const { code, stdout } = await submit(files, "fs.write", target, "--params", params);
  const { status, data, error, code: why } = JSON.parse(stdout);
  assertEquals({ code, status, data }, { code: 2, status: "DENIED", data: null });
  assertEquals(why, "CONSTRAINT_UNMET");
  assertMatch(error, /^not permitted/);
  assertEquals(Array.from(Deno.readDirSync(ws.path("data/out"))), []);
});

Deno.test("submit ends with 1 when the action fails", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { code, stdout } = await submit(files, "fs.read", ws.path("data/none.txt"));
  assertEquals(code, 1);
  assertEquals(JSON.parse(stdout).status, "ERROR");
  assertStringIncludes(JSON.parse(stdout).error, "File not found");
});

Deno.test("submit ends with 1 for a request that is malformed", async () => {
  using ws = new Workspace();
  const { code, stdout } = await submit(scene(ws), "fs.read", "relative.txt");
  assertEquals({ code, status: JSON.parse(stdout).status }, { code: 1, status: "ERROR" });
});

Deno.test("submit ends with 3 and names file and line when the policy is invalid", async () => {
  using ws = new Workspace();
  const policy = ws.file("bad.yaml", "capabilities:\n  - action: fs.read\n");
  const { code, stdout, stderr } = await submit({ ...scene(ws), policy }, "fs.read", "/a");
  assertEquals({ code, stdout }, { code: 3, stdout: "" });
  assertStringIncludes(stderr, "Policy invalid: ");
  assertStringIncludes(stderr, policy);
  assertStringIncludes(stderr, "line 2");
});

Deno.test("submit ends with 3 when there is no such policy", async () => {
  using ws = new Workspace();
  const files = { ...scene(ws), policy: ws.path("none.yaml") };
  const { code, stderr } = await submit(files, "fs.read", "/a");
  assertEquals(code, 3);
  assertStringIncludes(stderr, ws.path("none.yaml"));
});

Deno.test("submit ends with 3 when an example of the policy does not hold", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const text = Deno.readTextFileSync(files.policy).replace("expect: allow", "expect: deny");
  Deno.writeTextFileSync(files.policy, text);
  assertEquals((await submit(files, "fs.read", files.note)).code, 3);
});

Deno.test("submits of several processes continue one log", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  await submit(files, "fs.read", files.note, "--agent", "tester");
  await submit(files, "fs.read", ws.path("data/secret.txt"));
  await submit(files, "fs.read", "relative");
  assertEquals(
    recordsOf(files.log).map(({ seq, status, agent, rule }) => ({ seq, status, agent, rule })),
    [
      { seq: 0, status: "OK", agent: "tester", rule: "read-data" },
      { seq: 1, status: "DENIED", agent: undefined, rule: "no-secrets" },
      { seq: 2, status: "INVALID", agent: undefined, rule: undefined },
    ],
  );
  assertEquals((await verifyAuditLog(files.log)).ok, true);
});

Deno.test("submit refuses to touch its own policy and log, also when a rule allows it", async () => {
  using ws = new Workspace();
  const policy = ws.file(
    "policy.yaml",
    "capabilities:\n  - { action: fs.*, resource: ./** }\n",
  );
  const files = { ...scene(ws), policy };
  Deno.writeTextFileSync(policy, "capabilities:\n  - { action: fs.*, resource: ./** }\n");
  for (const target of [policy, files.log]) {
    const { code, stdout } = await submit(files, "fs.write", target, "--params", '{"content":""}');
    assertEquals({ code, why: JSON.parse(stdout).code }, { code: 2, why: "GUARDED" });
  }
});

Deno.test("submit escapes what a terminal would not show as itself; it is still the same JSON", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const hostile = "\x1b[2Ja\u202eb\u200bc\u2028d";
  Deno.writeTextFileSync(files.note, hostile);
  for (const more of [[], ["--json"]]) {
    const { stdout } = await submit(files, "fs.read", files.note, ...more);
    assertEquals(JSON.parse(stdout).data, hostile);
    assertEquals(/[^\n\x20-\x7e]/.test(stdout), false);
  }
  const { stdout } = await submit(files, "fs.read", ws.path(`data/none${hostile}`));
  assertEquals(/[^\n\x20-\x7e]/.test(stdout), false);
});

Deno.test("submit --json prints the result on one line", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  Deno.writeTextFileSync(files.note, "a\nb");
  const { stdout } = await submit(files, "fs.read", files.note, "--json");
  assertEquals(stdout.split("\n").length, 2);
});

Deno.test("submit says that a log cannot be opened, exit code 1", async () => {
  using ws = new Workspace();
  const files = { ...scene(ws), log: ws.path("none/kernel.log") };
  const { code, stderr } = await submit(files, "fs.read", files.note);
  assertEquals(code, 1);
  assertStringIncludes(stderr, ws.path("none"));
});

Deno.test("submit without --allow-run=deno says so, exit code 1, and leaves no log", async () => {
  using ws = new Workspace();
  const { policy, log, note } = scene(ws);
  const { code, stdout, stderr } = await denoRun([
    ...["run", "-q", "--no-prompt", "--allow-read", "src/cli/main.ts", "submit"],
    ...["--policy", policy, "--log-path", log, "--action", "fs.read", "--target", note],
  ]);
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(stderr, "agent-kernel needs --allow-run=deno");
  assertEquals(
    Array.from(Deno.readDirSync(ws.root), ({ name }) => name).includes("kernel.log"),
    false,
  );
});

Deno.test("submit without --allow-read says so, exit code 1", async () => {
  using ws = new Workspace();
  const { policy, note } = scene(ws);
  const { code, stderr } = await denoRun([
    ...["run", "-q", "--no-prompt", "--allow-run=deno", `${ROOT}/src/cli/main.ts`, "submit"],
    ...["--policy", policy, "--log-path", "/x", "--action", "fs.read", "--target", note],
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "--allow-read");
});

Deno.test("the second process alone, without permissions, opens nothing", async () => {
  using ws = new Workspace();
  const { policy, log, note } = scene(ws);
  const { code, stderr } = await secondProcess(
    ...["submit", "--policy", policy],
    ...["--log-path", log, "--action", "fs.read", "--target", note],
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "--allow-write=");
  assertStringIncludes(stderr, `,${log},`);
});
