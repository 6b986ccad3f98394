import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import { type ProcessOptions, ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { HostileProvider } from "../../core/isolation/fixtures/hostile_provider.ts";
import { Workspace } from "../../workspace.ts";
import { SH } from "./programs.ts";

/** Has attempts made in a Worker with the permissions of the process provider's. */
async function withTakenOver(
  options: ProcessOptions,
  body: (
    attempt: (name: string, argument?: string) => Promise<ActionResult>,
    ws: Workspace,
  ) => Promise<void>,
): Promise<void> {
  using ws = new Workspace();
  ws.file("in/a.txt", "inside");
  ws.file("secret.txt", "secret");
  const { permissions, readsFiles } = new ProcessProvider(options);
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { action: "hostile.do", resource: "**" },
        { action: "proc.exec", resource: SH },
        { action: "fs.read", resource: ws.path("in/**") },
        { action: "fs.write", resource: ws.path("out/**") },
      ],
    },
    providers: [
      new HostileProvider({
        actions: { "hostile.do": { kind: "name" }, "proc.exec": {} },
        permissions,
        readsFiles,
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  await body(
    (attempt, argument = "") =>
      kernel.submit({ action: "hostile.do", target: "x", params: { attempt, argument } }),
    ws,
  );
}

for (const sandbox of ["auto", "required", "off"] as const) {
  Deno.test(`a taken-over Worker of the process provider gets no further (sandbox ${sandbox})`, async (t) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await withTakenOver({ sandbox }, async (attempt, ws) => {
      const attempts: [string, string][] = [
        ["read", ws.path("secret.txt")],
        ["read", ws.path("in/../secret.txt")],
        ["read", ws.path("kernel.log")],
        ["read", "/etc/passwd"],
        ["read", "/usr/bin/env"],
        ["read", "/proc/self/environ"],
        ["write", ws.path("in/a.txt")],
        ["write", ws.path("out/a.txt")],
        ["write", ws.path("kernel.log")],
        ["connect", String(listener.addr.port)],
        ["fetch", `http://127.0.0.1:${listener.addr.port}/`],
        ["spawn", "/usr/bin/env"],
        ["spawn", "/usr/bin/setsid"],
        ["spawn", "env"],
        ["spawn", "deno"],
        ["env", "HOME"],
        ["sys", ""],
        ["ffi", "/lib/x86_64-linux-gnu/libc.so.6"],
        ["link", ws.path("out/link")],
      ];
      for (const [name, argument] of attempts) {
        await t.step(`${name} ${argument.replace(ws.root, "")}`, async () => {
          const { status, error } = await attempt(name, argument);
          assertEquals(status, "ERROR");
          assertMatch(error ?? "", /requires/i);
        });
      }
      for (const name of ["signal", "process signal"]) {
        const { status, error } = await attempt(name);
        assertEquals(status, "ERROR");
        assertMatch(error ?? "", /may not send signals/);
      }
      const read = await attempt("read", ws.path("in/a.txt"));
      if (sandbox === "off") assertEquals(read.status, "ERROR");
      else assertEquals(read.data, "inside");
    });
    listener.close();
  });
}

/** What such a Worker may start beside the programs of the policy: with it, any program. */
const STARTERS: readonly [options: ProcessOptions, starters: string[]][] = [
  [{ sandbox: "auto" }, ["/usr/bin/bwrap", "/bin/sh", "/usr/bin/timeout", "/usr/bin/setpriv"]],
  [{ sandbox: "required" }, ["/usr/bin/bwrap", "/bin/sh"]],
  [{ sandbox: "off" }, ["/usr/bin/timeout", "/usr/bin/setpriv"]],
  [{ sandbox: "off", supervisor: false }, []],
];

Deno.test("the Worker of the process provider may start what its configuration says", async () => {
  for (const [options, starters] of STARTERS) {
    assertEquals(new ProcessProvider(options).permissions, { run: starters });
    await withTakenOver(options, async (attempt) => {
      for (const starter of ["/usr/bin/bwrap", "/usr/bin/timeout"]) {
        const { error = "" } = await attempt("spawn", starter);
        assertEquals(/requires run access/i.test(error), !starters.includes(starter), starter);
      }
      assert((await attempt("spawn", SH)).status === "OK");
    });
  }
});
