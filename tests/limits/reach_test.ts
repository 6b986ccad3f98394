/** What a limit reaches beside the target of a request: hops of redirects, goals of moves, failures. */
import { assertEquals, assertMatch } from "@std/assert";
import { Kernel, Provider } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { HttpProvider } from "@agent-kernel/kernel/providers/http";
import { Workspace } from "../workspace.ts";
import { ManualTimer } from "../checkpoint/checkpoint_file.ts";
import { recordsOf } from "./scene.ts";

/** A server at which everything but "/pay" leads to "/pay", and how often that was reached. */
function shopServer() {
  const reached = { pay: 0, all: 0 };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    reached.all++;
    if (new URL(request.url).pathname !== "/pay") {
      return new Response(null, { status: 302, headers: { location: "/pay" } });
    }
    reached.pay++;
    return new Response("paid");
  });
  return { server, reached, origin: `http://127.0.0.1:${server.addr.port}` };
}

// deno-fmt-ignore -- a row is a line
const REDIRECTS: readonly { cell: string; pay?: object; whole?: object; pays: number; codes: readonly (string | undefined)[] }[] = [
  { cell: "calls of the rule of the hop", pay: { calls: "2/forever" }, pays: 2, codes: [undefined, undefined, "BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"] },
  { cell: "a rate of the rule of the hop", pay: { rate: "3/day" }, pays: 3, codes: [undefined, undefined, undefined, "RATE_LIMITED"] },
  { cell: "calls of the whole policy: each hop is one", whole: { calls: "5/forever" }, pays: 2, codes: [undefined, undefined, "BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"] },
  { cell: "bytes of the whole policy: the request is charged to them", whole: { bytes: "1GB/day" }, pays: 4, codes: [undefined, undefined, undefined, undefined] },
  { cell: "bytes of the rule of the hop, which cannot be counted", pay: { bytes: "1GB/day" }, pays: 0, codes: Array(4).fill("LIMIT_UNDECIDED") },
  { cell: "concurrent of the rule of the hop, which cannot be counted", pay: { concurrent: 9 }, pays: 0, codes: Array(4).fill("LIMIT_UNDECIDED") },
];
for (const { cell, pay, whole, pays, codes } of REDIRECTS) {
  Deno.test(`four requests that are led on reach ${pays} times what is limited: ${cell}`, async () => {
    using ws = new Workspace();
    const { server, reached, origin } = shopServer();
    await using _ = server;
    {
      await using kernel = await Kernel.open({
        policy: {
          capabilities: [
            { id: "pay", action: "net.http", resource: `${origin}/pay`, ...pay && { limits: pay } },
            { id: "free", action: "net.http", resource: `${origin}/free/**` },
          ],
          ...whole && { limits: [{ action: "net.http", ...whole }] },
        },
        providers: [new HttpProvider()],
        logPath: ws.path("kernel.log"),
        onWarning: () => {},
      });
      const ended: unknown[] = [];
      for (let i = 0; i < 4; i++) {
        ended.push(
          (await kernel.submit({ action: "net.http", target: `${origin}/free/${i}` })).code,
        );
      }
      assertEquals(ended, [...codes]);
    }
    assertEquals(reached.pay, pays);
    const named = recordsOf(ws).filter(({ target }) => target === `${origin}/pay`);
    assertEquals(named.filter(({ status }) => status === "OK").length, pays);
  });
}

Deno.test("a move is charged to the limits of the rule that allows its goal, too, and once if it is one rule", async () => {
  using ws = new Workspace();
  for (const name of ["a", "b", "c"]) ws.file(`work/${name}`, name);
  ws.folder("out");
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "work", action: "fs.*", resource: ws.path("work/**"), limits: { calls: "100/day" } },
        { id: "out", action: "fs.*", resource: ws.path("out/**"), limits: { calls: "3/day" } },
      ],
    },
    providers: [new FilesystemProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const move = (from: string, to: string) =>
    kernel.submit({ action: "fs.move", target: ws.path(from), params: { to: ws.path(to) } });
  assertEquals((await move("work/a", "out/a")).status, "OK");
  assertEquals((await move("out/a", "out/a2")).status, "OK");
  assertEquals((await move("work/b", "work/b2")).status, "OK");
  assertEquals((await move("work/b2", "out/b")).status, "OK");
  const { code, details } = await move("work/c", "out/c");
  assertEquals([code, details], ["BUDGET_EXHAUSTED", {
    limit: "out.calls",
    left: "0",
    ...details?.["retry_after_ms"] === undefined
      ? {}
      : { retry_after_ms: details["retry_after_ms"] },
  }]);
  assertEquals(Deno.readTextFileSync(ws.path("work/c")), "c");
});

for (
  const [cell, limited, first] of [
    ["reading", "fs.read", { action: "fs.read", target: "w/x" }],
    ["deleting", "fs.delete", { action: "fs.delete", target: "w/x" }],
    ["writing", "fs.write", { action: "fs.write", target: "w/x", params: { content: "x" } }],
  ] as const
) {
  for (const  of of["its rule", "the policy"]) {
    Deno.test(`a move is charged as ${cell}, to a limit of ${of}, and what it used up is gone`, async () => {
      using ws = new Workspace();
      for (const name of ["a", "b", "x"]) ws.file(`w/${name}`, name);
      const calls = { calls: "1/forever" };
      const resource = ws.path("w/**");
      const others = ["fs.move", "fs.read", "fs.delete", "fs.write"].filter((one) =>
        one !== limited
      );
      await using kernel = await Kernel.open({
        policy: {
          capabilities: [
            { id: "others", action: others, resource },
            { id: "own", action: limited, resource, ...of === "its rule" && { limits: calls } },
          ],
          ...of === "the policy" && { limits: [{ id: "own", action: limited, ...calls }] },
        },
        providers: [new FilesystemProvider()],
        logPath: ws.path("kernel.log"),
        onWarning: () => {},
      });
      const move = (name: string) => ({
        action: "fs.move",
        target: ws.path(`w/${name}`),
        params: { to: ws.path(`w/${name}2`) },
      });
      assertEquals((await kernel.submit(move("a"))).status, "OK");
      for (const request of [{ ...first, target: ws.path(first.target) }, move("b")]) {
        const { code, details } = await kernel.submit(request);
        assertEquals([code, details?.["limit"]], ["BUDGET_EXHAUSTED", "own.calls"]);
      }
      assertEquals(Deno.readTextFileSync(ws.path("w/b")), "b");
    });
  }
}

Deno.test("a failure that took longer than was reserved is charged as it was", async () => {
  using ws = new Workspace();
  const timer = new ManualTimer();
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [{
        id: "r",
        action: "slow.do",
        resource: "*",
        limits: { duration: "10s/day" },
      }],
    },
    providers: [
      new Provider({
        name: "slow",
        isolation: "none",
        actions: { "slow.do": { kind: "name" } },
        deadlineMs: 1000,
        execute() {
          timer.pass(4000);
          throw new Error("no luck");
        },
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
    timer,
  });
  const ended: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    ended.push((await kernel.submit({ action: "slow.do", target: "x" })).code);
  }
  assertEquals(ended.slice(3), ["BUDGET_EXHAUSTED", "BUDGET_EXHAUSTED"]);
  assertEquals(recordsOf(ws).slice(0, 3).map(({ stages }) => stages?.["limits"]), [
    { charged: [{ ...charge(), amount: "4000" }] },
    { charged: [{ ...charge(), amount: "4000" }] },
    { charged: [{ ...charge(), amount: "4000" }] },
  ]);
  function charge(): object {
    const [first] = recordsOf(ws);
    return (first?.stages?.["limits"] as { charged: object[] }).charged[0] ?? {};
  }
});

Deno.test("headers of an answer are within what was reserved for its bytes", async () => {
  using ws = new Workspace();
  const headers = Object.fromEntries(
    Array.from({ length: 7 }, (_, i) => [`x-${i}`, '"'.repeat(8000)]),
  );
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () => new Response("x", { headers }),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  await using kernel = await Kernel.open({
    policy: {
      capabilities: [
        { id: "r", action: "net.http", resource: `${origin}/**`, limits: { bytes: "70KB/day" } },
      ],
    },
    providers: [new HttpProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const { code, error } = await kernel.submit({
    action: "net.http",
    target: `${origin}/`,
    params: { max_bytes: 1 },
  });
  assertEquals(code, "BUDGET_EXHAUSTED");
  assertMatch(error ?? "", /this needs up to 393222 bytes/);
});

// deno-fmt-ignore -- a row is a line
const TOO_SMALL: readonly { limits: object; whole?: boolean; warnings: readonly RegExp[] }[] = [
  { limits: { bytes: "100KB/day" }, warnings: [/^limit "r.bytes" \(bytes 100KB\/day\) is less than the 4194304 that fs\.read reserves/] },
  { limits: { bytes: "100KB/day" }, whole: true, warnings: [/^limit "fs\.\*\.bytes" .* that fs\.read, fs\.list reserves/] },
  { limits: { bytes: "4194304B/day" }, warnings: [] },
  { limits: { duration: "29s/day" }, warnings: [/^limit "r\.duration" .* less than the 30000 that fs\.read reserves/] },
  { limits: { duration: "1min/day", calls: "1/day", sent: "1B/day", concurrent: 1 }, warnings: [] },
];
for (const { limits, whole = false, warnings } of TOO_SMALL) {
  Deno.test(`a limit is ${warnings.length > 0 ? "" : "not "}warned of as too small for one request: ${JSON.stringify(limits)}${whole ? " of the policy" : ""}`, async () => {
    using ws = new Workspace();
    const rule = {
      id: "r",
      action: whole ? ["fs.read", "fs.list"] : "fs.read",
      resource: ws.path("**"),
    };
    const policy = whole
      ? { limits: [{ action: "fs.*", ...limits }], capabilities: [rule] }
      : { capabilities: [{ ...rule, limits }] };
    const lines: string[] = [];
    await using _ = await Kernel.open({
      policy,
      providers: [new FilesystemProvider()],
      logPath: ws.path("kernel.log"),
      onWarning: (line) => lines.push(line.replace("agent-kernel: (object): ", "")),
    });
    const found = lines.filter((line) => line.includes("reserves"));
    assertEquals(found.length, warnings.length, found.join("\n"));
    for (const [i, warning] of warnings.entries()) assertMatch(found[i] ?? "", warning);
  });
}
