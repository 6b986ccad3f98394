import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { mcpOptions, readMcpFile } from "../../src/cli/mcp_file.ts";
import { serverConfig } from "../../providers/mcp/server_options.ts";
import { Workspace } from "../workspace.ts";

/** Reads a file with these servers, and gives the options for the process that may read variables. */
function read(servers: Record<string, unknown>, inherits = true) {
  using ws = new Workspace();
  const file = readMcpFile(ws.file("mcp.json", JSON.stringify({ mcpServers: servers })));
  const options = mcpOptions(file, { inherits });
  return { file, servers: options.servers as unknown as Record<string, Record<string, unknown>> };
}

Deno.env.set("MCP_TOKEN", "s3cr3t-t0k3n");
Deno.env.set("MCP_OTHER", "other");
Deno.env.set("MCP_EMPTY", "");
Deno.env.delete("MCP_UNSET");
const URL = "http://127.0.0.1:1/mcp";
const ALL = ["MCP_TOKEN", "MCP_OTHER", "MCP_EMPTY", "MCP_UNSET"];

// deno-fmt-ignore -- a row is a line
const EXPANDED: readonly (readonly [text: string, expected: string])[] = [
  ["Bearer ${MCP_TOKEN}", "Bearer s3cr3t-t0k3n"],
  ["${MCP_TOKEN}-${MCP_OTHER}", "s3cr3t-t0k3n-other"],
  ["${MCP_UNSET:-none}", "none"],
  ["${MCP_EMPTY:-none}", "none"],
  ["${MCP_TOKEN:-none}", "s3cr3t-t0k3n"],
  ["${MCP_UNSET:-}", ""],
  ["$MCP_TOKEN", "$MCP_TOKEN"],
  ["{MCP_TOKEN}", "{MCP_TOKEN}"],
];
for (const [text, expected] of EXPANDED) {
  Deno.test(`mcp.json: "${text}" becomes "${expected}" in headers, env and args`, () => {
    const { servers } = read({
      web: { url: URL, headers: { X: text }, inheritEnv: ALL },
      program: { command: "deno", args: ["--x", text], env: { X: text }, inheritEnv: ALL },
    });
    assertEquals(servers["web"]?.["headers"], { X: expected });
    assertEquals([servers["program"]?.["args"], servers["program"]?.["env"]], [["--x", expected], {
      X: expected,
    }]);
  });
}

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly (readonly [what: string, server: object, said: string])[] = [
  ["a variable that inheritEnv does not name", { url: URL, headers: { X: "${MCP_TOKEN}" } }, '"${MCP_TOKEN}" is not expanded; add "MCP_TOKEN" to its inheritEnv'],
  ["a default of one that inheritEnv does not name", { url: URL, headers: { X: "${MCP_TOKEN:-a}" }, inheritEnv: ["MCP_OTHER"] }, '"${MCP_TOKEN:-a}" is not expanded'],
  ["one in an argument", { command: "deno", args: ["${MCP_TOKEN}"] }, "is not expanded"],
  ["one in the environment", { command: "deno", env: { X: "${MCP_TOKEN}" } }, "is not expanded"],
  ["a variable that is not set", { url: URL, headers: { X: "${MCP_UNSET}" }, inheritEnv: ALL }, '"MCP_UNSET" is not set or empty'],
  ["a variable that is empty", { url: URL, headers: { X: "${MCP_EMPTY}" }, inheritEnv: ALL }, '"MCP_EMPTY" is not set or empty'],
  ["a variable without an end", { url: URL, headers: { X: "${MCP_TOKEN" }, inheritEnv: ALL }, 'neither "${NAME}" nor'],
  ["a variable within another", { url: URL, headers: { X: "${MCP_UNSET:-${MCP_TOKEN}}" }, inheritEnv: ALL }, 'neither "${NAME}" nor'],
  ["a name with other characters", { url: URL, headers: { X: "${env:MCP_TOKEN}" }, inheritEnv: ALL }, 'neither "${NAME}" nor'],
  ["a variable in the URL", { url: "http://${MCP_OTHER}/mcp", inheritEnv: ALL }, 'its url has "${"'],
  ["a variable in the command", { command: "${MCP_OTHER}", inheritEnv: ALL }, 'its command has "${"'],
  ["a variable in cwd", { command: "deno", cwd: "/${MCP_OTHER}", inheritEnv: ALL }, 'its cwd has "${"'],
];
for (const [what, server, said] of REFUSED) {
  Deno.test(`mcp.json: ${what} makes only that server unavailable`, () => {
    const { servers } = read({ odd: server, good: { url: URL } });
    assertStringIncludes(String(servers["odd"]?.["unavailable"]), said);
    assertEquals(servers["good"]?.["url"], URL);
  });
}

Deno.test("mcp.json: a value that cannot stand in a header makes the server unavailable, and is not shown", () => {
  Deno.env.set("MCP_TOKEN", "s3cr3t\r\nx: y");
  const { servers } = read({ web: { url: URL, headers: { X: "${MCP_TOKEN}" }, inheritEnv: ALL } });
  Deno.env.set("MCP_TOKEN", "s3cr3t-t0k3n");
  const unavailable = String(servers["web"]?.["unavailable"]);
  assertStringIncludes(unavailable, 'the header "X"');
  assertEquals(unavailable.includes("s3cr3t"), false);
});

Deno.test("mcp.json: a process that may not read variables leaves them, and names those to allow", () => {
  const { file, servers } = read({
    web: { url: URL, headers: { X: "${MCP_TOKEN}" }, inheritEnv: ["MCP_TOKEN"] },
    off: { command: "deno", inheritEnv: ["MCP_OTHER"], disabled: true },
  }, false);
  assertEquals(file.inheritEnv, ["MCP_TOKEN"]);
  assertEquals(servers["web"], { url: URL, headers: { X: "${MCP_TOKEN}" }, inheritEnv: [] });
  assertEquals(Object.keys(servers), ["web"]);
});

Deno.test("mcp.json: timeout is the time-out of the server in milliseconds", () => {
  const { servers } = read({ slow: { url: URL, timeout: 120_000 }, bad: { url: URL, timeout: 0 } });
  assertEquals(servers["slow"], { url: URL, timeoutMs: 120_000 });
  assertStringIncludes(String(servers["bad"]?.["unavailable"]), "its timeout is 0");
});

Deno.test("readMcpFile() refuses a file of another form", () => {
  using ws = new Workspace();
  for (const text of ["{", "[]", '{"mcpServers":[]}', '{"mcpServers":{},"lockFile":7}']) {
    assertThrows(() => readMcpFile(ws.file("mcp.json", text)), SyntaxError, "Cannot use");
  }
});

Deno.test("an environment that is refused is said, whether the program is there or not", () => {
  for (
    const [value, why] of [[{ LD_PRELOAD: "/x" }, "LD_PRELOAD"], [
      { A: 1 },
      '"A" is no text',
    ]] as const
  ) {
    const error = assertThrows(
      () =>
        serverConfig(
          "x",
          { command: "none-such", env: value as unknown as Record<string, string> },
          {
            searchPath: [],
            timeoutMs: 1,
          },
        ),
      RangeError,
    );
    assertStringIncludes(error.message, why);
  }
});

Deno.test("mcp.json: keys that are not used are told, with the key that may be meant", () => {
  using ws = new Workspace();
  const path = ws.file(
    "mcp.json",
    JSON.stringify({
      lockfile: "x.json",
      inputs: [],
      mcpServers: {
        files: { command: "/bin/true", evn: {}, inheritENV: [], excludeTools: [], autoApprove: [] },
        web: { url: "http://127.0.0.1:1/", header: {}, type: "http", timeout: 5 },
        off: { disabled: true, nonsense: 1 },
      },
    }),
  );
  assertEquals(readMcpFile(path).unused, [
    'the key "lockfile" is not used, did you mean "lockFile"?',
    'server "files": the key "evn" is not used, did you mean "env"?',
    'server "files": the key "inheritENV" is not used, did you mean "inheritEnv"?',
    'server "files": the key "excludeTools" is not used',
    'server "web": the key "header" is not used, did you mean "headers"?',
  ]);
  const mistyped = ws.file("mistyped.json", JSON.stringify({ mcpservers: {} }));
  assertThrows(
    () => readMcpFile(mistyped),
    SyntaxError,
    'it has no object "mcpServers"; the key "mcpservers" is not used, did you mean "mcpServers"?',
  );
});
