import { assert, assertEquals, assertMatch } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { McpProvider } from "@agent-kernel/kernel/providers/mcp";
import { HostileProvider } from "../../core/isolation/fixtures/hostile_provider.ts";
import { Workspace } from "../../workspace.ts";
import { programPath } from "./scene.ts";

Deno.test("a Worker of the MCP provider that is taken over gets no further than its servers", async (t) => {
  using ws = new Workspace();
  ws.file("secret.txt", "secret");
  const lockFile = ws.file("mcp.lock.json", "{}");
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    return new Response("allowed");
  });
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { permissions } = new McpProvider({
    servers: {
      program: { command: "python3" },
      web: { url: `http://127.0.0.1:${server.addr.port}/mcp` },
    },
    lockFile,
  });
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: ["hostile.do", "mcp.call"], resource: "**" }] },
    providers: [
      new HostileProvider({
        actions: { "hostile.do": { kind: "name" }, "mcp.call": {} },
        permissions,
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const attempt = (name: string, argument: string) =>
    kernel.submit({ action: "hostile.do", target: "x", params: { attempt: name, argument } });

  const allowed: readonly (readonly [name: string, argument: string])[] = [
    ["read", lockFile],
    ["write", lockFile],
    ["fetch", `http://127.0.0.1:${server.addr.port}/`],
    ["spawn", programPath("python3")],
  ];
  for (const [name, argument] of allowed) {
    await t.step(`it can ${name} ${argument.replace(ws.root, "")}`, async () => {
      const { status, error } = await attempt(name, argument);
      assertEquals(status, "OK", error);
    });
  }
  const refused: readonly (readonly [name: string, argument: string])[] = [
    ["read", ws.path("secret.txt")],
    ["read", ws.path("kernel.log")],
    ["read", "/etc/passwd"],
    ["write", ws.path("kernel.log")],
    ["write", ws.path("mcp.lock.json.txt")],
    ["connect", String(other.addr.port)],
    ["fetch", `http://127.0.0.1:${other.addr.port}/`],
    ["spawn", "/bin/sh"],
    ["spawn", "deno"],
    ["env", "HOME"],
    ["sys", ""],
    ["ffi", "/lib/x86_64-linux-gnu/libc.so.6"],
    ["import", `file://${ws.path("secret.txt")}`],
  ];
  for (const [name, argument] of refused) {
    await t.step(`it cannot ${name} ${argument.replace(ws.root, "")}`, async () => {
      const { status, error } = await attempt(name, argument);
      assertEquals(status, "ERROR");
      assertMatch(error ?? "", /requires/i);
    });
  }
  assert(Deno.readTextFileSync(ws.path("secret.txt")) === "secret");
});
