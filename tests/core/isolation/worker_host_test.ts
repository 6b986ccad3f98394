import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ActionResult, Kernel, verifyAuditLog } from "@agent-kernel/kernel";
import { ManualTimer } from "../../checkpoint/checkpoint_file.ts";
import { Workspace } from "../../workspace.ts";
import { EchoProvider } from "./fixtures/echo_provider.ts";
import { HostileProvider } from "./fixtures/hostile_provider.ts";

/** Has attempts made in a taken-over Worker that may use what is in the workspace's "in". */
async function withHostile(
  body: (
    attempt: (name: string, argument?: string) => Promise<ActionResult>,
    ws: Workspace,
  ) => Promise<void>,
  { timer, ...limits }: { deadlineMs?: number; maxOutputBytes?: number; timer?: ManualTimer } = {},
): Promise<void> {
  using ws = new Workspace();
  ws.file("in/a.txt", "inside");
  ws.file("out/secret.txt", "secret");
  {
    await using kernel = await Kernel.open({
      policy: {
        capabilities: [
          { action: "hostile.do", resource: "**" },
          { action: ["fs.read", "fs.write"], resource: ws.path("in/**") },
        ],
      },
      providers: [new HostileProvider(limits)],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
      ...(timer === undefined ? {} : { timer }),
    });
    await body(
      (attempt, argument = "") =>
        kernel.submit({ action: "hostile.do", target: "x", params: { attempt, argument } }),
      ws,
    );
  }
  assert((await verifyAuditLog(ws.path("kernel.log"))).ok);
}

/** What a new Worker answers: on a busy machine it may take longer than the deadline to start. */
async function answered(
  attempt: (name: string, argument?: string) => Promise<ActionResult>,
  argument: string,
): Promise<unknown> {
  for (;;) {
    const { data, code } = await attempt("ok", argument);
    if (code !== "DEADLINE_EXCEEDED") return data;
  }
}

Deno.test("a taken-over Worker has what the policy implies", async () => {
  await withHostile(async (attempt, ws) => {
    assertEquals((await attempt("read", ws.path("in/a.txt"))).data, "inside");
    assertEquals((await attempt("write", ws.path("in/b.txt"))).status, "OK");
    assertEquals((await attempt("permissions")).data, [
      "read: prompt",
      "write: prompt",
      "net: prompt",
      "run: prompt",
      "env: prompt",
      "sys: prompt",
      "ffi: prompt",
    ]);
  });
});

Deno.test("a taken-over Worker gets no further: Deno refuses", async (t) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await withHostile(async (attempt, ws) => {
    const attempts: [string, string][] = [
      ["read", ws.path("out/secret.txt")],
      ["read", ws.path("in/../out/secret.txt")],
      ["read", ws.path("kernel.log")],
      ["read", "/etc/passwd"],
      ["write", ws.path("out/secret.txt")],
      ["write", ws.path("kernel.log")],
      ["connect", String(listener.addr.port)],
      ["fetch", `http://127.0.0.1:${listener.addr.port}/`],
      ["fetch", `file://${ws.path("out/secret.txt")}`],
      ["spawn", "/bin/true"],
      ["spawn", "deno"],
      ["env", "HOME"],
      ["sys", ""],
      ["ffi", "/lib/x86_64-linux-gnu/libc.so.6"],
      ["import", `file://${ws.path("out/secret.txt")}`],
      ["link", ws.path("in/link")],
    ];
    for (const [name, argument] of attempts) {
      await t.step(`${name} ${argument.replace(ws.root, "")}`, async () => {
        const { status, error } = await attempt(name, argument);
        assertEquals(status, "ERROR");
        assertMatch(error ?? "", /requires/i);
      });
    }
    assertEquals((await attempt("grant", "/etc/passwd")).data, "denied");
    assertEquals(Deno.readTextFileSync(ws.path("out/secret.txt")), "secret");
  });
  listener.close();
});

Deno.test("the death of a Worker ends its calls with a code, and the next call has a fresh one", async (t) => {
  for (const death of ["throw later", "reject", "exit", "close itself", "spin", "never"]) {
    await t.step(death, async () => {
      await withHostile(async (attempt) => {
        const { status, code, error } = await attempt(death);
        assertEquals(status, "ERROR");
        assert(code === "PROVIDER_CRASHED" || code === "DEADLINE_EXCEEDED", `${code}: ${error}`);
        assertEquals(await answered(attempt, "alive"), "alive");
      }, { deadlineMs: 1500 });
    });
  }
});

Deno.test("a call that hangs without blocking ends at its deadline, and another one is answered", async () => {
  const timer = new ManualTimer();
  await withHostile(async (attempt) => {
    const hanging = attempt("never");
    assertEquals((await attempt("ok", "works")).data, "works");
    timer.pass(1500);
    timer.pass(250); // The time in which the Worker could end it.
    const { status, code } = await hanging;
    assertEquals([status, code], ["ERROR", "DEADLINE_EXCEEDED"]);
    assertEquals((await attempt("ok", "again")).data, "again");
  }, { deadlineMs: 1500, timer });
});

Deno.test("a call that blocks its Worker ends at its deadline, and the call after it is not carried out", async () => {
  await withHostile(async (attempt) => {
    await attempt("ok");
    // The Worker never comes to the second one. queue_test.ts has the exact code of its end.
    const [hangs, blocked] = await Promise.all([attempt("spin"), attempt("ok")]);
    assertEquals([hangs.status, hangs.code], ["ERROR", "DEADLINE_EXCEEDED"]);
    assertEquals([blocked.status, blocked.data], ["ERROR", undefined]);
    assertEquals(await answered(attempt, "again"), "again");
  }, { deadlineMs: 1500 });
});

Deno.test("a Worker's answers are taken for what they are: untrusted", async (t) => {
  const rows: [string, string, Partial<ActionResult>][] = [
    ["garbage", "", { status: "OK", data: "after garbage" }],
    ["cycle", "", { status: "ERROR", code: "RESULT_INVALID" }],
    ["a map", "", { status: "ERROR", code: "RESULT_INVALID" }],
    ["a function", "", { status: "ERROR", code: "RESULT_INVALID" }],
    ["a bigint", "", { status: "ERROR", code: "RESULT_INVALID" }],
    ["prototype", "", { status: "ERROR", code: "RESULT_INVALID" }],
    ["deep", "10000", { status: "ERROR", code: "RESULT_INVALID" }],
    ["deep", "20", { status: "OK" }],
    ["large object", "5000", { status: "ERROR", code: "RESULT_INVALID" }],
    ["large object", "500", { status: "OK" }],
    ["large", "500", { status: "OK", data: "x".repeat(500) }],
    ["large", "5000", { status: "OK", data: "x".repeat(1000), truncated: true }],
  ];
  await withHostile(async (attempt) => {
    for (const [name, argument, expected] of rows) {
      await t.step(`${name} ${argument}`, async () => {
        const result = await attempt(name, argument);
        for (const [key, value] of Object.entries(expected)) {
          assertEquals(
            result[key as keyof ActionResult],
            value,
            `${key} of ${JSON.stringify(result).slice(0, 200)}`,
          );
        }
        assertEquals(({} as Record<string, unknown>).polluted, undefined);
      });
    }
  }, { maxOutputBytes: 1000 });
});

Deno.test("a Worker can forge the answers of its own calls, and of no other provider's", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: ["hostile.do", "echo.say"], resource: "**" }] },
    providers: [new HostileProvider(), new EchoProvider()],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  const attempt = (attempt: string, argument: string) =>
    kernel.submit({ action: "hostile.do", target: "x", params: { attempt, argument } });
  const echo = (text: string) =>
    kernel.submit({ action: "echo.say", target: "x", params: { text } });
  // The calls of both providers have the same numbers, and all are sent before the Workers have started.
  const [forging, other, ...echoes] = await Promise.all([
    attempt("answer for others", ""),
    attempt("ok", "a"),
    echo("0"),
    echo("1"),
  ]);
  // What it posts past the channel comes before what it answers, or after it.
  assert(["forged", "mine"].includes(forging.data as string), String(forging.data));
  assert(["forged", "a"].includes(other.data as string), String(other.data));
  assertEquals(echoes.map(({ data }) => data), [
    { to: "x", said: "0" },
    { to: "x", said: "1" },
  ]);
  assertEquals((await echo("2")).data, { to: "x", said: "2" });
});

Deno.test("an array of answers of any length is no answer, and keeps nobody waiting", async () => {
  await withHostile(async (attempt) => {
    await attempt("ok");
    assertEquals((await attempt("sparse answers")).code, "DEADLINE_EXCEEDED");
    assertEquals(await answered(attempt, "alive"), "alive");
  }, { deadlineMs: 3000 });
});

Deno.test("a question that is a text of ten million characters is a question without a target", async () => {
  await withHostile(async (attempt) => {
    await attempt("ok");
    const { status, data } = await attempt("ask of any size");
    assertEquals(status, "OK");
    assertEquals((data as { code: string }).code, "INVALID_REQUEST");
  });
});

Deno.test("the last words of a Worker are cut in the result and in the log", async () => {
  await withHostile(async (attempt, ws) => {
    const { code, error = "" } = await attempt("last words");
    assertEquals([code, error.length], ["PROVIDER_CRASHED", 4096]);
    assert(Deno.statSync(ws.path("kernel.log")).size < 10_000);
  });
});

Deno.test("what a Worker has got when it is ended at a deadline is not carried out later", async () => {
  await withHostile(async (attempt, ws) => {
    await attempt("ok");
    const slow = attempt("take a while, then", "2000");
    const names = ["in/1.txt", "in/2.txt", "in/3.txt"];
    const ended = await Promise.all(names.map((name) => attempt("write", ws.path(name))));
    assertEquals(new Set(ended.map(({ status }) => status)), new Set(["ERROR"]));
    assertEquals((await slow).code, "DEADLINE_EXCEEDED");
    // The terminated Worker goes on after two seconds; a new one has been running since long before.
    const start = performance.now();
    while (performance.now() - start < 2500) await attempt("ok");
    const written = names.filter((name) => exists(ws.path(name)));
    assertEquals(written, []);
  }, { deadlineMs: 500 });
});

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("questions that take long to read are not read to their end", async () => {
  await withHostile(async (attempt) => {
    assertEquals((await attempt("ask a thousand times the same")).code, "DEADLINE_EXCEEDED");
    assertEquals(await answered(attempt, "again"), "again");
  }, { deadlineMs: 3000 });
});

Deno.test("a Worker that sends what nobody waits for is ended, and others are not kept waiting", async () => {
  await withHostile(async (attempt) => {
    assertEquals((await attempt("flood, once answered")).data, "answered");
    // It is ended during a call, or between two: then the next one has a Worker that was not asked yet.
    let asked = 0;
    for (;;) {
      const { data, error } = await attempt("how often asked");
      if (error !== undefined) assertMatch(error, /sent messages that nobody waits for/);
      if (error !== undefined || data === 1 && asked > 0) break;
      asked = Number(data);
    }
    assertEquals((await attempt("ok", "again")).data, "again");
  });
});

Deno.test("a question that comes when its call has ended is answered, with a no", async () => {
  await withHostile(async (attempt) => {
    assertEquals((await attempt("ask when it has ended")).status, "OK");
    assertEquals((await attempt("what was said then")).data, "the call has ended");
  });
});

Deno.test("what cannot be read when it is thrown ends no call but its own", async () => {
  await withHostile(async (attempt) => {
    const { code, error } = await attempt("throw what cannot be read");
    assertEquals([code, error], ["PROVIDER_ERROR", "what was thrown cannot be read"]);
  });
});

Deno.test("a warning that the host's own function cannot take ends nothing", async () => {
  using ws = new Workspace();
  await using kernel = await Kernel.open({
    policy: { capabilities: [{ action: "hostile.do", resource: "**" }] },
    providers: [new HostileProvider()],
    logPath: ws.path("kernel.log"),
    onWarning() {
      throw new Error("the sink is full");
    },
  });
  const params = { attempt: "warn", argument: '[1, "boo"]' };
  assertEquals((await kernel.submit({ action: "hostile.do", target: "x", params })).status, "OK");
  const again = { attempt: "ok", argument: "again" };
  assertEquals(
    (await kernel.submit({ action: "hostile.do", target: "x", params: again })).data,
    "again",
  );
});
