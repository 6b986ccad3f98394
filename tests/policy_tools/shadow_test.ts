/** Shadow mode: what is tried is recorded, and refuses nothing. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Kernel, type KernelOptions, Provider } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { STANDARD_ACTIONS } from "../../src/actions/standard.ts";
import { decide } from "../../src/core/policy/decide.ts";
import type { World } from "../../src/core/resource/world.ts";
import { readPolicy } from "../../src/policy_tools/read.ts";
import { FLAT, problemsOf } from "../core/policy/deciding.ts";
import { Workspace } from "../workspace.ts";

async function open(ws: Workspace, policy: object, options: Partial<KernelOptions> = {}) {
  const warnings: string[] = [];
  const kernel = await Kernel.open({
    policy,
    providers: [
      new FilesystemProvider({ isolation: "none" }),
      new Provider({
        name: "shop",
        isolation: "none",
        actions: { "shop.pay": { kind: "name" } },
        execute: () => "paid",
      }),
    ],
    logPath: ws.path("kernel.log"),
    onWarning: (line) => warnings.push(line),
    ...options,
  });
  return { kernel, warnings };
}

function recorded(ws: Workspace): unknown[] {
  return Deno.readTextFileSync(ws.path("kernel.log")).trim().split("\n").map((line) => {
    const { status, code, stages } = JSON.parse(line);
    const { error: _, ...shadow } = stages?.shadow ?? {};
    return [status, code ?? null, shadow];
  });
}

Deno.test("a policy in shadow mode lets everything through, and records what it would have refused", async () => {
  using ws = new Workspace();
  ws.file("in/a.txt", "a");
  ws.file("in/secret", "s");
  ws.file("out/b.txt", "b");
  // It needs the permissions to do everything, which a test has not.
  const script = new URL("./fixtures/shadow_run.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: ["run", "-q", "-A", "--unstable-worker-options", script, ws.root],
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  const { results, warnings } = JSON.parse(text.decode(stdout));
  assert(warnings.join().includes("shadow mode of the whole policy"), warnings.join());
  assertEquals(results, [
    ["OK", "in"],
    ["OK", "shadow: any path"],
    ["OK", "in"],
    ["OK", "pay"],
    ["OK", "shadow: any name"],
    ["OK", "shadow: any path"],
    ["DENIED", "kernel:audit-log"],
    ["ERROR", null],
  ]);
  assertEquals(recorded(ws), [
    ["OK", null, {}],
    ["OK", null, { would: "deny", code: "NO_RULE" }],
    ["OK", null, { would: "deny", code: "DENY_RULE", rule: "no" }],
    ["OK", null, { would: "approve", rule: "pay" }],
    ["OK", null, { would: "deny", code: "CONSTRAINT_UNMET" }],
    ["OK", null, { would: "deny", code: "NO_RULE" }],
    ["DENIED", "GUARDED", {}],
    ["INVALID", "INVALID_TARGET", {}],
  ]);
});

Deno.test("a rule in shadow mode refuses nothing, and all others do what they did", async () => {
  using ws = new Workspace();
  ws.file("in/a.txt", "a");
  ws.file("in/b.txt", "b");
  {
    const { kernel } = await open(ws, {
      capabilities: [
        { action: "fs.read", resource: ws.path("in/**") },
        {
          id: "pay",
          action: "shop.pay",
          resource: "**",
          constraint: { amount: 5 },
          mode: "shadow",
        },
      ],
      deny: [
        { action: "fs.read", resource: ws.path("in/a.txt"), mode: "shadow" },
        { action: "fs.read", resource: ws.path("in/b.txt") },
      ],
    });
    await using _ = kernel;
    const codes = [
      await kernel.submit({ action: "fs.read", target: ws.path("in/a.txt") }),
      await kernel.submit({ action: "fs.read", target: ws.path("in/b.txt") }),
      await kernel.submit({ action: "shop.pay", target: "x", params: { amount: 6 } }),
      await kernel.submit({ action: "fs.read", target: ws.path("out") }),
    ].map(({ status, rule }) => [status, rule]);
    assertEquals(codes, [
      ["OK", "capabilities[0]"],
      ["DENIED", "deny[1]"],
      ["OK", "pay (shadow)"],
      ["DENIED", undefined],
    ]);
  }
  assertEquals(recorded(ws).map((one) => (one as unknown[])[2]), [
    { would: "deny", code: "DENY_RULE", rule: "deny[0]" },
    {},
    { would: "deny", code: "CONSTRAINT_UNMET" },
    {},
  ]);
});

Deno.test("a rule in shadow mode refuses nothing because of where values come from, and asks nobody", async () => {
  using ws = new Workspace();
  {
    const { kernel } = await open(ws, {
      capabilities: [
        {
          id: "pay",
          action: "shop.pay",
          resource: "**",
          target: { from: ["prompt"] },
          constraint: { a: { from: ["prompt"] }, b: "y" },
          optional: { c: { links: "none" } },
          together: ["a", "b"],
          params: "only",
          otherwise: "ask",
          mode: "shadow",
        },
      ],
    });
    await using _ = kernel;
    const { status, rule } = await kernel.submit({
      action: "shop.pay",
      target: "x",
      params: { d: 1 },
    });
    assertEquals([status, rule], ["OK", "pay (shadow)"]);
  }
  assertEquals(recorded(ws), [["OK", null, { would: "deny", code: "CONSTRAINT_UNMET" }]]);
});

Deno.test("the examples of a policy in shadow mode speak of what is tried", () => {
  const example = { action: "fs.read", target: "/w/a", expect: "deny" };
  const policy = { mode: "shadow", capabilities: [], examples: [example] };
  assertEquals(problemsOf(policy), []);
  const [problem] = problemsOf({ ...policy, examples: [{ ...example, expect: "allow" }] });
  assertStringIncludes(problem?.message ?? "", "Expects allow");
});

Deno.test("an example can expect that somebody is asked", () => {
  const rule = { id: "pay", action: "shop.pay", resource: "**", approval: "required" };
  const example = { action: "shop.pay", target: "x", expect: "approve", rule: "pay" };
  const policy = { capabilities: [rule], examples: [example] };
  assertEquals(problemsOf(policy), []);
  for (const expect of ["allow", "deny"]) {
    const [problem] = problemsOf({ ...policy, examples: [{ ...example, expect }] });
    assertStringIncludes(problem?.message ?? "", "but it is approve");
  }
});

Deno.test("a mode that is none is refused, where it stands", () => {
  const rule = { action: "fs.read", resource: "/a", mode: "silent" };
  const problems = problemsOf({ mode: 1, capabilities: [rule], deny: [rule] });
  assertEquals(problems.map(({ place }) => place), [
    "mode",
    "capabilities[0].mode",
    "deny[0].mode",
  ]);
});

Deno.test("mode: enforce is the default, and a stage of the host cannot put verdicts on record", async () => {
  using ws = new Workspace();
  const { kernel } = await open(ws, { mode: "enforce", capabilities: [] }, {
    stages: [{ name: "shadow", enter: () => ({ fields: { would: "allow" } }) }],
  });
  await using _ = kernel;
  const { code } = await kernel.submit({ action: "fs.read", target: ws.path("kernel.log") });
  assertEquals(code, "NO_RULE");
});

Deno.test("a rule that is tried takes nothing from the rules after it: they ask, and they count", async () => {
  using ws = new Workspace();
  const tried = { id: "trusted", action: "shop.pay", resource: "vendors/**", agent: "boss" };
  const pay = { id: "pay", action: "shop.pay", resource: "vendors/**" };
  const request = { action: "shop.pay", target: "vendors/x", agent: "buyer" };
  for (const mode of ["enforce", "shadow"]) {
    const { kernel } = await open(ws, {
      capabilities: [{ ...tried, mode }, { ...pay, approval: "required" }],
    }, { logPath: ws.path(`${mode}-asks.log`) });
    await using _ = kernel;
    assertEquals((await kernel.submit(request)).code, "APPROVAL_UNAVAILABLE", mode);
    assertEquals((await kernel.submit({ ...request, agent: "boss" })).rule, "trusted");
    const { kernel: counting } = await open(ws, {
      capabilities: [{ ...tried, mode }, { ...pay, limits: { calls: "1/day" } }],
    }, { logPath: ws.path(`${mode}-counts.log`) });
    await using __ = counting;
    const statuses = [await counting.submit(request), await counting.submit(request)];
    assertEquals(statuses.map(({ status }) => status), ["OK", "DENIED"], mode);
  }
});

Deno.test("a policy in shadow mode lets programs through, as far as they are found by name", () => {
  const world: World = {
    ...FLAT,
    searchPath: ["/bin"],
    list: (folder) => folder === "/bin" ? ["sh", "ls"] : [],
    typeOf: () => "executable",
  };
  const policy = readPolicy({ mode: "shadow", capabilities: [] }, {
    world,
    actions: STANDARD_ACTIONS,
  });
  const effect = (target: string) =>
    decide(policy, { action: "proc.exec", target, params: { args: [] } }).effect;
  assertEquals(effect("/bin/sh"), "allow");
  assertEquals(effect("/opt/elsewhere/sh"), "deny");
});
