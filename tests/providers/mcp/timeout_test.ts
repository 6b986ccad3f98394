import { assertEquals, assertStringIncludes } from "@std/assert";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { hostile, textOf, withMcp } from "./scene.ts";

Deno.test("a call ends at the time-out of its server, and the server is told", async () => {
  const servers = { quick: { ...hostile(), timeoutMs: 3_000 }, other: hostile() };
  await withMcp({ servers }, async ({ call }) => {
    // On a busy machine the start may take longer than the time-out.
    while ((await call("quick/echo")).status !== "OK");
    const cancelled = async () => JSON.parse(textOf(await call("quick/cancelled"))).length;
    const before = await cancelled();
    const { status, code, error } = await call("quick/never");
    assertEquals([status, code], ["ERROR", "DEADLINE_EXCEEDED"]);
    assertStringIncludes(error ?? "", 'MCP server "quick" did not answer within 3000 ms');
    assertEquals(await cancelled(), before + 1);
    assertEquals((await call("other/echo")).status, "OK");
  });
});

Deno.test("a call of a server with a longer time-out outlives the default deadline", async () => {
  const timer = new ManualTimer();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const servers = { slow: { ...hostile(), timeoutMs: 120_000 } };
  await withMcp({ servers, timer }, async ({ call }) => {
    await call("slow/echo");
    const slow = call("slow/slow", { port: listener.addr.port });
    using test = await listener.accept();
    timer.pass(119_000);
    await test.write(new TextEncoder().encode("a"));
    assertEquals(textOf(await slow), "after 0");
    const late = call("slow/slow", { port: listener.addr.port });
    using _again = await listener.accept();
    timer.pass(120_000);
    assertEquals((await late).code, "DEADLINE_EXCEEDED");
  });
});

Deno.test("a server is asked to report progress, and the result of a call with it is the answer", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await withMcp({ servers: { h: hostile() } }, async ({ call }) => {
    const slow = call("h/slow", { port: listener.addr.port });
    using test = await listener.accept();
    await test.write(new TextEncoder().encode("pppa"));
    assertEquals(textOf(await slow), "after 3");
  });
});
