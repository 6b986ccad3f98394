import { assertEquals } from "@std/assert";
import type { StdioServer } from "@agent-kernel/kernel/providers/mcp";
import { hostile, programPath, textOf, withMcp } from "./scene.ts";
import { ROOT } from "../../workspace.ts";

/** Connects to the test and stays, whatever happens to its input; with a session of its own. */
const STAYING = `
import os, signal, socket, sys, time
os.setsid()
for name in ("SIGHUP", "SIGTERM", "SIGINT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
time.sleep(600)
`;

/** A server that is the child of a wrapper, beside a program that stays. */
function wrapped(port: number): StdioServer {
  const { command, args = [] } = hostile() as StdioServer;
  return {
    command: "/usr/bin/dash",
    args: [
      `${ROOT}/tests/providers/mcp/fixtures/wrapper.sh`,
      STAYING,
      String(port),
      programPath(command),
      ...args,
    ],
    env: { PATH: Deno.env.get("PATH") ?? "" },
  };
}

Deno.test("everything that a wrapped server has started ends when the kernel is closed", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connection = await withMcp(
    { servers: { h: wrapped(listener.addr.port) } },
    async ({ call }) => {
      assertEquals(textOf(await call("h/echo", { a: 1 })), '{"a":1}');
      return await listener.accept();
    },
  );
  // The other end closes when the program that stays is gone, and not before.
  assertEquals(await connection.read(new Uint8Array(1)), null);
  connection.close();
});

Deno.test("everything that a wrapped server has started ends when the server is given up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await withMcp({ servers: { h: wrapped(listener.addr.port) } }, async ({ call }) => {
    await call("h/echo");
    const connection = await listener.accept();
    assertEquals((await call("h/garbage")).code, "PROTOCOL_ERROR");
    assertEquals(await connection.read(new Uint8Array(1)), null);
    connection.close();
  });
});
