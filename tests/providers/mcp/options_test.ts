import { assertEquals, assertThrows } from "@std/assert";
import { impliedPermissions } from "@agent-kernel/kernel";
import { McpProvider, type McpServer } from "@agent-kernel/kernel/providers/mcp";
import { Workspace } from "../../workspace.ts";

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
  ["a command that is not there", "a", { command: "no-such-program" }, "no executable"],
  ["a relative command", "a", { command: "./server" }, "no executable"],
  ["a folder as command", "a", { command: "/usr" }, "no executable"],
  ["args that are no texts", "a", { command: "deno", args: [1] }, "args"],
  ["a relative cwd", "a", { command: "deno", cwd: "here" }, "cwd"],
  ["a file URL", "a", { url: "file:///etc/passwd" }, "no http or https URL"],
  ["credentials in the URL", "a", { url: "http://me:secret@h/" }, "credentials"],
  ["a header with a line break", "a", { url: "http://h/", headers: { a: "b\r\nc: d" } }, "headers"],
  ["a linker variable", "a", { command: "deno", env: { LD_PRELOAD: "x" } }, "LD_PRELOAD"],
  ["a variable without a name", "a", { command: "deno", env: { "A=B": "x" } }, "no name"],
  ["a pattern of variables", "a", { command: "deno", inheritEnv: ["AWS_*"] }, "no name"],
  ["a variable that is no text", "a", { command: "deno", env: { A: 1 } }, "no text"],
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
