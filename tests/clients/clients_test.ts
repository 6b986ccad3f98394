import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ClientScene, CODING_POLICY } from "./scene.ts";
import { npmServer } from "../providers/mcp/scene.ts";
import type { ScriptedCall } from "./scripted_models.ts";

/** The same story in the tools of each agent: two calls that are allowed, three that are not. */
const STORIES: Readonly<
  Record<string, (repo: string, outside: string) => readonly ScriptedCall[]>
> = {
  claude: (repo, outside) => [
    { tool: "Bash", input: { command: "ls -la", description: "x" } },
    { tool: "Write", input: { file_path: `${repo}/made.txt`, content: "hello" } },
    { tool: "Bash", input: { command: `touch ${outside}`, description: "x" } },
    { tool: "Read", input: { file_path: "/etc/hostname" } },
    { tool: "Bash", input: { command: "echo '{}' > .claude/settings.json", description: "x" } },
  ],
  codex: (_, outside) => [
    { tool: "exec_command", input: { cmd: "ls -la" } },
    {
      tool: "apply_patch",
      input: { freeform: "*** Begin Patch\n*** Add File: made.txt\n+hello\n*** End Patch" },
    },
    { tool: "exec_command", input: { cmd: `touch ${outside}` } },
    { tool: "exec_command", input: { cmd: "cat /etc/hostname" } },
    { tool: "exec_command", input: { cmd: `bash -c 'touch ${outside}'` } },
  ],
  gemini: (repo, outside) => [
    { tool: "run_shell_command", input: { command: "ls -la" } },
    { tool: "write_file", input: { file_path: `${repo}/made.txt`, content: "hello" } },
    { tool: "run_shell_command", input: { command: `touch ${outside}` } },
    { tool: "run_shell_command", input: { command: "cat /etc/hostname" } },
    { tool: "run_shell_command", input: { command: `bash -c 'touch ${outside}'` } },
  ],
  qwen: (repo, outside) => [
    { tool: "run_shell_command", input: { command: "ls -la", is_background: false } },
    { tool: "write_file", input: { file_path: `${repo}/made.txt`, content: "hello" } },
    { tool: "run_shell_command", input: { command: `touch ${outside}`, is_background: false } },
    { tool: "read_file", input: { file_path: "/etc/hostname" } },
    {
      tool: "run_shell_command",
      input: { command: `bash -c 'touch ${outside}'`, is_background: false },
    },
  ],
  copilot: (repo, outside) => [
    { tool: "bash", input: { command: "ls -la", description: "x" } },
    { tool: "create", input: { path: `${repo}/made.txt`, file_text: "hello" } },
    { tool: "bash", input: { command: `touch ${outside}`, description: "x" } },
    { tool: "view", input: { path: "/etc/hostname" } },
    { tool: "bash", input: { command: `bash -c 'touch ${outside}'`, description: "x" } },
  ],
};

for (const [name, story] of Object.entries(STORIES)) {
  Deno.test(`${name}: what is allowed acts, what is denied has no effect and its reason reaches the model`, async () => {
    using scene = new ClientScene(name);
    const outside = scene.ws.path("outside");
    await using run = await scene.play(story(scene.repo, outside));
    assertEquals(scene.files(), ["made.txt"], run.output);
    assertEquals(
      Array.from(Deno.readDirSync(scene.ws.root)).some((f) => f.name === "outside"),
      false,
    );
    const results = run.model.results;
    assertEquals(results.length, 5, run.output);
    for (const refused of results.slice(2)) assertStringIncludes(refused, "agent-kernel refused");
    const statuses = run.records.map(({ status, agent }) => `${status} ${agent}`);
    const count = (status: string) => statuses.filter((one) => one === `${status} ${name}`).length;
    assertEquals([count("PERMITTED"), count("DONE"), count("DENIED")], [2, 2, 3], statuses.join());
  });

  Deno.test(`${name}: nothing is done while no kernel runs`, async () => {
    using scene = new ClientScene(name);
    const calls = story(scene.repo, scene.ws.path("outside")).slice(0, 2);
    await using run = await scene.play(calls, { serves: false });
    assertEquals(scene.files(), [], run.output);
    assertEquals(run.records, []);
  });
}

Deno.test("claude: hooks over HTTP, in the name of the token; what is denied has no effect and its reason reaches the model", async () => {
  using scene = new ClientScene("claude");
  const outside = scene.ws.path("outside");
  const calls = STORIES["claude"]?.(scene.repo, outside) ?? [];
  await using run = await scene.play(calls, { http: true });
  assertEquals(scene.files(), ["made.txt"], run.output);
  const results = run.model.results;
  assertEquals(results.length, 5, run.output);
  for (const refused of results.slice(2)) assertStringIncludes(refused, "agent-kernel refused");
  const statuses = run.records.map(({ status, agent }) => `${status} ${agent}`);
  const count = (status: string) => statuses.filter((one) => one === `${status} my-claude`).length;
  assertEquals([count("PERMITTED"), count("DONE"), count("DENIED")], [2, 2, 3], statuses.join());
});

for (
  const [what, options] of Object.entries({
    "with no kernel that listens": { serves: false },
    "with a token that is none": { token: "ak_wrong" },
    "without a token": { token: "" },
  })
) {
  Deno.test(`claude: hooks over HTTP ${what} let nothing through`, async () => {
    using scene = new ClientScene("claude");
    const calls = STORIES["claude"]?.(scene.repo, scene.ws.path("outside")).slice(0, 2) ?? [];
    await using run = await scene.play(calls, { http: true, ...options });
    assertEquals(scene.files(), [], run.output);
    assertEquals(run.model.results.length, 2, run.output);
    assertEquals(run.records, []);
  });
}

Deno.test("claude: the tools of the gateway over HTTP, in the name of the token", async () => {
  using scene = new ClientScene("claude");
  const write = (path: string) => ({
    tool: "mcp__kernel__write_file",
    input: { path, content: "x" },
  });
  await using run = await scene.play([write(`${scene.repo}/a.ts`), write(scene.ws.path("b"))], {
    http: true,
    meddle: () => Deno.removeSync(`${scene.home}/.claude/settings.json`),
    args: (address, token) => {
      const headers = { Authorization: `Bearer ${token}` };
      const kernel = { type: "http", url: `http://${address}/mcp`, headers };
      const mcp = scene.ws.file("mcp.json", JSON.stringify({ mcpServers: { kernel } }));
      return ["--tools", "", "--mcp-config", mcp];
    },
  });
  assertEquals(scene.files(), ["a.ts"], run.output);
  assertStringIncludes(run.model.results[1] ?? "", "no rule allows");
  const seen = run.records.map(({ status, agent }) => `${status} ${agent}`);
  assertEquals(seen, ["OK my-claude", "DENIED my-claude"]);
});

/** Where the hooks of each agent stand, and what of the workspace or the user switches them off. */
const HOOKS: Readonly<
  Record<string, { readonly file: string; readonly off?: readonly [file: string, text: string] }>
> = {
  claude: {
    file: ".claude/settings.json",
    off: ["repo/.claude/settings.json", '{"disableAllHooks": true}'],
  },
  codex: {
    file: ".codex/hooks.json",
    off: ["home/.codex/config.toml", "[features]\nhooks = false\n"],
  },
  gemini: {
    file: ".gemini/settings.json",
    off: ["repo/.gemini/settings.json", '{"hooksConfig": {"enabled": false}}'],
  },
  qwen: {
    file: ".qwen/settings.json",
    off: ["repo/.qwen/settings.json", '{"disableAllHooks": true}'],
  },
  copilot: { file: ".copilot/hooks/agent-kernel.json" },
};

/** What becomes of the hook's program: it is gone, or killed when it starts. */
const FAILURES: Readonly<Record<string, string>> = {
  "is gone": "/gone/deno run",
  "is killed": "/bin/sh -c 'kill -9 $$' run",
};

for (const [name, { file, off }] of Object.entries(HOOKS)) {
  const story = STORIES[name] as typeof STORIES[string];
  for (const [failure, program] of Object.entries(FAILURES)) {
    // To each line of the shell both are the same; two agents show it.
    if (failure === "is killed" && !["claude", "codex"].includes(name)) continue;
    Deno.test(`${name}: a hook whose program ${failure} lets nothing through`, async () => {
      using scene = new ClientScene(name);
      const settings = `${scene.home}/${file}`;
      let changed = 0;
      const meddle = () => {
        const text = Deno.readTextFileSync(settings);
        const broken = text.replaceAll(/\/[^\s"]*\/deno run/g, () => (changed++, program));
        Deno.writeTextFileSync(settings, broken);
      };
      const calls = story(scene.repo, scene.ws.path("outside")).slice(0, 2);
      await using run = await scene.play(calls, { meddle });
      assert(changed > 0);
      assertEquals(scene.files(), [], run.output);
      const { stdout } = await scene.kernel("doctor", "--log-path", scene.log);
      assertEquals(stdout.includes("FAILS OPEN"), false);
    });
  }
  if (off === undefined) continue;
  Deno.test(`${name}: what switches its hooks off does so, and doctor tells`, async () => {
    using scene = new ClientScene(name);
    const outside = scene.ws.path("outside");
    // The third call is one that the policy denies.
    const calls = story(scene.repo, outside).slice(2, 3);
    const [where, text] = off;
    await using run = await scene.play(calls, {
      meddle: () => {
        const path = scene.ws.path(where);
        const before = where.startsWith("home/") ? `${Deno.readTextFileSync(path)}\n` : "";
        scene.ws.file(where, before + text);
      },
    });
    // This is the limit of hooks, not a wish: if it is gone, docs/agents.md can say so.
    const names = Array.from(Deno.readDirSync(scene.ws.root), (one) => one.name);
    assert(names.includes("outside"), run.output);
    const { code, stdout } = await scene.kernel("doctor", "--log-path", scene.log);
    assertEquals(code, 1);
    assertStringIncludes(stdout, "NOT SEEN");
    assertStringIncludes(stdout, `SWITCHED OFF ${scene.ws.path(where)}`);
  });
}

Deno.test("copilot: each call of its shell starts in a shell of its own", async () => {
  using scene = new ClientScene("copilot");
  scene.ws.folder("repo/src");
  const bash = (command: string) => ({
    tool: "bash",
    input: { command, description: "x", shellId: "one" },
  });
  await using run = await scene.play([bash("cd src"), bash("touch here")]);
  // The kernel has decided it for the folder of the session.
  assertEquals(scene.files(), ["here", "src"], run.output);
});

/** A call by which each agent changes a file that is there. */
const EDITS: Readonly<Record<string, (file: string) => readonly ScriptedCall[]>> = {
  claude: (file) => [
    { tool: "Read", input: { file_path: file } },
    { tool: "Edit", input: { file_path: file, old_string: "one", new_string: "two" } },
  ],
  codex: () => [{
    tool: "apply_patch",
    input: {
      freeform: "*** Begin Patch\n*** Update File: a.txt\n@@\n-one\n+two\n*** End Patch",
    },
  }],
  gemini: (file) => [{
    tool: "replace",
    input: { file_path: file, old_string: "one", new_string: "two", instruction: "x" },
  }],
};

for (const [name, edit] of Object.entries(EDITS)) {
  Deno.test(`${name}: what it edited is rolled back, unless it was changed since`, async () => {
    using scene = new ClientScene(name);
    const file = scene.ws.file("repo/a.txt", "one\n");
    await using run = await scene.play(edit(file), { serve: ["--reversible"] });
    assertEquals(Deno.readTextFileSync(file), "two\n", run.output);
    const write = run.records.find(({ action, status }) =>
      action === "fs.write" && status === "PERMITTED"
    );
    const rollback = () =>
      scene.kernel(
        ...["rollback", "--policy", CODING_POLICY, "--var", `REPO=${scene.repo}`],
        ...["--base", scene.repo, "--log-path", scene.log, String(write?.record_id)],
      );
    Deno.writeTextFileSync(file, "three\n");
    assertStringIncludes((await rollback()).stdout, "ROLLBACK_CONFLICT");
    Deno.writeTextFileSync(file, "two\n");
    const { code, stdout, stderr } = await rollback();
    assertEquals([code, Deno.readTextFileSync(file)], [0, "one\n"], stdout + stderr);
  });
}

/** How the tools of the gateway are called, a tool of the agent's own, and tools that are listed but act on nothing. */
const STRICT: Readonly<
  Record<string, {
    gateway(tool: string): Pick<ScriptedCall, "tool" | "namespace">;
    own(repo: string): ScriptedCall;
    /** Listed all the same. What of them is called, the hook refuses. */
    left?: readonly string[];
    args?: readonly string[];
  }>
> = {
  claude: {
    gateway: (name) => ({ tool: `mcp__kernel__${name}` }),
    own: (repo) => ({ tool: "Write", input: { file_path: `${repo}/x`, content: "x" } }),
    left: ["WaitForMcpServers"],
  },
  codex: {
    gateway: (tool) => ({ tool, namespace: "mcp__kernel" }),
    own: () => ({
      tool: "apply_patch",
      input: { freeform: "*** Begin Patch\n*** Add File: x\n+x\n*** End Patch" },
    }),
    left: [
      ...["list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"],
      ...["request_user_input", "apply_patch", "view_image", "tool_search"],
    ],
  },
  gemini: {
    gateway: (name) => ({ tool: `mcp_kernel_${name}` }),
    own: (repo) => ({ tool: "write_file", input: { file_path: `${repo}/x`, content: "x" } }),
  },
  qwen: {
    gateway: (name) => ({ tool: `mcp__kernel__${name}` }),
    own: (repo) => ({ tool: "write_file", input: { file_path: `${repo}/x`, content: "x" } }),
    left: [
      ...["agent", "get_goal", "list_agents", "skill", "tool_call", "tool_search", "update_goal"],
    ],
  },
  copilot: {
    gateway: (name) => ({ tool: `kernel-${name}` }),
    own: (repo) => ({ tool: "create", input: { path: `${repo}/x`, file_text: "x" } }),
    args: ["write_file", "read_file"].flatMap((name) => ["--available-tools", `kernel-${name}`]),
  },
  opencode: {
    gateway: (name) => ({ tool: `kernel_${name}` }),
    own: (repo) => ({ tool: "write", input: { filePath: `${repo}/x`, content: "x" } }),
  },
};

for (const [name, { gateway, own, left = [], args = [] }] of Object.entries(STRICT)) {
  Deno.test(`${name}: --strict leaves the gateway's tools, which hold, and no other that acts`, async () => {
    using scene = new ClientScene(name);
    const policy = scene.ws.file(
      "policy.yaml",
      `capabilities:\n  - { action: "fs.*", resource: ["${scene.repo}", "${scene.repo}/**"] }\n`,
    );
    const write = (path: string) => ({ ...gateway("write_file"), input: { path, content: "x" } });
    const outside = scene.ws.path("b");
    // What a real model does when the tools are not there yet.
    const wait = name === "claude" ? [{ tool: "WaitForMcpServers", input: {} }] : [];
    await using run = await scene.play(
      [...wait, write(`${scene.repo}/a`), write(outside), own(scene.repo)],
      {
        ...{ policy, args },
        protect: [
          ...["--strict", "--policy", policy, "--base", scene.repo],
          ...["--var", `REPO=${scene.repo}`],
        ],
      },
    );
    assertEquals(scene.files(), ["a"], run.output);
    const statuses = run.records.filter(({ action }) => action === "fs.write")
      .map(({ status, target }) => [status, target]);
    assertEquals(statuses, [["OK", `${scene.repo}/a`], ["DENIED", outside]], run.output);
    assertStringIncludes(run.model.results[wait.length + 1] ?? "", "no rule allows");
    const isOurs = (tool: string) => tool.startsWith(gateway("").tool) && !left.includes(tool);
    const offered = new Set(run.model.seen.flatMap(({ tools }) => tools));
    const others = Array.from(offered).filter((tool) => name === "codex" || !isOurs(tool));
    assertEquals(others.filter((tool) => !left.includes(tool)), [], run.output);
  });
}

Deno.test("claude: an MCP server that was configured is behind the kernel, and comes back as it was", async () => {
  using scene = new ClientScene("claude");
  const shared = scene.ws.folder("shared");
  scene.ws.file("shared/a.txt", "one");
  const policy = scene.ws.file(
    "policy.yaml",
    [
      "capabilities:",
      '  - { action: mcp.list, resource: "files" }',
      // The hook asks about the call, and the kernel before the server.
      '  - { action: mcp.call, resource: "files/list_directory" }',
    ].join("\n"),
  );
  const command = "deno";
  const { args } = npmServer("server-filesystem", shared);
  const before = JSON.stringify({ mcpServers: { files: { command, args } } });
  const servers = scene.ws.file("home/.claude.json", before);
  const tool = (name: string, path: string) => ({ tool: `mcp__files__${name}`, input: { path } });
  const wait = { tool: "WaitForMcpServers", input: {} };
  await using run = await scene.play(
    [wait, tool("list_directory", shared), tool("read_text_file", `${shared}/a.txt`)],
    { policy, protect: ["--policy", policy] },
  );
  const [, listed = "", read = ""] = run.model.results;
  assertStringIncludes(listed, "a.txt", run.output);
  assertEquals(read.includes("one"), false, read);
  const { code } = await scene.kernel("unprotect", "claude");
  const { files } = JSON.parse(Deno.readTextFileSync(servers)).mcpServers;
  assertEquals([code, files], [0, { command, args }]);
});
