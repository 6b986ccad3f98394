import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProcessProvider, type ResourceLimits } from "@agent-kernel/kernel/providers/process";
import { NO_SANDBOX, Programs } from "./programs.ts";

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
  assertEquals(run({ sandbox: "off", limits }), ["/usr/bin/timeout", "/usr/bin/prlimit"]);
  assertEquals(run({ sandbox: "off", limits: {} }), ["/usr/bin/timeout"]);
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
