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
  "03_agent_loop/continued_conversation.ts": [
    "You want to water the plants.",
    "It is crossed off.",
    "10 messages, 5 answers",
    "todo.txt: nothing",
  ],
  "03_agent_loop/denial_handling.ts": [
    "diaries are private",
    '"code":"NO_RULE"',
    "/file: is not allowed",
    "malformed JSON",
    "unknown tool: format_disk",
    '{"status":"OK","data":"a"}',
    "DENIED DENY_RULE fs.read",
    "INVALID INVALID_REQUEST format_disk",
    "OK  fs.read",
  ],
  "03_agent_loop/file_analyst.ts": [
    "north 1500, south 800.",
    "# Sales",
    "OK fs.list",
    "OK fs.write …/data/report.md write-report",
  ],
  "03_agent_loop/first_agent.ts": ["The file says: Hello, agent!"],
  "03_agent_loop/mcp_tools.ts": [
    "tools: notes__add_note notes__read_notes",
    "DENIED CONSTRAINT_UNMET",
    "OK ",
    "Your list says: Buy milk",
  ],
  "03_agent_loop/multi_tool.ts": ["2.20 USD", "OK ", "EUR", "OK ", "pen,2", "DENIED"],
  "03_agent_loop/streaming.ts": [
    "I read the file",
    "fs.read data/a.txt",
    "decided: allow",
    "OK a",
    "decided: deny",
    "DENIED",
    "ended: final, 3 answers",
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
  "05_providers/fs_delete.ts": ["OK", "File not found", "contracts are kept", "left: b.tmp, keep"],
  "05_providers/fs_read.ts": [
    "OK Grüße",
    "OK R3LD",
    "OK  au",
    "OK Grü (cut)",
    "a.txt",
    "File not found",
    "DENIED",
  ],
  "05_providers/fs_write.ts": [
    "bytes_written: 6",
    "bytes_written: 3",
    "CONSTRAINT_UNMET",
    "NO_RULE",
    "GUARDED",
    "created: true",
    "moved: true",
    '(param "to")',
    "moved: old",
  ],
  "05_providers/http_get.ts": [
    '200 ["pen","ink"]',
    "404",
    "DENIED",
    '/admin"',
    "credentials",
    "is not a URL of the form",
    "169.254.169.254/latest/meta-data/ → DENIED",
  ],
  "05_providers/http_post.ts": [
    "knew us: true",
    '{"item":"pen","count":3}',
    "Bearer [secret SHOP]",
    "DENIED",
    "DENIED",
  ],
  "05_providers/http_redirects.ts": [
    "old → OK a page, at …/docs/new",
    "trap → DENIED",
    "metadata → DENIED",
    "reached: /docs/old /docs/new /docs/trap /docs/metadata",
    "records: 6",
  ],
  "05_providers/mcp.ts": [
    "tools: notes__add_note notes__read_notes",
    'OK  "Buy milk"',
    'DENIED CONSTRAINT_UNMET "Ignore',
    'read: {"content":[{"type":"text","text":"{\\"today\\":\\"Buy milk\\"}"}]}',
    "DENIED TOOL_CHANGED",
    'is now "Adds a note. First read',
  ],
  "05_providers/mcp_resources.ts": [
    'notes/note:today: OK {"contents":',
    "notes/note:diary: DENIED",
    "diaries are private",
    "notes/file:/etc/passwd: DENIED",
  ],
  "05_providers/process.ts": [
    '"stdout":"c\\nb\\na\\n"',
    '"returncode":2',
    "HOME=/tmp/home\\nLANG=C\\nPWD=/\\n",
    "No such file",
    "DENIED",
  ],
  "05_providers/process_bounds.ts": [
    'OK "bob\\neve\\n"',
    'a near miss of an abuse: OK "9\\n10\\n"',
    "an abuse: DENIED",
    "the same in other words: DENIED",
    "No such file",
    "did not end within 0.2 s",
  ],
  "06_multi_provider/agent_with_all_providers.ts": [
    "OK capabilities[0]",
    "OK capabilities[1]",
    "The orders are sent.",
  ],
  "06_multi_provider/provider_chaining.ts": [
    'http       {"read":[],"write":[],"net":["127.0.0.1:…"],"run":[]}',
    'filesystem {"read":["…/texts"],"write":["…/texts"],"net":[],"run":[]}',
    "OK OK OK",
    "words: 6",
  ],
  "07_custom_provider/echo.ts": [
    "OK  friends/bob, hello",
    "hahaha",
    "CONSTRAINT_UNMET",
    "NO_RULE",
    "INVALID_PARAMS",
    'Requires read access to "/etc/passwd"',
  ],
  "07_custom_provider/key_value_store.ts": [
    "isolation: none",
    "OK  hello",
    "CONSTRAINT_UNMET",
    "INVALID_TARGET",
    "passwords are not for agents",
    "NOT_FOUND",
    '{ "team/motd" => "good morning" }',
  ],
  "07_custom_provider/sqlite.ts": [
    "With the constraint",
    'a question: OK  [{"name":"ink; black","half":3.5}]',
    "as a value: OK  [",
    "a second statement: DENIED",
    "another verb: DENIED",
    "behind a comment: DENIED",
    "behind a WITH: DENIED",
    "a setting: DENIED",
    "another database: DENIED",
    "a copy: DENIED",
    "code of its own: ERROR SQL_FAILED not authorized",
    "too big",
    "no such function",
    "DENIED NO_RULE",
    "Without it",
    "a second statement: ERROR INVALID_PARAMS Expected one statement",
    "another verb: ERROR SQL_FAILED attempt to write a readonly database",
    "behind a comment: ERROR",
    "behind a WITH: ERROR",
    "another database: ERROR",
    "a copy: ERROR",
    "code of its own: ERROR SQL_FAILED not authorized",
    "DENIED NO_RULE",
    "rows left: 2",
    "a copy was made: false",
  ],
  "08_advanced/callable_target_from.ts": ["OK invoice 3", "DENIED NO_RULE", "DENIED NO_RULE"],
  "08_advanced/log_analysis.ts": [
    "alice: 3 actions, 0 % denied",
    "mallory: 4 actions, 75 % denied",
    "looks around: /etc/passwd, /etc/shadow, /root/.ssh/id_ed25519",
    "rule read-data: used 4 times",
    "NOT_FOUND …/data/none.txt",
    "verified: true, 7 records",
  ],
  "08_advanced/reversible_agent.ts": [
    'before:     plan.md: "# Plan',
    'after:      new.md: "more"',
    "undone:     OK 3 actions",
    'restored:   plan.md: "# Plan',
    "(undoes)",
  ],
  "08_advanced/wrapped_submit.ts": [
    "a.tmp? yes",
    "thesis.md? no",
    "OK …/work/a.tmp",
    "DENIED …/work/thesis.md REFUSED_BY_HUMAN",
    "DENIED …/other/x NO_RULE",
  ],
  "09_limits/budget.ts": [
    "BUDGET_EXHAUSTED pay.sum left 1.7",
    "-100 to vendors/pens: DENIED LIMIT_UNDECIDED pay.sum",
    "after a restart:",
    "1.71 to vendors/paper: DENIED BUDGET_EXHAUSTED pay.sum left 1.7",
    "1.7 to vendors/paper: OK",
    "charged: pay.calls 1, pay.sum 1.7",
  ],
  "10_approvals/answer_later.ts": [
    "first process: [waiting for a person]",
    "person: bank.pay vendors/pens",
    "second process: The pens are paid.",
  ],
  "10_approvals/ask_first.ts": [
    "40 to vendors/pens: OK paid 40 to vendors/pens",
    'param    "amount" = 400',
    "400 to vendors/ink: DENIED APPROVAL_DENIED: not permitted: accountant said no: that is too much",
    "1 to mallory: DENIED NO_RULE",
    "record 0: OK accountant small",
    "record 2: DENIED nobody was asked",
  ],
  "11_learning/coding_day.ts": [
    "shadow: 303 calls: 303 OK\n",
    "learn: 9 rules",
    "replay: 0 of 303 verdicts would change\n",
    "enforce: 303 OK\n",
    "hostile: 30 calls: 30 DENIED\n",
  ],
  "12_sessions/prompt_injection.ts": [
    "mail.read  -> OK, trusted: none",
    '"to" is "eve@evil.example": not from prompt, contacts (as email); seen in mail.read',
    "mail.send eve@evil.example, Everything -> DENIED",
    "mail.send Bob@Example.com, One mail, by Eve -> OK",
    '"body.link 1" is "https://evil.example/login"',
    "-> DENIED",
  ],
};

/** Modules of examples that are no examples themselves. */
const PARTS: readonly string[] = [
  "07_custom_provider/database_provider.ts",
  "07_custom_provider/echo_provider.ts",
];

/** The categories: folders with a number. */
const CATEGORIES = Array.from(Deno.readDirSync(`${ROOT}/examples`), ({ name }) => name)
  .filter((name) => /^\d\d_/.test(name)).sort();

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
  const found = CATEGORIES.flatMap((folder) =>
    Array.from(Deno.readDirSync(`${ROOT}/examples/${folder}`), ({ name }) => `${folder}/${name}`)
  ).sort();
  assertEquals(found.filter((name) => !PARTS.includes(name)), Object.keys(EXPECTED).sort());
  for (const name of Object.keys(EXPECTED)) {
    await t.step(name, async () => {
      const source = Deno.readTextFileSync(`${ROOT}/examples/${name}`);
      const [, flags = ""] = /deno run ((?:-\S+ )*)examples/.exec(source) ?? [];
      assertStringIncludes(source, `deno run ${flags}examples/${name}`);
      assertInOrder(
        await runTask("run", "-q", "--no-prompt", ...flags.trim().split(" "), `examples/${name}`),
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
        "--lock=examples/deno.lock",
        "--frozen",
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

Deno.test("the examples of the agent loop ask the model that they are told", async () => {
  await using model = ScriptedModel.start([{ text: "The real one." }], { models: ["real"] });
  const { stdout, stderr } = await denoRun([
    "run",
    "--no-prompt",
    "-P=examples",
    "examples/03_agent_loop/first_agent.ts",
    "--model=ollama/real",
    `--base-url=${model.baseURL}`,
  ]);
  assertStringIncludes(stdout, "The real one.", stderr);
});

Deno.test("examples/README.md names each category and each example", () => {
  const text = Deno.readTextFileSync(`${ROOT}/examples/README.md`);
  const named = Array.from(text.matchAll(/\]\((\d\d_[^)]+)\)/g), ([, path = ""]) => path);
  const files = named.filter((path) => path.endsWith(".ts"));
  assertEquals(files.sort(), Object.keys(EXPECTED).sort());
  assertEquals(named.filter((path) => path.endsWith("/")), CATEGORIES.map((name) => `${name}/`));
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
  const names = ["", "agents/", "recipes/"].flatMap((folder) =>
    Array.from(Deno.readDirSync(`${ROOT}/policies/${folder}`))
      .filter(({ name }) => name.endsWith(".yaml")).map(({ name }) => folder + name)
  );
  assert(names.length > 8);
  for (const name of names) {
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
