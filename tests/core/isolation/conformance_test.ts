import { testProvider } from "@agent-kernel/kernel/testing";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { Provider } from "@agent-kernel/kernel/provider";
import { McpProvider } from "@agent-kernel/kernel/providers/mcp";
import { HAS_BUBBLEWRAP, hostile, programPath } from "../../providers/mcp/scene.ts";
import { ROOT } from "../../workspace.ts";
import { EchoProvider } from "./fixtures/echo_provider.ts";

const folder = `${ROOT}/.tmp/conformance`;
Deno.mkdirSync(`${folder}/files`, { recursive: true });
Deno.writeTextFileSync(`${folder}/files/a.txt`, "hello");
Deno.writeTextFileSync(`${folder}/files/large.txt`, "x".repeat(100));

testProvider({
  folder,
  provider: (limits) => new FilesystemProvider(limits),
  policy: {
    capabilities: [
      { action: "fs.read", resource: `${folder}/files/**` },
      { action: "fs.write", resource: `${folder}/out/**` },
    ],
  },
  works: { action: "fs.read", target: `${folder}/files/a.txt` },
  fails: { action: "fs.read", target: `${folder}/files/missing.txt` },
  denied: { action: "fs.read", target: "/etc/passwd" },
  large: { action: "fs.read", target: `${folder}/files/large.txt` },
  permissions: { read: [`${folder}/files`, `${folder}/out`], write: [`${folder}/out`] },
  skip: [{
    test: "ends a call at its deadline",
    reason: "no local file takes that long; tests/provider/worker_host_test.ts hangs a Worker",
  }],
});

const shell = Deno.realPathSync("/bin/sh");
const script = (text: string) => ({
  action: "proc.exec",
  target: shell,
  params: { args: ["-c", text] },
});

testProvider({
  folder,
  provider: (limits) => new ProcessProvider(limits),
  policy: {
    capabilities: [
      { action: "proc.exec", resource: shell },
      { action: "fs.read", resource: `${folder}/files/**` },
      { action: "fs.write", resource: `${folder}/out/**` },
    ],
  },
  works: script("true"),
  fails: { ...script("true"), params: { args: "true" } },
  denied: { action: "proc.exec", target: "/usr/bin/env" },
  large: script("yes | head -c 100"),
  slow: script("sleep 60"),
  permissions: {
    read: [`${folder}/files`, `${folder}/out`],
    run: ["/bin/sh", "/usr/bin/bwrap", shell, "/usr/bin/timeout", "/usr/bin/setpriv"].sort(),
  },
});

testProvider({
  folder,
  provider: (limits) => new EchoProvider(limits),
  policy: { capabilities: [{ action: "echo.say", resource: "friend/**" }] },
  works: { action: "echo.say", target: "friend/bob", params: { text: "hello" } },
  fails: { action: "echo.say", target: "friend/bob", params: { text: 7 } },
  denied: { action: "echo.say", target: "stranger" },
  large: { action: "echo.say", target: "friend/bob", params: { text: "x".repeat(100) } },
  slow: { action: "echo.say", target: "friend/bob", params: { text: "wait" } },
  permissions: {},
});

testProvider({
  folder,
  provider: (limits) =>
    new Provider({
      ...limits,
      name: "in-process",
      isolation: "none",
      actions: { "map.get": { kind: "name" } },
      execute({ target, params }, { signal }) {
        if (params.wait === true) {
          return new Promise((_, reject) =>
            signal.addEventListener("abort", () => reject(signal.reason))
          );
        }
        if (target === "map/broken") throw new Error("Broken on purpose");
        return target === "map/large" ? "x".repeat(100) : target;
      },
    }),
  policy: { capabilities: [{ action: "map.get", resource: "map/*" }] },
  works: { action: "map.get", target: "map/a" },
  fails: { action: "map.get", target: "map/broken" },
  denied: { action: "map.get", target: "other/a" },
  large: { action: "map.get", target: "map/large" },
  slow: { action: "map.get", target: "map/a", params: { wait: true } },
  permissions: {},
});

// For as long as the tests run; nothing waits for it.
const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen() {} },
  (request) =>
    request.url.endsWith("/slow") ? new Promise(() => {}) : new Response("x".repeat(100)),
);
server.unref();
const { port } = server.addr;

testProvider({
  folder,
  provider: (limits) => new HttpProvider(limits),
  policy: { capabilities: [{ action: "net.http", resource: `http://127.0.0.1:${port}/**` }] },
  works: { action: "net.http", target: `http://127.0.0.1:${port}/a` },
  fails: { action: "net.http", target: `http://127.0.0.1:${port}/a`, params: { method: "TRACE" } },
  denied: { action: "net.http", target: "http://example.com/" },
  large: { action: "net.http", target: `http://127.0.0.1:${port}/a` },
  slow: { action: "net.http", target: `http://127.0.0.1:${port}/slow` },
  permissions: { net: [`127.0.0.1:${port}`] },
});

const lockFile = `${folder}/mcp.lock.json`;

testProvider({
  folder,
  provider: (limits) => new McpProvider({ ...limits, servers: { h: hostile() }, lockFile }),
  policy: { capabilities: [{ action: "mcp.call", resource: "h/*" }] },
  works: { action: "mcp.call", target: "h/echo", params: { text: "hello" } },
  fails: { action: "mcp.call", target: "h/fail" },
  denied: { action: "mcp.call", target: "other/echo" },
  large: { action: "mcp.call", target: "h/large" },
  slow: { action: "mcp.call", target: "h/never" },
  permissions: {
    read: [`${folder}/.mcp.lock.json.agent-kernel`, lockFile],
    write: [`${folder}/.mcp.lock.json.agent-kernel`, lockFile],
    // The server is an interpreter: its processes end with it in a PID namespace.
    run: [...(HAS_BUBBLEWRAP ? ["/usr/bin/bwrap"] : []), programPath("deno")],
  },
});
