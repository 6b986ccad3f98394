/** Limits on submits, through a real kernel: what a flood gets, and what the log says of it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type ActionRequest,
  type ActionResult,
  type AuditRecord,
  Kernel,
  type KernelOptions,
  Provider,
} from "@agent-kernel/kernel";
import { canMount, SmallDisk } from "../core/record/small_disk.ts";
import { Workspace } from "../workspace.ts";
import { HandClock, recordsOf, shop } from "./scene.ts";

const DENIED: ActionRequest = { action: "other.do", target: "a", agent: "mallory" };
const ALLOWED: ActionRequest = { action: "shop.pay", target: "vendor", agent: "mallory" };
const MALFORMED = { action: "", target: 3, agent: "mallory" } as unknown as ActionRequest;

/** Time that passes by hand, for the buckets and for the records of folds. */
class HandTimer {
  at = 0;
  readonly #due = new Set<{ readonly callback: () => void; readonly at: number }>();

  readonly now = () => this.at;
  readonly schedule = (callback: () => void, ms: number) => {
    const entry = { callback, at: this.at + ms };
    this.#due.add(entry);
    return () => this.#due.delete(entry);
  };

  pass(ms: number): void {
    this.at += ms;
    for (const entry of this.#due) {
      if (entry.at > this.at) continue;
      this.#due.delete(entry);
      entry.callback();
    }
  }
}

/** A kernel whose policy allows `shop.*` and has these limits. */
async function open(ws: Workspace, limits: readonly object[], more: Partial<KernelOptions> = {}) {
  const timer = new HandTimer();
  const clock = new HandClock();
  const warnings: string[] = [];
  const policy = { limits, capabilities: [{ id: "r", action: "shop.*", resource: "**" }] };
  const kernel = await Kernel.open({
    policy,
    providers: [shop().provider],
    logPath: ws.path("kernel.log"),
    timer,
    clock: clock.now,
    onWarning: (line) => warnings.push(line),
    ...more,
  });
  return { kernel, timer, clock, warnings, policy };
}

function codesOf(results: readonly ActionResult[]): (string | undefined)[] {
  return results.map(({ code, status }) => code ?? status);
}

/** The same request, one submit after the other. */
async function submit(kernel: Kernel, times: number, request: ActionRequest = DENIED) {
  const results: ActionResult[] = [];
  for (let i = 0; i < times; i++) results.push(await kernel.submit(request));
  return results;
}

/** The number of submits that records stand for. */
function submitsOf(records: readonly AuditRecord[]): number {
  return records.reduce((sum, record) => sum + (foldOf(record)?.submits ?? 1), 0);
}

interface Fold {
  /** How many refused submits the record stands for. */
  readonly submits: number;
  readonly equal: boolean;
  readonly since: string;
  readonly until: string;
}

function foldOf({ stages }: AuditRecord): Fold | undefined {
  return (stages?.["limits"] as { readonly folded?: Fold } | undefined)?.folded;
}

for (
  const [what, request, code] of [
    ["denied", DENIED, "NO_RULE"],
    ["malformed", MALFORMED, "INVALID_REQUEST"],
    ["allowed", ALLOWED, "OK"],
  ] as const
) {
  Deno.test(`a limit on submits counts ${what} ones, and refuses what is beyond it undecided`, async () => {
    using ws = new Workspace();
    const { kernel, timer } = await open(ws, [{ action: "*", submits: "2/s" }]);
    const results = await submit(kernel, 4, request);
    assertEquals(codesOf(results), [code, code, "SUBMITS_LIMITED", "SUBMITS_LIMITED"]);
    assertEquals(results[3], {
      status: "DENIED",
      code: "SUBMITS_LIMITED",
      error:
        'not decided: limit "*.submits" (submits 2/s): too many submits of this agent, refused ones among them, try again in 500 ms',
      details: { limit: "*.submits", left: "0", retry_after_ms: 500 },
    });
    timer.pass(499);
    assertEquals(codesOf(await submit(kernel, 1, request)), ["SUBMITS_LIMITED"]);
    timer.pass(1);
    assertEquals(codesOf(await submit(kernel, 2, request)), [code, "SUBMITS_LIMITED"]);
    await kernel.close();
    // Without "fold" each has a record of its own.
    const records = recordsOf(ws);
    assertEquals(records.length, 7);
    assertEquals(records.filter(({ code }) => code === "SUBMITS_LIMITED").length, 4);
    assertEquals(records[3]?.stages, { limits: { exceeded: "*.submits" } });
  });
}

Deno.test("each agent has its own bucket, and agents who share one take from each other", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, [
    { action: "*", submits: "2/s" },
    { id: "total", action: "*", submits: "5/s", across: "all" },
  ]);
  const of = (agent: string) => submit(kernel, 3, { ...DENIED, agent });
  const limited = "SUBMITS_LIMITED";
  assertEquals(codesOf(await of("a")), ["NO_RULE", "NO_RULE", limited]);
  assertEquals(codesOf(await of("b")), ["NO_RULE", "NO_RULE", limited]);
  const third = await of("c");
  assertEquals(codesOf(third), ["NO_RULE", limited, limited]);
  assertEquals(third[2]?.details?.["limit"], "total.submits");
  await kernel.close();
});

Deno.test("a submit that one limit refuses takes nothing of another", async () => {
  using ws = new Workspace();
  const { kernel, timer } = await open(ws, [
    { id: "long", action: "*", submits: "10/day" },
    { id: "short", action: "*", submits: "1/s" },
  ]);
  await submit(kernel, 100);
  for (let i = 1; i < 10; i++) {
    timer.pass(1000);
    assertEquals(codesOf(await submit(kernel, 1)), ["NO_RULE"], `second ${i}`);
  }
  timer.pass(1000);
  const [last] = await submit(kernel, 1);
  assertEquals(last?.details?.["limit"], "long.submits");
  await kernel.close();
});

Deno.test("a limit on the submits of some actions leaves the others alone", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, [{ action: "shop.*", submits: "1/s" }]);
  assertEquals(codesOf(await submit(kernel, 2, ALLOWED)), ["OK", "SUBMITS_LIMITED"]);
  assertEquals(new Set(codesOf(await submit(kernel, 100))), new Set(["NO_RULE"]));
  await kernel.close();
});

Deno.test("whoever invents names gets 1,000 buckets, and one more for all further names", async () => {
  using ws = new Workspace();
  const { kernel, timer } = await open(ws, [{ action: "*", submits: "1/s" }]);
  const named = (agent: number) => submit(kernel, 1, { ...DENIED, agent: `agent ${agent}` });
  let passed = 0;
  for (let i = 0; i < 3000; i++) passed += Number((await named(i))[0]?.code === "NO_RULE");
  assertEquals(passed, 1001);
  // The buckets of those who are gone are full again, and given to others.
  timer.pass(1000);
  passed = 0;
  for (let i = 3000; i < 6000; i++) passed += Number((await named(i))[0]?.code === "NO_RULE");
  assertEquals(passed, 1001);
  await kernel.close();
});

Deno.test("what is counted for one agent is decided for that one, also if the request changes its mind", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, [{ action: "*", submits: "1/s" }]);
  let reads = 0;
  const twoFaced = {
    ...DENIED,
    get agent() {
      return reads++ === 0 ? "one" : "other";
    },
  };
  await kernel.submit(twoFaced);
  await kernel.close();
  assertEquals([reads, recordsOf(ws)[0]?.agent], [1, "one"]);
});

Deno.test("permits count, and so do the questions of a provider that have records", async () => {
  using ws = new Workspace();
  const provider = new Provider({
    name: "dialler",
    isolation: "none",
    actions: { "dial.up": { kind: "name" }, "dial.line": { kind: "name" } },
    uses: ["dial.line"],
    records: ["dial.line"],
    async execute(_request, { decide }) {
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await decide({ action: "dial.line", target: "a" }));
      return answers.map(({ code }) => code);
    },
  });
  const { kernel } = await open(ws, [{ action: "*", submits: "5/day" }], {
    policy: {
      limits: [{ action: "*", submits: "5/day" }],
      capabilities: [{ id: "r", action: "dial.*", resource: "**" }],
    },
    providers: [provider],
  });
  assertEquals(codesOf([await kernel.permit({ action: "dial.up", target: "x" })]), ["OK"]);
  const { data } = await kernel.submit({ action: "dial.up", target: "x" });
  assertEquals(data, ["ALLOWED", "ALLOWED", "ALLOWED", "SUBMITS_LIMITED"]);
  const again = await kernel.permit({ action: "dial.up", target: "x" });
  assertEquals(codesOf([again]), ["SUBMITS_LIMITED"]);
  await kernel.close();
});

Deno.test("a policy that is loaded again counts on", async () => {
  using ws = new Workspace();
  const { kernel, policy } = await open(ws, [{ action: "*", submits: "3/day" }]);
  await submit(kernel, 2);
  await kernel.reload({ ...policy, examples: [] });
  assertEquals(codesOf(await submit(kernel, 2)), ["NO_RULE", "SUBMITS_LIMITED"]);
  await kernel.reload({ capabilities: policy.capabilities });
  assertEquals(new Set(codesOf(await submit(kernel, 10))), new Set(["NO_RULE"]));
  await kernel.close();
});

Deno.test("with fold a flood is told each time, and one record says how many, of whom, and between which times", async () => {
  using ws = new Workspace();
  const { kernel, timer, clock } = await open(ws, [
    { action: "*", submits: "3/day", fold: "1min" },
  ]);
  const begun = clock.now().toISOString();
  assertEquals(codesOf(await submit(kernel, 3)), ["NO_RULE", "NO_RULE", "NO_RULE"]);
  clock.at += 10_000;
  const since = clock.now().toISOString();
  assertEquals(new Set(codesOf(await submit(kernel, 5000))), new Set(["SUBMITS_LIMITED"]));
  assertEquals(recordsOf(ws).length, 3, "nothing of the flood is written before its time");
  clock.at += 20_000;
  const until = clock.now().toISOString();
  await submit(kernel, 1);
  timer.pass(60_000);
  await kernel.close();
  const [, , third, fourth, ...more] = recordsOf(ws);
  assertEquals(more, []);
  assertEquals([third?.timestamp, third?.code, third && foldOf(third)], [
    begun,
    "NO_RULE",
    undefined,
  ]);
  assertEquals(fourth && foldOf(fourth), { submits: 5001, equal: true, since, until });
  const { action, target, agent, status, code, error } = fourth ?? {};
  assertEquals({ action, target, agent, status, code }, {
    ...DENIED,
    ...{ status: "DENIED", code: "SUBMITS_LIMITED" },
  });
  assertMatch(error ?? "", /\(stands for 5001 equal submits\)$/);
});

Deno.test("the end of the kernel records what is folded, and a second flood has a record of its own", async () => {
  using ws = new Workspace();
  const { kernel, timer } = await open(ws, [{ action: "*", submits: "1/day", fold: "1s" }]);
  await submit(kernel, 11);
  timer.pass(1000);
  await submit(kernel, 20);
  await kernel.close();
  assertEquals(recordsOf(ws).map((record) => foldOf(record)?.submits), [undefined, 10, 20]);
});

Deno.test("what differs has records of its own, up to 17 for all that an agent can invent", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, [{ action: "*", submits: "1/day", across: "all", fold: "1h" }]);
  let submits = 0;
  const flood = async (request: Partial<ActionRequest>) => {
    submits++;
    await kernel.submit({ ...DENIED, ...request });
  };
  await flood({});
  for (let i = 0; i < 100; i++) await flood({ target: "probe", params: { key: i % 4 } });
  for (let i = 0; i < 300; i++) await flood({ target: `${i}`, agent: `agent ${i}` });
  for (let i = 0; i < 300; i++) await flood({ target: `again ${i}`, agent: `agent ${i}` });
  await flood({ action: "x".repeat(1_000_000), target: "y".repeat(1_000_000) });
  await kernel.close();
  const records = recordsOf(ws);
  assertEquals([records.length, submitsOf(records)], [1 + 17, submits]);
  const folded = records.slice(1);
  assertEquals(folded.slice(0, 4).map((record) => foldOf(record)?.submits), [25, 25, 25, 25]);
  const ofAgents = folded.slice(8, 16);
  assertEquals(
    ofAgents.map((record) => [record.agent, foldOf(record)?.equal]),
    Array.from({ length: 8 }, (_, i) => [`agent ${i + 4}`, false]),
  );
  // INVARIANT: a record of several agents names none of them.
  const [rest] = folded.slice(16);
  assertEquals([rest?.agent, rest && foldOf(rest)?.equal], [undefined, false]);
  assert(folded.every((record) => JSON.stringify(record).length < 3000));
});

Deno.test("an allowed action, and what the policy denies, is never folded", async () => {
  using ws = new Workspace();
  const { kernel, timer } = await open(ws, [{ action: "*", submits: "1/s", fold: "1min" }]);
  const answered: ActionResult[] = [];
  for (let second = 0; second < 40; second++) {
    // The flood is the agent's own; one of its submits a second is decided.
    for (let i = 0; i < 5; i++) {
      answered.push(await kernel.submit(i === second % 5 ? ALLOWED : DENIED));
    }
    timer.pass(1000);
  }
  await kernel.close();
  const records = recordsOf(ws);
  const own = records.filter((record) => foldOf(record) === undefined);
  const count = (code: string) =>
    answered.filter((one) => (one.code ?? one.status) === code).length;
  assertEquals(count("OK"), 8);
  assertEquals(own.filter(({ status }) => status === "OK").length, count("OK"));
  assertEquals(own.filter(({ code }) => code === "NO_RULE").length, count("NO_RULE"));
  assertEquals(own.length, count("OK") + count("NO_RULE"));
  assertEquals(submitsOf(records), answered.length);
});

Deno.test("what an agent invents as its name or target is redacted in the record of a fold", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, [{ action: "*", submits: "1/day", fold: "1h" }]);
  const secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyzAB";
  await submit(kernel, 3, { ...DENIED, target: `t/${secret}`, agent: secret });
  await kernel.close();
  const text = Deno.readTextFileSync(ws.path("kernel.log"));
  assertEquals([text.includes(secret), recordsOf(ws).length], [false, 2]);
});

Deno.test({
  name:
    "what cannot be recorded because the disk is full is recorded when there is room, and counts on",
  ignore: !canMount(),
  async fn() {
    using ws = new Workspace();
    using disk = new SmallDisk(ws);
    const { kernel, timer, warnings } = await open(ws, [
      { action: "*", submits: "2/day", fold: "1s" },
    ], { logPath: `${disk.path}/kernel.log` });
    await submit(kernel, 12);
    disk.fill();
    // The log is found to be full by a submit that is decided.
    assertEquals(
      codesOf(await submit(kernel, 1, { ...DENIED, agent: "b", target: "x".repeat(10_000) })),
      [
        "AUDIT_UNAVAILABLE",
      ],
    );
    timer.pass(1000);
    assertEquals(codesOf(await submit(kernel, 5)), Array(5).fill("SUBMITS_LIMITED"));
    disk.free();
    await kernel.recover();
    timer.pass(1000);
    await kernel.close();
    const records = Deno.readTextFileSync(`${disk.path}/kernel.log`).trim().split("\n")
      .map((line) => JSON.parse(line));
    assertEquals(records.flatMap((record) => foldOf(record) ?? []).map(({ submits }) => submits), [
      15,
    ]);
    assertEquals(
      warnings.filter((line) => line.includes("recorded when it can be written")).length,
      1,
    );
  },
});

for (
  const [cell, readings] of [
    ["an action that is none at first", { action: [5, "shop.pay"] }],
    ["a target that is none at first", { target: ["", "vendor"] }],
    ["params that are none at first", { params: [5, {}] }],
    ["an agent that is none at first", { agent: ["", "mallory"] }],
  ] as const
) {
  Deno.test(`what was counted as malformed stays so: ${cell}`, async () => {
    using ws = new Workspace();
    const it = shop();
    const { kernel } = await open(ws, [{ id: "s", action: "*", submits: "1/min", burst: 9 }], {
      providers: [it.provider],
    });
    await using _ = kernel;
    const request = { action: "shop.pay", target: "vendor", agent: "mallory" };
    for (const [name, [first, later]] of Object.entries(readings)) {
      let reads = 0;
      Object.defineProperty(request, name, { get: () => reads++ === 0 ? first : later });
    }
    const { status, code } = await kernel.submit(request);
    assertEquals([status, code, it.calls], ["ERROR", "INVALID_REQUEST", 0]);
    assertEquals(recordsOf(ws).at(-1)?.status, "INVALID");
  });
}

Deno.test("a malformed submit has the digest of its params, and its session, on record", async () => {
  using ws = new Workspace();
  const params = { a: 1 };
  const submits = [{ id: "s", action: "*", submits: "9/min" }];
  const { kernel } = await open(ws, submits);
  await using _ = kernel;
  await using session = await kernel.session({ id: "task" });
  await session.submit({ action: "", target: "vendor", params });
  await session.submit({ action: "shop.pay", target: "vendor", params });
  const [invalid, ok] = recordsOf(ws).slice(-2);
  assertEquals([invalid?.status, ok?.status], ["INVALID", "OK"]);
  assertEquals(invalid?.params, ok?.params);
  assertEquals(invalid?.stages?.["provenance"], { id: "task" });
});
