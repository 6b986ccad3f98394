import { assertEquals, assertMatch } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { resolveOptions } from "../../../src/resolve.ts";
import { workerPermissions } from "../../../src/core/isolation/worker_permissions.ts";
import { HostileProvider } from "../../core/isolation/fixtures/hostile_provider.ts";
import { Workspace } from "../../workspace.ts";
import { httpServer } from "./servers.ts";

Deno.test("the Worker of net.http may connect to what the policy names, and nothing else", () => {
  const provider = new HttpProvider({
    secrets: { API: { value: "0123456789", hosts: ["elsewhere.example"] } },
  });
  const { policy } = resolveOptions({
    policy: {
      capabilities: [
        { action: "net.http", resource: "https://api.example.com/v1/**" },
        { action: "net.http", resource: "http://*.example.org:8080/**" },
        { action: "fs.read", resource: "/data/**" },
      ],
    },
    providers: [provider],
    logPath: "/nowhere/kernel.log",
  });
  const { permissions } = provider;
  assertEquals(
    workerPermissions(policy, { actions: Object.keys(provider.actions), permissions }),
    { read: [], write: [], net: ["*.example.org:8080", "api.example.com:443"], run: [] },
  );
});

Deno.test("a taken-over Worker with the permissions of net.http gets no further than its hosts", async (t) => {
  using ws = new Workspace();
  ws.file("secret.txt", "secret");
  await using allowed = httpServer(() => new Response("allowed"));
  await using other = httpServer(() => new Response("other"));
  await using redirect = httpServer(() => Response.redirect(`${other.origin}/`));
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "hostile.do", resource: "**" },
        { action: "net.http", resource: [`${allowed.origin}/**`, `${redirect.origin}/**`] },
      ],
    },
    providers: [
      new HostileProvider({ actions: { "hostile.do": { kind: "name" }, "net.http": {} } }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const attempt = (name: string, argument: string) =>
    kernel.submit({ action: "hostile.do", target: "x", params: { attempt: name, argument } });

  assertEquals((await attempt("fetch", `${allowed.origin}/`)).data, "allowed");
  assertEquals((await attempt("connect", String(allowed.port))).status, "OK");
  const attempts: [string, string][] = [
    ["fetch", `${other.origin}/`],
    ["fetch", `${redirect.origin}/`],
    ["fetch", `http://localhost:${allowed.port}/`],
    ["connect", String(other.port)],
    ["fetch", `file://${ws.path("secret.txt")}`],
    ["read", ws.path("secret.txt")],
    ["read", ws.path("kernel.log")],
    ["write", ws.path("new.txt")],
    ["write", ws.path("kernel.log")],
    ["spawn", "/bin/true"],
    ["spawn", "deno"],
    ["env", "HOME"],
    ["sys", ""],
    ["ffi", "/lib/x86_64-linux-gnu/libc.so.6"],
    ["import", `${allowed.origin}/module.ts`],
  ];
  for (const [name, argument] of attempts) {
    await t.step(`${name} ${argument.replace(ws.root, "").replace(/:\d+/, ":PORT")}`, async () => {
      const { status, error } = await attempt(name, argument);
      assertEquals(status, "ERROR");
      assertMatch(error ?? "", /requires/i);
    });
  }
});
