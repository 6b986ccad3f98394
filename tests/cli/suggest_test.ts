import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { agentKernel } from "./command_line.ts";
import { Workspace } from "../workspace.ts";

const LONG = `a folder with a very long name ${"and so on ".repeat(12)}é\u202e中 "q" \\ *?{x,y}[z]`;

/** What was denied: each has to be allowed by what is printed. */
function denied(root: string): readonly ActionRequest[] {
  const exec = (target: string, args: string[], more: object = {}) => ({
    action: "proc.exec",
    target,
    params: { args, cwd: root, ...more },
  });
  return [
    { action: "fs.read", target: `${root}/docs/a.md` },
    { action: "fs.read", target: `${root}/docs/a.md` },
    { action: "fs.write", target: `${root}/out/${LONG}`, params: { content: "x" } },
    { action: "fs.write", target: `${root}/.env`, params: { content: "x" } },
    { action: "fs.delete", target: `${root}/.git/hooks/x` },
    { action: "fs.move", target: `${root}/a`, params: { to: `${root}/b` } },
    exec("git", ["push", "origin", "main"]),
    exec("git", []),
    exec("bash", ["-c", "echo a b\t\u0007 " + "c ".repeat(60)]),
    { action: "net.http", target: "https://api.example.com/v1?q=a%20b" },
    {
      action: "net.http",
      target: "https://api.example.com/v1",
      params: { method: "POST", body: "x" },
    },
    {
      action: "mcp.call",
      target: "notes/add",
      params: { arguments: { text: "x: y", n: 1, l: [] } },
    },
    { action: "agent.tool", target: "Grep*", params: { input: { pattern: "x" } } },
  ];
}

/** Near misses: none may be allowed by rules for the above. */
function hostile(root: string): readonly ActionRequest[] {
  const exec = (target: string, args: string[], more: object = {}) => ({
    action: "proc.exec",
    target,
    params: { args, cwd: root, ...more },
  });
  return [
    { action: "fs.read", target: `${root}/docs/a.md`, agent: "other" },
    { action: "fs.read", target: `${root}/docs/a.mdx` },
    { action: "fs.read", target: `${root}/docs` },
    { action: "fs.write", target: `${root}/docs/a.md`, params: { content: "x" } },
    { action: "fs.read", target: `${root}/docs/../.env` },
    { action: "fs.read", target: `${root}/.env` },
    { action: "fs.write", target: `${root}/.env.local`, params: { content: "x" } },
    { action: "fs.write", target: `${root}/out/x`, params: { content: "x" } },
    {
      action: "fs.write",
      target: `${root}/out/${LONG.replace("*?", "xx")}`,
      params: { content: "" },
    },
    {
      action: "fs.write",
      target: `${root}/out/${LONG.replace("{x,y}", "x")}`,
      params: { content: "" },
    },
    {
      action: "fs.write",
      target: `${root}/out/${LONG.replace("[z]", "z")}`,
      params: { content: "" },
    },
    { action: "fs.delete", target: `${root}/.git/hooks/y` },
    { action: "fs.delete", target: `${root}/.git/hooks` },
    { action: "fs.move", target: `${root}/b`, params: { to: `${root}/a` } },
    { action: "fs.move", target: `${root}/a`, params: { to: `${root}/c` } },
    { action: "fs.move", target: `${root}/a`, params: { to: `${root}/b`, overwrite: true } },
    { action: "fs.write", target: `${root}/a`, params: { content: "x" } },
    { action: "fs.read", target: `${root}/b` },
    { action: "fs.delete", target: `${root}/b` },
    exec("git", ["push", "origin", "main", "--force"]),
    exec("git", ["push", "origin"]),
    exec("git", ["push", "main", "origin"]),
    exec("git", ["push", "origin", "main"], { stdin: "x" }),
    exec("git", ["push", "origin", "main"], { cwd: `${root}/docs` }),
    exec("git", [""]),
    exec("bash", []),
    exec("bash", ["-c", "echo a b"]),
    exec("sh", ["-c", "echo a b\t\u0007 " + "c ".repeat(60)]),
    exec("bash", [], { stdin: "rm -rf /" }),
    { action: "net.http", target: "https://api.example.com/v1?q=a%20c" },
    { action: "net.http", target: "https://api.example.com/v1?q=a%20b&r=1" },
    {
      action: "net.http",
      target: "https://api.example.com/v1?x=1",
      params: { method: "POST", body: "x" },
    },
    {
      action: "net.http",
      target: "https://api.example.com/v1?q=a%20b",
      params: { method: "DELETE" },
    },
    {
      action: "net.http",
      target: "https://api.example.com/v1",
      params: { method: "POST", body: "y" },
    },
    { action: "net.http", target: "https://api.example.com/v1", params: { method: "POST" } },
    {
      action: "net.http",
      target: "https://api.example.com/v1?q=a%20b",
      params: { headers: { authorization: "x" } },
    },
    {
      action: "mcp.call",
      target: "notes/add",
      params: { arguments: { text: "x: y", n: 2, l: [] } },
    },
    { action: "mcp.call", target: "notes/add", params: {} },
    { action: "mcp.call", target: "notes/del", params: { arguments: {} } },
    { action: "agent.tool", target: "Grep", params: {} },
    { action: "agent.tool", target: "Grepx", params: {} },
  ];
}

const agent = "claude";

async function decide(
  ws: Workspace,
  policy: string,
  requests: readonly ActionRequest[],
): Promise<string[]> {
  const logPath = ws.path(`${crypto.randomUUID()}.log`);
  await using kernel = await Kernel.open({
    policy: new URL(`file://${ws.file("p.yaml", policy)}`),
    ...{ logPath, logParams: "denied", onWarning: () => {} },
  });
  const results = [];
  for (const request of requests) results.push(await kernel.submit({ agent, ...request }));
  // Allowed, and nobody carries it out.
  return results.map(({ code = "", error }) =>
    code === "NO_PROVIDER" ? "allow" : `${code} ${error}`
  );
}

Deno.test("suggest prints rules that allow exactly what was denied, in 80 columns", async () => {
  using ws = new Workspace();
  const root = ws.folder("w");
  ws.file("w/docs/a.md", "");
  ws.file("w/a", "");
  const base = `capabilities:\n  - { action: fs.list, resource: "${root}/none" }\n` +
    // A program runs in a folder that it may read.
    `  - { action: fs.read, resource: "${root}" }\n`;
  const log = ws.path("kernel.log");
  const all = denied(root);
  {
    await using kernel = await Kernel.open({
      policy: new URL(`file://${ws.file("p.yaml", base)}`),
      ...{ logPath: log, logParams: "denied", onWarning: () => {} },
    });
    for (const request of all) {
      assertEquals((await kernel.submit({ agent, ...request })).status, "DENIED");
    }
  }
  const { code, stdout, stderr } = await agentKernel("suggest", "--log-path", log);
  assertEquals([code, stderr], [0, ""]);
  for (const line of stdout.split("\n")) {
    assert(line.length <= 80, line);
    assertMatch(line, /^[ -~]*$/);
  }
  // A wildcard is one only without a backslash, which YAML doubles; long texts go on in the next line.
  const joined = stdout.replaceAll(/\\\n */g, "").replaceAll(/^#.*/gm, "");
  assertEquals(/(?<!\\)[*[{]/.test(joined.replaceAll("[]", "")), false, stdout);
  assertStringIncludes(stdout, "# 2 times, last ");
  for (const risk of ["SECRET", "SETTINGS", "NETWORK WRITE", "ANY CODE", "changes files"]) {
    assertStringIncludes(stdout, risk);
  }
  // Two are the same, and a move takes three rules.
  assertEquals(stdout.match(/^ {2}- action/gm)?.length, all.length - 1 + 2, stdout);
  assertEquals(await decide(ws, base + stdout, all), all.map(() => "allow"), stdout);
  const refused = hostile(root);
  assert(refused.length >= 30);
  const verdicts = await decide(ws, base + stdout, refused);
  assertEquals(refused.filter((_, i) => verdicts[i] === "allow"), []);
});

Deno.test("suggest makes no rule of what a rule cannot lift, or of which it does not know all", async () => {
  using ws = new Workspace();
  const root = ws.folder("w");
  const log = ws.path("kernel.log");
  const policy = {
    capabilities: [],
    deny: [{ id: "no", action: "fs.read", resource: `${root}/no/**` }],
  };
  for (const logParams of ["digest", "denied"] as const) {
    await using kernel = await Kernel.open({
      policy,
      logPath: log,
      logParams,
      onWarning: () => {},
    });
    const exec = (arg: string) =>
      kernel.submit({ action: "proc.exec", target: "git", params: { args: [arg] } });
    if (logParams === "digest") await exec("push");
    else {
      await exec("password=hunter22");
      await kernel.submit({ action: "fs.read", target: `${root}/no/x` });
      await kernel.submit({ action: "fs.write", target: log, params: { content: "" } });
      await kernel.submit({ action: "fs.read", target: "relative" });
      await kernel.submit({
        action: "net.http",
        target: "https://user:hunter22@example.com/",
      });
    }
  }
  const { stdout } = await agentKernel("suggest", "--log-path", log);
  assertEquals(stdout.includes("- action:"), false, stdout);
  for (
    const told of [
      "params are not on record",
      "looks like a secret",
      "a deny rule",
      "belongs to the kernel",
    ]
  ) assertStringIncludes(stdout.replaceAll(/\n# +/g, " "), told);
  for (const line of stdout.split("\n")) assert(line.length <= 80, line);
  const json = await agentKernel("suggest", "--log-path", log, "--json", "--since", "1h");
  assert(json.stdout.trim().split("\n").every((line) => typeof JSON.parse(line).why === "string"));
  const later = await agentKernel("suggest", "--log-path", log, "--since", "2999-01-01T00:00:00Z");
  assertEquals([later.code, later.stdout], [0, "# Nothing was denied in this time.\n"]);
});
