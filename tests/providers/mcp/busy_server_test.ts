import { assertEquals } from "@std/assert";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { hostile, withMcp } from "./scene.ts";

Deno.test("64 hung calls of one server do not hold back the calls to another one", async () => {
  const timer = new ManualTimer();
  const servers = { hung: hostile(), other: hostile() };
  await withMcp({ servers, timer }, async ({ call }) => {
    await Promise.all([call("hung/echo"), call("other/echo")]);
    const hanging = Array.from({ length: 64 }, () => call("hung/never"));
    // The deadline of the hung calls does not pass: the kernel's time stands still.
    assertEquals((await call("other/echo")).status, "OK");
    timer.pass(30_000);
    const codes = (await Promise.all(hanging)).map(({ code }) => code);
    assertEquals(codes.filter((code) => code === "DEADLINE_EXCEEDED").length, 32);
    assertEquals(codes.filter((code) => code === "SERVER_BUSY").length, 32);
  });
});

Deno.test("a burst of 64 quick calls to one of several servers passes", async () => {
  await withMcp(
    { servers: { h: hostile(), other: hostile(), third: hostile() } },
    async ({ call }) => {
      await call("h/echo");
      const results = await Promise.all(
        Array.from({ length: 64 }, (_, i) => call("h/echo", { i })),
      );
      assertEquals(results.filter(({ status }) => status !== "OK"), []);
    },
  );
});

Deno.test("64 calls of an only server may all wait for it", async () => {
  const timer = new ManualTimer();
  await withMcp({ servers: { h: hostile() }, timer }, async ({ call }) => {
    await call("h/echo");
    const hanging = Array.from({ length: 63 }, () => call("h/never"));
    assertEquals((await call("h/echo")).status, "OK");
    timer.pass(30_000);
    const codes = (await Promise.all(hanging)).map(({ code }) => code);
    assertEquals(new Set(codes), new Set(["DEADLINE_EXCEEDED"]));
  });
});
