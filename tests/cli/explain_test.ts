import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { agentKernel, type Ended, type Scene, scene, submit } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

function explain(
  { policy, log }: Scene,
  action: string,
  target: string,
  ...more: string[]
): Promise<Ended> {
  const request = ["--action", action, "--target", target, ...more];
  return agentKernel("explain", "--policy", policy, "--log-path", log, ...request);
}

Deno.test("explain names the allowing rule with file and line, exit code 0, and does nothing", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { code, stdout } = await explain(files, "fs.read", files.note);
  assertEquals(code, 0);
  assertStringIncludes(stdout, `ALLOWED  fs.read  ${files.note}\n`);
  assertStringIncludes(stdout, `  rule     read-data  ${files.policy}:3\n`);
  assertEquals(Array.from(Deno.readDirSync(ws.root), ({ name }) => name).sort(), [
    "data",
    "policy.yaml",
  ]);
});

Deno.test("explain names the denying rule and its reason, exit code 2", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const { code, stdout } = await explain(files, "fs.read", ws.path("data/secret.txt"));
  assertEquals(code, 2);
  assertMatch(stdout, /^DENIED {2}fs\.read /);
  assertStringIncludes(stdout, "Secrets stay where they are");
  assertStringIncludes(stdout, `  rule     no-secrets  ${files.policy}:10\n`);
  assertStringIncludes(stdout, "  code     DENY_RULE\n");
});

Deno.test("explain says of a denial by default which rules came closest, and what each lacked", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const params = JSON.stringify({ content: "longer than ten" });
  const { code, stdout } = await explain(
    ...[files, "fs.write", ws.path("data/out/a.txt"), "--params", params] as const,
  );
  assertEquals(code, 2);
  const [, closest = ""] = stdout.split("closest rules, and what they lacked:\n");
  const rows = closest.split("\n").filter((row) => row !== "");
  assertEquals(rows[0], `    capabilities[1]  ${files.policy}:6`);
  assertMatch(rows[1] ?? "", /its constraint wants content \{"max_length":10\}/);
  assertStringIncludes(rows[1] ?? "", '"longer than ten"');
  assertStringIncludes(closest, "its action is fs.read, not fs.write");
});

Deno.test("explain says what is needed when no rule comes near", async () => {
  using ws = new Workspace();
  const { code, stdout } = await explain(scene(ws), "db.query", "customers");
  assertEquals(code, 2);
  assertStringIncludes(stdout, "none: what no rule allows is denied");
  assertStringIncludes(stdout, "needed: a rule");
});

Deno.test("explain says why a target is malformed, exit code 1", async () => {
  using ws = new Workspace();
  const { code, stdout } = await explain(scene(ws), "fs.read", "relative.txt");
  assertEquals(code, 1);
  assertStringIncludes(stdout, "INVALID");
  assertStringIncludes(stdout, "relative.txt");
});

Deno.test("explain --json tells decision, rule and place, closest rules", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const denied = await explain(files, "fs.read", "/etc/passwd", "--json");
  const { decision, code, rule, closest } = JSON.parse(denied.stdout);
  assertEquals({ decision, code, rule }, { decision: "deny", code: "NO_RULE", rule: null });
  assertEquals(closest[0].id, "read-data");
  assertEquals(closest[0].at, `${files.policy}:3`);
  const allowed = await explain(files, "fs.read", files.note, "--json");
  assertEquals(JSON.parse(allowed.stdout).rule, { id: "read-data", at: `${files.policy}:3` });
});

Deno.test("explain escapes what a terminal would not show as itself", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const hostile = "/\x1b[2J\u202eb\nALLOWED  fs.read  /etc/passwd\u200b\x9b";
  const policy = ws.file(
    "hostile\u202e.yaml",
    `capabilities:\n  - { id: "a\\e[2Jb", action: fs.read, resource: "./x\\u202e/**" }\n`,
  );
  for (const scene of [files, { ...files, policy }]) {
    for (const json of [[], ["--json"]]) {
      const { stdout, stderr } = await explain(scene, "fs.read", hostile, ...json);
      assertEquals(/[^\n\x20-\x7e]/.test(stdout + stderr), false, stdout + stderr);
      assertEquals(stdout.includes("\nALLOWED"), false);
    }
  }
});

interface Row {
  readonly what: string;
  readonly action: string;
  readonly target: string;
  readonly params?: string;
  /** What stands before the target. @default the workspace */
  readonly folder?: string;
}

const ROWS: readonly Row[] = [
  { what: "an allowed read", action: "fs.read", target: "data/note.txt" },
  { what: "dot segments that stay inside", action: "fs.read", target: "data/x/../note.txt" },
  { what: "dot segments that lead out", action: "fs.read", target: "data/../policy.yaml" },
  { what: "a link that leads out", action: "fs.read", target: "data/link" },
  { what: "a denied file", action: "fs.read", target: "data/secret.txt" },
  { what: "a constraint that holds", action: "fs.write", target: "data/out/a.txt", params: "{}" },
  {
    what: "a constraint that does not hold",
    action: "fs.write",
    target: "data/out/a.txt",
    params: '{"content":"longer than ten"}',
  },
  { what: "a file of the kernel", action: "fs.write", target: "policy.yaml" },
  { what: "an unknown action", action: "db.query", target: "customers" },
  { what: "an action that is no name", action: "fs read", target: "data/note.txt" },
  {
    what: "params that are refused",
    action: "fs.read",
    target: "data/note.txt",
    params: '{"__proto__":1}',
  },
  { what: "a relative target", action: "fs.read", target: "note.txt", folder: "" },
];
for (const { what, action, target, params = "{}", folder } of ROWS) {
  Deno.test(`explain and submit agree on ${what}`, async () => {
    using ws = new Workspace();
    const files = scene(ws);
    ws.link("data/link", files.policy);
    const at = `${folder ?? `${ws.root}/`}${target}`;
    const request = [action, at, "--params", params] as const;
    const [explained, submitted] = await Promise.all([
      explain(files, ...request, "--json"),
      submit(files, ...request),
    ]);
    const expected = JSON.parse(explained.stdout);
    const result = JSON.parse(submitted.stdout);
    const decision = result.status === "DENIED"
      ? "deny"
      : /^INVALID_/.test(result.code)
      ? "invalid"
      : "allow";
    assertEquals(decision, expected.decision);
    assertEquals(result.rule, expected.rule?.id);
    if (decision === "allow") return;
    assertEquals(explained.code, submitted.code);
    assertEquals(
      { code: expected.code, reason: expected.reason },
      { code: result.code, reason: result.error },
    );
  });
}

/** Explains a request under a policy of its own, as JSON. */
async function explained(
  ws: Workspace,
  policy: string,
  ...request: string[]
): Promise<{ text: string; lacking: unknown; closest: { id: string; lacks: string[] }[] }> {
  const args = ["explain", "--policy", ws.file("own.yaml", policy), ...request];
  const { stdout } = await agentKernel(...args, "--json");
  return { ...JSON.parse(stdout), text: (await agentKernel(...args)).stdout };
}

Deno.test("explain names the rules for the working folder of a program, if that is what no rule allows", async () => {
  using ws = new Workspace();
  const elsewhere = ws.folder("elsewhere");
  const policy = `capabilities:
  - { id: list, action: proc.exec, resource: /usr/bin/env }
  - { id: work, action: fs.read, resource: ./work/** }
`;
  const request = ["--action", "proc.exec", "--target", "/usr/bin/env"];
  const params = ["--params", JSON.stringify({ cwd: elsewhere })];
  const { text, lacking, closest } = await explained(ws, policy, ...request, ...params);
  assertEquals(lacking, { action: "fs.read", target: elsewhere, param: "cwd" });
  assertEquals(closest.map(({ id }) => id), ["work"]);
  assertStringIncludes(
    text,
    `  lacking  fs.read on ${elsewhere}, which the param "cwd" names\n  closest rules`,
  );
});

Deno.test("explain names the rules for the goal of a move, and those for its source, by which of them is denied", async () => {
  using ws = new Workspace();
  const policy = `capabilities:
  - { id: inside, action: [fs.move, fs.read, fs.delete, fs.write], resource: ./in/** }
  - { id: odd, action: fs.stat, resource: ./out/** }
`;
  const move = (from: string, to: string) =>
    explained(
      ws,
      policy,
      "--action",
      "fs.move",
      "--target",
      ws.path(from),
      "--params",
      JSON.stringify({ to: ws.path(to) }),
    );
  const outward = await move("in/a", "out/a");
  assertEquals((outward.lacking as { param: string }).param, "to");
  assertStringIncludes(
    outward.closest[0]?.lacks.join() ?? "",
    `does not match ${ws.path("out/a")}`,
  );
  const inward = await move("out/a", "in/a");
  assertEquals((inward.lacking as { param: string | null }).param, null);
  assertStringIncludes(inward.closest[0]?.lacks.join() ?? "", `does not match ${ws.path("out/a")}`);
});

Deno.test("explain says that D/** is what lies below D, and not D", async () => {
  using ws = new Workspace();
  const folder = ws.folder("data");
  const policy = "capabilities: [{ id: below, action: fs.list, resource: ./data/** }]\n";
  const list = (target: string) => explained(ws, policy, "--action", "fs.list", "--target", target);
  const { closest: [above] } = await list(folder);
  assertEquals(above?.lacks, [
    `its resource ./data/** is what lies below ${folder}, not ${folder} itself`,
  ]);
  const { closest: [beside] } = await list(`${folder}2`);
  assertEquals(beside?.lacks, [`its resource ./data/** does not match ${folder}2`]);
});

Deno.test("explain and submit name --base for a relative target, and only for that", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const hint = "--base DIR names the folder that relative targets are relative to";
  assertStringIncludes((await explain(files, "fs.read", "data/note.txt")).stdout, hint);
  assertStringIncludes((await submit(files, "fs.read", "data/note.txt")).stderr, hint);
  const based = await submit(files, "fs.read", "data/note.txt", "--base", ws.root);
  assertEquals({ code: based.code, stderr: based.stderr }, { code: 0, stderr: "" });
});

/** What is refused of a URL and what is looked at later: `tests/providers/http/foresight_test.ts` has the rows. */
Deno.test("explain says what the HTTP provider will refuse, as submit does, and what it will look at", async () => {
  using ws = new Workspace();
  const resources = ["http://**/**", "http://**:8080/**"];
  const capabilities = [{ id: "all", action: "net.http", resource: resources }];
  const files = { ...scene(ws), policy: ws.file("network.yaml", JSON.stringify({ capabilities })) };
  const target = "http://127.0.0.1:8080/a";
  const { code, stdout } = await explain(files, "net.http", target);
  assertEquals(code, 2);
  assertMatch(stdout, /^DENIED {2}net\.http {2}http:\/\/127\.0\.0\.1:8080\/a\n/);
  assertStringIncludes(stdout, "  code     ADDRESS_DENIED\n");
  assertStringIncludes(stdout, 'add { action: net.http, resource: "http://127.0.0.1:8080/none" }');
  const json = JSON.parse((await explain(files, "net.http", target, "--json")).stdout);
  const submitted = JSON.parse((await submit(files, "net.http", target)).stdout);
  assertEquals([json.decision, json.code], ["deny", "ADDRESS_DENIED"]);
  assertEquals([submitted.status, submitted.code, submitted.error], [
    "DENIED",
    json.code,
    json.reason,
  ]);
  const name = await explain(files, "net.http", "http://example.com/");
  assertEquals(name.code, 0);
  assertStringIncludes(name.stdout, '  checked  the address of "example.com"');
});
