import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProcessProvider, type ResourceLimits } from "@agent-kernel/kernel/providers/process";
import { Kernel, PolicyError, Provider } from "@agent-kernel/kernel";
import { assertRejects } from "@std/assert";
import { strictest } from "../../../providers/process/limits.ts";
import { splitProgramLimits } from "../../../src/limits/program_limits.ts";
import { Workspace } from "../../workspace.ts";
import { NO_SANDBOX, Programs, SH } from "./programs.ts";

const PYTHON = "/usr/bin/python3 -c";
/** Each limit with a program that passes it, and one that stays within. */
const ROWS: readonly (readonly [limits: ResourceLimits, beyond: string, within: string])[] = [
  [
    { memory: 500_000_000 },
    `${PYTHON} 'b = bytearray(600_000_000)' 2>/dev/null && echo done`,
    `${PYTHON} 'b = bytearray(100_000_000)' && echo done`,
  ],
  [
    { fileSize: 1000 },
    `trap '' XFSZ; head -c 2000 /dev/zero > /tmp/limits.$$ && echo done; rm /tmp/limits.$$`,
    `head -c 1000 /dev/zero > /tmp/limits.$$ && echo done; rm /tmp/limits.$$`,
  ],
  [
    { openFiles: 16 },
    `${PYTHON} 'import os
for i in range(20): os.open("/", 0)' 2>/dev/null && echo done`,
    "echo done",
  ],
  [
    { cpuSeconds: 1 },
    `${PYTHON} 'while True: pass'; [ $? = 0 ] && echo done`,
    "echo done",
  ],
];

for (const sandbox of ["required", "off"] as const) {
  const missing = sandbox === "required" ? NO_SANDBOX : undefined;
  for (const [limits, beyond, within] of ROWS) {
    Deno.test({
      name: `a program is kept within ${JSON.stringify(limits)} (sandbox ${sandbox})${
        missing === undefined ? "" : ` (not run: ${missing})`
      }`,
      ignore: missing !== undefined,
      async fn() {
        await using programs = await Programs.open(() => ({}), { sandbox, limits });
        assertEquals((await programs.said(within)).stdout, "done\n");
        assertEquals((await programs.said(beyond)).stdout, "");
      },
    });
  }
}

Deno.test("the Worker may start prlimit only if there are limits and it can be without a sandbox", () => {
  const limits = { openFiles: 10 };
  const run = (options: ConstructorParameters<typeof ProcessProvider>[0]) =>
    new ProcessProvider(options).permissions.run;
  assertEquals(run({ sandbox: "off", limits }), [
    "/usr/bin/timeout",
    "/usr/bin/setpriv",
    "/usr/bin/prlimit",
  ]);
  assertEquals(run({ sandbox: "off", limits: {} }), ["/usr/bin/timeout", "/usr/bin/setpriv"]);
  assertEquals(run({ sandbox: "required", limits }), ["/usr/bin/bwrap", "/bin/sh"]);
});

Deno.test("without prlimit, no program runs that should be within limits", async () => {
  for (
    const sandbox of NO_SANDBOX === undefined ? ["required", "off"] as const : ["off"] as const
  ) {
    await using programs = await Programs.open(
      () => ({}),
      { sandbox, limits: { openFiles: 10 }, prlimit: "/usr/bin/dash" },
    );
    const { data } = await programs.sh("echo ran");
    assert(!JSON.stringify(data ?? null).includes("ran"), sandbox);
  }
});

Deno.test("limits that are none are refused", () => {
  const rows: [limits: unknown, message: RegExp][] = [
    [{ memory: 0 }, /"memory" is 0, expected a positive whole number/],
    [{ memory: "1 GiB" }, /"memory" is 1 GiB/],
    [{ cpuSeconds: 0.5 }, /"cpuSeconds" is 0\.5/],
    [{ threads: 1 }, /no limit "threads", expected one of memory, processes/],
  ];
  for (const [limits, message] of rows) {
    const error = assertThrows(
      () => new ProcessProvider({ limits: limits as ResourceLimits }),
      RangeError,
    );
    assert(message.test((error as Error).message), (error as Error).message);
  }
});

/** A kernel whose rule for the shell has these limits. */
function openWithRule(limits: object, options: ConstructorParameters<typeof ProcessProvider>[0]) {
  const rule = { id: "shell", action: "proc.exec", resource: SH, limits };
  return Programs.open(() => ({}), options, () => ({ policy: { capabilities: [rule] } }));
}

/** The same limits as a rule has them. */
const OF_A_RULE = [{ memory: "500MB" }, { file_size: "1KB" }, { open_files: 16 }, { cpu: "1s" }];
for (const sandbox of ["required", "off"] as const) {
  const missing = sandbox === "required" ? NO_SANDBOX : undefined;
  for (const [i, limits] of OF_A_RULE.entries()) {
    const [, beyond = "", within = ""] = ROWS[i] ?? [];
    Deno.test({
      name: `a program is kept within ${JSON.stringify(limits)} of its rule (sandbox ${sandbox})${
        missing === undefined ? "" : ` (not run: ${missing})`
      }`,
      ignore: missing !== undefined,
      async fn() {
        const prlimit = "/usr/bin/prlimit";
        await using programs = await openWithRule(limits, { sandbox, prlimit });
        assertEquals((await programs.said(within)).stdout, "done\n");
        assertEquals((await programs.said(beyond)).stdout, "");
      },
    });
  }
}

Deno.test("a rule can lower the limits of the provider, and not raise them", async () => {
  const rows = [[100, "64"], [32, "32"]] as const;
  for (const [open_files, expected] of rows) {
    const options = { sandbox: "off", limits: { openFiles: 64 } } as const;
    await using programs = await openWithRule({ open_files, calls: "9/session" }, options);
    assertEquals((await programs.said("ulimit -n")).stdout, `${expected}\n`);
  }
  assertEquals(strictest({ memory: 5, processes: 1 }, { memory: 3, openFiles: 2 }), {
    memory: 3,
    processes: 1,
    openFiles: 2,
  });
});

Deno.test("without a sandbox, and without the permission for prlimit, a rule's limits deny", async () => {
  await using programs = await openWithRule({ open_files: 16 }, { sandbox: "off" });
  const { status, code, error } = await programs.sh("echo ran");
  assertEquals([status, code], ["ERROR", "LIMITS_UNAVAILABLE"]);
  assert(error?.includes("give the provider the option prlimit"), error);
});

Deno.test("limits on programs are refused where nobody holds programs to them", async () => {
  using ws = new Workspace();
  const own = new Provider({
    name: "own",
    isolation: "none",
    actions: { "own.run": { kind: "name" } },
    execute: () => "ran",
  });
  const rule = { action: "own.run", resource: "*", limits: { memory: "1GiB", open_files: 9 } };
  const error = await assertRejects(
    () =>
      Kernel.open({
        policy: { capabilities: [rule] },
        providers: [own],
        logPath: ws.path("kernel.log"),
      }),
    PolicyError,
  );
  assertEquals(error.problems.map(({ place, message }) => [place, message]), [[
    "capabilities[0].limits",
    '"memory 1GiB, open_files 9" bounds programs, and the provider of own.run does not; expected a rule for proc.exec alone',
  ]]);
});

// deno-fmt-ignore -- a row is a line
const AMOUNTS: readonly { limits: object; expected?: ResourceLimits; problem?: string }[] = [
  { limits: { memory: "512MiB", processes: 3, cpu: "2min" }, expected: { memory: 536_870_912, processes: 3, cpuSeconds: 120 } },
  { limits: { memory: 1000 }, expected: { memory: 1000 } },
  { limits: { cpu: "1500ms" }, problem: "Expected a time of whole seconds like 30s" },
  { limits: { cpu: 0 }, problem: "Expected a time of whole seconds like 30s" },
  { limits: { memory: "0MiB" }, problem: "Expected a size like 512MiB" },
  { limits: { memory: "-1MiB" }, problem: "Expected a size like 512MiB" },
  { limits: { memory: "1.5GiB" }, problem: "Expected a size like 512MiB" },
  { limits: { memory: "999999999999999GiB" }, problem: "Expected a size like 512MiB" },
  { limits: { memory: "5constructor" }, problem: "Expected a size like 512MiB" },
  { limits: { file_size: null }, problem: "Expected a size like 512MiB" },
  { limits: { processes: "3" }, problem: "Expected a whole number of 1 or more" },
  { limits: { open_files: 2.5 }, problem: "Expected a whole number of 1 or more" },
  { limits: { open_files: [3] }, problem: "Expected a whole number of 1 or more" },
];
for (const { limits, expected, problem } of AMOUNTS) {
  Deno.test(`limits of a rule on its programs: ${JSON.stringify(limits)} is ${problem === undefined ? "taken" : "refused"}`, () => {
    const problems: string[] = [];
    const { program } = splitProgramLimits(limits, (_, message) => problems.push(message));
    assertEquals(problems, problem === undefined ? [] : [problem]);
    if (problem === undefined) assertEquals(program?.values, expected);
  });
}
