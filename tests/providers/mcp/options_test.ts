import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { impliedPermissions } from "@agent-kernel/kernel";
import { McpProvider, type McpServer } from "@agent-kernel/kernel/providers/mcp";
import { Workspace } from "../../workspace.ts";
import { HAS_BUBBLEWRAP } from "./scene.ts";

const LOCK = "/nowhere/mcp.lock.json";

Deno.test("the Worker gets the programs, the hosts and the lock file, and nothing else", () => {
  using ws = new Workspace();
  const program = ws.file("bin/server", "#!/bin/sh\n");
  Deno.chmodSync(program, 0o755);
  const provider = new McpProvider({
    servers: {
      program: { command: "server", env: { TOKEN: "x" } },
      absolute: { command: program },
      web: { url: "https://mcp.example.com/mcp" },
      local: { url: "http://127.0.0.1:1234/mcp#x" },
    },
    lockFile: LOCK,
    searchPath: [ws.path("bin")],
  });
  const lock = [LOCK, "/nowhere/.mcp.lock.json.agent-kernel"];
  assertEquals(provider.permissions, {
    read: lock,
    write: lock,
    net: ["mcp.example.com:443", "127.0.0.1:1234"],
    run: [program, program],
  });
  assertEquals(provider.guards, lock);
});

Deno.test('with pins "required" the Worker may not write', () => {
  const { permissions } = new McpProvider({ servers: {}, lockFile: LOCK, pins: "required" });
  assertEquals(permissions, { read: [LOCK], write: [], net: [], run: [] });
});

Deno.test("the permissions of the process cover a server on loopback, and deny other networks", () => {
  const { process } = impliedPermissions({
    policy: { capabilities: [{ action: "mcp.call", resource: "**" }] },
    providers: [
      new McpProvider({ servers: { a: { url: "http://127.0.0.1:1234/mcp" } }, lockFile: LOCK }),
    ],
    logPath: "/nowhere/kernel.log",
  });
  assertEquals(process.allow.net, ["127.0.0.1:1234"]);
  assertEquals(process.deny.net.includes("127.0.0.0/8"), false);
  assertEquals(process.deny.net.includes("10.0.0.0/8"), true);
});

const WRONG: readonly (readonly [what: string, name: string, server: unknown, said: string])[] = [
  ["a name with a slash", "a/b", { url: "http://h/" }, "expected a name"],
  ["an empty name", "", { url: "http://h/" }, "expected a name"],
  ["neither command nor url", "a", {}, "either a command or a url"],
  ["both", "a", { command: "deno", url: "http://h/" }, "either a command or a url"],
  ["a time-out of 0", "a", { command: "deno", timeoutMs: 0 }, "timeoutMs"],
  ["a time-out that is no number", "a", { command: "deno", timeoutMs: "30" }, "timeoutMs"],
  ["a time-out beyond 24 days", "a", { url: "http://h/", timeoutMs: 2 ** 31 }, "timeoutMs"],
  ["args that are no strings", "a", { command: "deno", args: [1] }, "args"],
  ["a relative cwd", "a", { command: "deno", cwd: "here" }, "cwd"],
  ["a file URL", "a", { url: "file:///etc/passwd" }, "expected one with http: or https:"],
  ["credentials in the URL", "a", { url: "http://me:secret@h/" }, "credentials"],
  [
    "a header with a line break",
    "a",
    { url: "http://h/", headers: { a: "b\r\nc: d" } },
    'the header "a"',
  ],
  ["a linker variable", "a", { command: "deno", env: { LD_PRELOAD: "x" } }, "LD_PRELOAD"],
  ["a variable without a name", "a", { command: "deno", env: { "A=B": "x" } }, "no name"],
  ["a pattern of variables", "a", { command: "deno", inheritEnv: ["AWS_*"] }, "no name"],
  ["a variable that is no string", "a", { command: "deno", env: { A: 1 } }, "no text"],
];
for (const [what, name, server, said] of WRONG) {
  Deno.test(`McpProvider refuses ${what}`, () => {
    assertThrows(
      () => new McpProvider({ servers: { [name]: server as McpServer }, lockFile: LOCK }),
      Error,
      said,
    );
  });
}

for (const command of ["no-such-program", "./server", "/usr"]) {
  Deno.test(`McpProvider takes the other servers when there is no executable "${command}"`, () => {
    const { permissions, config } = new McpProvider({
      servers: { missing: { command }, web: { url: "http://127.0.0.1:1234/mcp" } },
      lockFile: LOCK,
    });
    assertEquals([permissions.run, permissions.net], [[], ["127.0.0.1:1234"]]);
    const { missing } = (config as { servers: Record<string, { unavailable: string }> }).servers;
    assertStringIncludes(missing?.unavailable ?? "", `no executable "${command}"`);
  });
}

// deno-fmt-ignore -- a row is a line
const NAMESPACES: readonly (readonly [what: string, server: object, wraps: boolean])[] = [
  ["an interpreter", { command: "python3" }, true],
  ["an interpreter that goes without", { command: "python3", pidNamespace: false }, false],
  ["a program", { command: "/usr/bin/true" }, false],
  ["a program that asks for it", { command: "/usr/bin/true", pidNamespace: true }, true],
];
for (const [what, server, wraps] of NAMESPACES) {
  Deno.test(`the Worker may ${wraps ? "" : "not "}run bubblewrap for ${what}`, () => {
    const { permissions } = new McpProvider({
      servers: { a: server as McpServer },
      lockFile: LOCK,
    });
    assertEquals((permissions.run as string[]).includes("/usr/bin/bwrap"), wraps && HAS_BUBBLEWRAP);
  });
}

Deno.test("the deadline of the provider is the longest time-out, unless it is given", () => {
  const servers = { a: { url: "http://h/", timeoutMs: 120_000 }, b: { url: "http://h/" } };
  const longest = new McpProvider({ servers, lockFile: LOCK });
  const timeouts = ({ config }: McpProvider) =>
    Object.values((config as { servers: Record<string, { timeoutMs: number }> }).servers)
      .map(({ timeoutMs }) => timeoutMs);
  assertEquals([longest.deadlineMs, timeouts(longest)], [120_000, [120_000, 30_000]]);
  const given = new McpProvider({ servers, lockFile: LOCK, deadlineMs: 60_000 });
  assertEquals([given.deadlineMs, timeouts(given)], [60_000, [120_000, 60_000]]);
  assertEquals(new McpProvider({ servers: {}, lockFile: LOCK }).deadlineMs, 30_000);
});
