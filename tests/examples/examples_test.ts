import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ScriptedModel } from "../../src/testing/mod.ts";
import { denoRun } from "../cli/command_line.ts";
import { ROOT } from "../workspace.ts";

/** What the agents of other SDKs have to print. */
const ADAPTED = [
  "North sold more",
  "OK fs.read …/data/sales.csv",
  "DENIED fs.read …/data/staff.csv",
  "personal data is not for agents",
];

/** What each example has to print, in this order. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  "01_basic_kernel/audit_log.ts": [
    "0 OK",
    "2 FAILED",
    "verified: true",
    "with a line removed: false line 2",
  ],
  "01_basic_kernel/concurrent_submits.ts": ["read back: 100 of 100", "records: 200 in order: true"],
  "01_basic_kernel/hello_kernel.ts": ["OK Hello, kernel!", "DENIED not permitted"],
  "01_basic_kernel/status_codes.ts": [
    "OK ",
    "NO_RULE",
    "DENY_RULE",
    "CONSTRAINT_UNMET",
    "GUARDED",
    "NO_PROVIDER",
    "NOT_FOUND",
    "INVALID_REQUEST",
    "INVALID_TARGET",
  ],
  "02_policy/constraints.ts": ["→ OK 40 EUR", "→ OK 40 USD", "→ DENIED", "no-urgency"],
  "02_policy/glob_patterns.ts": [
    "matches   /w/a.txt",
    "does not  /w/sub/a.txt",
    "does not  /w/../etc/passwd",
  ],
  "02_policy/inline_policy.ts": ["alpha reads alpha's plan: OK", "beta reads alpha's plan: DENIED"],
  "02_policy/yaml_policy.ts": [
    "readme.md OK",
    "drafts are not finished",
    "line 3:",
    "line 6:",
    "line 7:",
  ],
  "03_agent_loop/langchain.ts": ADAPTED,
  "03_agent_loop/openai_agents.ts": ADAPTED,
  "03_agent_loop/vercel_ai.ts": ADAPTED,
  "04_reversible/conflicts_and_denials.ts": [
    "ERROR ROLLBACK_CONFLICT",
    "OK old",
    "DENIED NO_RULE step 1 of 1, fs.delete",
    'OK false no strategy for action type "fs.read"',
  ],
  "04_reversible/delete_and_restore.ts": [
    "back with mode 755, of 2020-02-29T12:00:00.000Z",
    "fs.delete /work/new/folders/note.txt",
    "left: tool.sh",
  ],
  "04_reversible/ttl_expiry.ts": [
    "first: ERROR no snapshot found",
    "second: OK",
    "collected: 1, bytes left: 0",
  ],
  "04_reversible/undo_session.ts": [
    "undone: 4, left: 0",
    "plan.md: the plan",
    "notes.md: notes",
    "in work: draft.md old plan.md",
    "fs.write undoes true",
  ],
  "04_reversible/write_and_rollback.ts": [
    "written: OK, reversible: true",
    "-oops, wrong content",
    "+All is well.",
    "rolled back: OK",
    "All is well.",
  ],
  "05_providers/mcp.ts": [
    "tools: notes__add_note notes__read_notes",
    'OK  "Buy milk"',
    'DENIED CONSTRAINT_UNMET "Ignore',
    'read: {"content":[{"type":"text","text":"{\\"today\\":\\"Buy milk\\"}"}]}',
    "DENIED TOOL_CHANGED",
    'is now "Adds a note. First read',
  ],
};

async function runTask(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  })
    .output();
  const output = new TextDecoder().decode(stdout);
  assert(success, `${args.join(" ")}\n${output}\n${new TextDecoder().decode(stderr)}`);
  return output;
}

function assertInOrder(output: string, parts: readonly string[]): void {
  let at = 0;
  for (const part of parts) {
    const found = output.indexOf(part, at);
    assert(found !== -1, `Expected "${part}" behind position ${at} of\n${output}`);
    at = found;
  }
}

Deno.test("every example runs with the permissions that its comment names, and prints what it should", async (t) => {
  const folders = Array.from(Deno.readDirSync(`${ROOT}/examples`))
    .filter(({ name }) => /^\d\d_/.test(name)).map(({ name }) => name);
  const found = folders.flatMap((folder) =>
    Array.from(Deno.readDirSync(`${ROOT}/examples/${folder}`), ({ name }) => `${folder}/${name}`)
  ).sort();
  assertEquals(found, Object.keys(EXPECTED).sort());
  for (const name of found) {
    await t.step(name, async () => {
      const source = Deno.readTextFileSync(`${ROOT}/examples/${name}`);
      const [, permissions] = /deno run (-P=[\w-]+) (\S+)/.exec(source) ?? [];
      assertStringIncludes(source, `deno run ${permissions} examples/${name}`);
      assertInOrder(
        await runTask("run", "-q", "--no-prompt", `${permissions}`, `examples/${name}`),
        EXPECTED[name] ?? [],
      );
    });
  }
});

Deno.test("the examples of other SDKs ask the model that they are told, with the key of the environment", async (t) => {
  for (const name of ["langchain", "openai_agents", "vercel_ai"]) {
    await t.step(name, async () => {
      await using model = ScriptedModel.start([{ text: "The real one." }], {
        apiKey: "sk-from-the-environment",
        models: ["real"],
      });
      const { stdout, stderr } = await denoRun([
        "run",
        "--no-prompt",
        "-P=examples-sdk",
        "--allow-env=OPENAI_API_KEY",
        `examples/03_agent_loop/${name}.ts`,
        "--model=real",
        `--base-url=${model.baseURL}`,
      ], { env: { OPENAI_API_KEY: "sk-from-the-environment" } });
      assertStringIncludes(stdout, "The real one.", stderr);
    });
  }
});

Deno.test("deno task demo tells its whole story", async () => {
  assertInOrder(await runTask("task", "-q", "demo"), [
    "--allow-read=",
    "--allow-net=127.0.0.1:",
    'The model: "I begin with the sales figures."',
    'OK  "region,amount',
    'OK  {"bytes_written":23}',
    'DENIED  not permitted: no rule allows fs.read on "/etc/passwd"',
    'DENIED  not permitted: no rule allows fs.read on "/etc/passwd"',
    'leads to "/etc/passwd"',
    "personal data is not for agents",
    "policy file",
    'ERROR  Requires read access to "/etc/passwd"',
    "The model ends: ",
    "The log verifies: true, 8 records",
    "line 3 was changed",
  ]);
});

Deno.test("every example policy passes its own examples, and they reach every rule", async (t) => {
  for (const { name, isFile } of Deno.readDirSync(`${ROOT}/policies`)) {
    if (!isFile) continue; // tests/policy/recipes_test.ts
    await t.step(name, async () => {
      const output = await runTask(
        "task",
        "-q",
        "cli",
        "test-policy",
        "--json",
        "--policy",
        `policies/${name}`,
      );
      const { passed, failed, unreached } = JSON.parse(output);
      assert(passed > 5);
      assertEquals([failed, unreached], [0, []]);
    });
  }
});
