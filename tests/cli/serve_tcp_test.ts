/** The command `serve` on loopback, `token`, hooks over HTTP, units. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Client } from "npm:@modelcontextprotocol/sdk@^1.32.2/client";
import { StreamableHTTPClientTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/client/streamableHttp.js";
import { untilShown } from "../shown.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { recordsOf } from "../records.ts";
import { type Ended, START } from "./command_line.ts";

/** A user with a home and a repository. */
function scene(ws: Workspace) {
  const [home, repo, log] = [ws.folder("home"), ws.folder("repo"), ws.path("k.log")];
  ws.folder("repo/.git");
  const env = {
    ...{ NO_COLOR: "1", HOME: home },
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
  };
  const command = (args: readonly string[], more: Record<string, string> = {}) =>
    new Deno.Command("deno", {
      args: [...START.slice(0, -1), `${ROOT}/src/cli/main.ts`, ...args],
      cwd: repo,
      env: { ...env, ...more },
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    });
  const run = async (args: readonly string[], more?: Record<string, string>): Promise<Ended> => {
    const { code, stdout, stderr } = await command(args, more).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  };
  const serve = async (...more: string[]) =>
    await serveUnder(`${ROOT}/policies/agents/coding.yaml`, ...more);
  const serveUnder = async (policy: string, ...more: string[]) => {
    const child = command([
      ...["serve", "--policy", policy, "--var", `REPO=${repo}`, "--base", repo],
      ...["--log-path", log, ...more],
    ]).spawn();
    const { shown, rest } = await untilShown(child, "serving ");
    const end = async () => {
      child.kill("SIGTERM");
      const shown = await rest();
      await child.stdout.cancel();
      return { code: (await child.status).code, shown };
    };
    return { shown, end };
  };
  return { home, repo, log, run, serve, serveUnder };
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("serve on loopback: tokens are made and revoked while it runs, hooks go straight to it, and it may connect nowhere", async () => {
  using ws = new Workspace();
  const { home, repo, log, run, serve } = scene(ws);
  const address = `127.0.0.1:${freePort()}`;
  const { shown, end } = await serve("--listen", address, "--reversible", "--verbose");
  assertStringIncludes(shown, `and http://${address}`);
  // Exactly that address in addition to the socket; loopback stays denied to whatever connects.
  const [, net = ""] = /--allow-net=(\S+)/.exec(shown) ?? [];
  const without = net.split(",").filter((one) => one !== address && !one.startsWith("unix:"));
  assertEquals(net.split(",").includes(address), true);
  assertEquals(without.filter((one) => /^(127|localhost|0\.0|\[::)/.test(one)), []);
  assert(/--deny-net=\S*127\.0\.0\.0\/8/.test(shown), shown);

  const added = await run(["token", "add", "mine", "--agent", "claude", "--log-path", log]);
  assertEquals(added.code, 0, added.stderr);
  assertStringIncludes(added.stderr, "shown only once");
  const token = added.stdout.trim();
  const again = await run(["token", "add", "mine", "--log-path", log]);
  assertEquals([again.code, again.stdout], [1, ""]);
  assertStringIncludes(again.stderr, "there is one");
  const listed = await run(["token", "--json", "--log-path", log]);
  const { name, roles, agents } = JSON.parse(listed.stdout);
  assertEquals([name, roles, agents], ["mine", ["act"], ["claude"]]);
  assertEquals(listed.stdout.includes(token), false);

  const protect = await run(["protect", "claude", "--http", address, "--log-path", log]);
  assertEquals(protect.code, 0, protect.stderr);
  assertStringIncludes(protect.stderr, "AGENT_KERNEL_TOKEN");
  const settings = JSON.parse(Deno.readTextFileSync(`${home}/.claude/settings.json`));
  const [hook] = settings.hooks.PreToolUse[0].hooks;
  assertEquals([hook.type, hook.url, hook.onFailure], [
    ...["http", `http://${address}/v1/hooks/claude`, "block"],
  ]);
  assertEquals(settings.hooks.SessionStart[0].hooks[0].type, "command");
  const send = (tool_name: string, tool_input: object) =>
    fetch(hook.url, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({
        ...{ hook_event_name: "PreToolUse", session_id: "s", tool_use_id: "t", cwd: repo },
        ...{ tool_name, tool_input },
      }),
    });
  const allowed = await (await send("Write", { file_path: `${repo}/a.ts`, content: "x" })).text();
  assertStringIncludes(allowed, '"permissionDecision":"allow"');
  const secret = await (await send("Read", { file_path: `${repo}/.env` })).text();
  assertStringIncludes(secret, "secrets are not for agents");
  // The tokens are not for agents either.
  for (const file_path of [`${log}.server/tokens.json`, `${home}/.claude/settings.json`]) {
    const guarded = await (await send("Write", { file_path, content: "{}" })).text();
    assertStringIncludes(guarded, '"permissionDecision":"deny"');
  }

  const doctor = await run(["doctor", "--log-path", log], { AGENT_KERNEL_TOKEN: token });
  assertEquals(doctor.code, 0, doctor.stdout + doctor.stderr);
  assertStringIncludes(doctor.stdout, "gated       Bash");
  assertEquals(/FAILS OPEN|BROKEN|not set/.test(doctor.stdout), false, doctor.stdout);
  const unset = await run(["doctor", "--log-path", log]);
  assertStringIncludes(unset.stdout, "AGENT_KERNEL_TOKEN is not set here");
  // Hooks that go elsewhere get no token from doctor.
  const path = `${home}/.claude/settings.json`;
  const before = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, before.replaceAll(address, "127.0.0.1:9"));
  const astray = await run(["doctor", "--log-path", log], { AGENT_KERNEL_TOKEN: token });
  assertEquals(astray.code, 1);
  assertStringIncludes(astray.stdout, "where this kernel does not listen");
  Deno.writeTextFileSync(path, before);

  const revoked = await run(["token", "revoke", "mine", "--log-path", log]);
  assertEquals([revoked.code, revoked.stdout], [0, "mine: revoked\n"]);
  const refused = await send("TodoWrite", {});
  assertEquals([refused.status, (await refused.json()).code], [401, "UNAUTHORIZED"]);
  assertEquals((await run(["token", "revoke", "mine", "--log-path", log])).code, 1);
  const unprotect = await run(["unprotect", "claude"]);
  assertEquals(unprotect.code, 0, unprotect.stderr);
  // It was not there before.
  assertThrows(() => Deno.statSync(path), Deno.errors.NotFound);

  const { code, shown: all } = await end();
  assertEquals(code, 0, all);
  const written = (await recordsOf(log)).filter(({ target }) => target === `${repo}/a.ts`);
  assertEquals(written.map(({ status, agent }) => [status, agent]), [
    ...[["PERMITTED", "mine"], ["UNREPORTED", "mine"]],
  ]);
  assertEquals(all.includes(token), false);
});

Deno.test("what MCP servers have is served at /mcp: tools, resources, progress; each as the policy allows it", async () => {
  using ws = new Workspace();
  const { log, run, serveUnder } = scene(ws);
  const policy = ws.file(
    "mcp-policy.yaml",
    `variables: { REPO: /w }
capabilities:
  - { action: [mcp.list, mcp.read], resource: [odd, "odd/**"] }
  - { action: mcp.call, resource: [odd/progress, odd/echo] }
`,
  );
  const server = ["run", "-q", "--no-prompt", "-A", `${ROOT}/tests/gateway/fixtures/odd_server.ts`];
  const file = JSON.stringify({ mcpServers: { odd: { command: "deno", args: server } } });
  const mcp = ws.file("mcp.json", file);
  const address = `127.0.0.1:${freePort()}`;
  const { end } = await serveUnder(policy, "--listen", address, "--mcp", mcp);
  const token = (await run(["token", "add", "mine", "--log-path", log])).stdout.trim();
  const client = new Client({ name: "test", version: "1" });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`http://${address}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  const names = (await client.listTools()).tools.map(({ name }: { name: string }) => name);
  assertEquals(names.filter((name: string) => name.startsWith("odd__")), [
    "odd__echo",
    "odd__progress",
  ]);
  const { contents } = await client.readResource({ uri: "note://a" });
  assertEquals(contents.length, 1);
  const steps: number[] = [];
  await client.callTool({ name: "odd__progress", arguments: {} }, undefined, {
    onprogress: ({ progress }: { progress: number }) => void steps.push(progress),
  });
  assertEquals(steps, [1, 2, 3]);
  await client.close();
  const { code, shown } = await end();
  assertEquals(code, 0, shown);
  const done = (await recordsOf(log)).filter(({ action }) => action !== "mcp.list")
    .map(({ action, status, agent }) => [action, status, agent]);
  assertEquals(done, [["mcp.read", "OK", "mine"], ["mcp.call", "OK", "mine"]]);
});

Deno.test("serve prints its description and its units, and refuses addresses that are not loopback", async () => {
  using ws = new Workspace();
  const { run, log } = scene(ws);
  const described = await run(["serve", "--openapi"]);
  assertEquals(JSON.parse(described.stdout).openapi, "3.1.0");
  const policy = ws.file("my policy.yaml", "capabilities: []\n");
  const args = ["serve", "--policy", policy, "--log-path", log, "--var", "X=50%$y"];
  const unit = async (manager: string) => (await run([...args, "--unit", manager])).stdout;
  const systemd = await unit("systemd");
  const [, line = ""] = /^ExecStart=(.*)$/m.exec(systemd) ?? [];
  assertStringIncludes(line, `serve --policy "${policy}" --log-path ${log} --var "X=50%%$$y"`);
  assertEquals(line.includes("--unit"), false);
  for (const hardening of ["NoNewPrivileges=yes", "UMask=0077", "RestrictSUIDSGID=yes"]) {
    assertStringIncludes(systemd, `\n${hardening}\n`);
  }
  const launchd = await unit("launchd");
  assertStringIncludes(launchd, `<string>${policy}</string>`);
  assertStringIncludes(launchd, "<string>X=50%$y</string>");
  const odd: [string[], string][] = [
    [["--unit", "cron"], "expected systemd or launchd"],
    [["--listen", "0.0.0.0:7317"], "expected 127.0.0.1:PORT"],
    [["--listen", "7317"], "expected 127.0.0.1:PORT"],
    [["--allow-origin", "*"], "is no origin"],
    [["--allow-origin", "https://a/b"], "is no origin"],
    [["--snapshots", "x"], "--snapshots needs --reversible"],
  ];
  for (const [more, why] of odd) {
    const { code, stderr } = await run([...args, ...more]);
    assertEquals(code, 64, stderr);
    assertStringIncludes(stderr, why);
  }
  const tokens: [string[], string][] = [
    [["add"], "add takes one name"],
    [["list", "x"], "list takes no name"],
    [["rm", "x"], "expected add, list or revoke"],
    [["add", "x", "--role", "root"], "expected act, look, approve"],
    [["add", "x", "--agent", "emacs"], "expected claude"],
    [["revoke", "x", "--role", "act"], "--role goes with add"],
  ];
  for (const [more, why] of tokens) {
    const { code, stderr } = await run(["token", ...more, "--log-path", log]);
    assertEquals(code, 64, stderr);
    assertStringIncludes(stderr, why);
  }
  const other = await run(["protect", "gemini", "--http", "127.0.0.1:7317"]);
  assertEquals(other.code, 64);
  assertStringIncludes(other.stderr, "--http is for claude");
});

Deno.test("an address that is taken is told in a sentence", async () => {
  using ws = new Workspace();
  const { run, log } = scene(ws);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const policy = ws.file("policy.yaml", "capabilities: []\n");
  const { code, stderr } = await run([
    ...["serve", "--policy", policy, "--log-path", log],
    ...["--listen", `127.0.0.1:${taken.addr.port}`],
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, `Cannot listen at 127.0.0.1:${taken.addr.port}`);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
});
