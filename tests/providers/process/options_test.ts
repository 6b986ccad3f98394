import { assertEquals, assertThrows } from "@std/assert";
import { type ProcessOptions, ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { Programs } from "./programs.ts";

// deno-fmt-ignore -- a row is a line
const REFUSED: readonly (readonly [options: unknown, message: string])[] = [
  [{ sandbox: "on" }, 'sandbox is "on", expected "auto", "required" or "off"'],
  [{ network: true }, 'network is "true", expected "policy", "none" or "host"'],
  [{ network: "none", sandbox: "off" }, "expected a sandbox"],
  [{ home: "home" }, 'home has "home"'],
  [{ home: "/" }, 'home has "/"'],
  [{ cgroup: "agent-kernel" }, 'cgroup has "agent-kernel"'],
  [{ cgroup: "/sys/fs/cgroup/a", sandbox: "off" }, "expected a sandbox"],
  [{ stdoutShare: 1.1 }, "stdoutShare is 1.1"],
  [{ stdoutShare: NaN }, "stdoutShare is NaN"],
  [{ maxEntries: -1 }, "maxEntries is -1"],
  [{ bubblewrap: "bwrap" }, 'bubblewrap has "bwrap"'],
  [{ supervisor: "../timeout" }, 'supervisor has "../timeout"'],
  [{ systemPaths: ["/"] }, 'systemPaths has "/"'],
  [{ systemPaths: ["/usr/../etc"] }, 'systemPaths has "/usr/../etc"'],
  [{ systemPaths: ["/usr/"] }, 'systemPaths has "/usr/"'],
  [{ env: { "LD_*": "a" } }, '"LD_*" is no name of a variable'],
  [{ env: { A: "a\0b" } }, '"A" is no text without NUL'],
  [{ inheritEnv: ["PYTHON*"] }, '"PYTHON*" is no name of a variable'],
  [{ deadlineMs: 0 }, "deadlineMs is 0"],
];

for (const [options, message] of REFUSED) {
  Deno.test(`new ProcessProvider(${JSON.stringify(options)}) is refused`, () => {
    const error = assertThrows(() => new ProcessProvider(options as ProcessOptions), RangeError);
    assertEquals((error as Error).message.includes(message), true, (error as Error).message);
  });
}

Deno.test("proc.exec without supervisor ends the program itself", async () => {
  await using programs = await Programs.open(() => ({}), { sandbox: "off", supervisor: false });
  assertEquals((await programs.sh("exec sleep 600", { timeout: 0.2 })).code, "DEADLINE_EXCEEDED");
  assertEquals(programs.warnings.filter((line) => line.includes("supervisor")), []);
});

Deno.test("proc.exec says once that what should be the supervisor is none", async () => {
  await using programs = await Programs.open(() => ({}), {
    sandbox: "off",
    supervisor: "/usr/bin/dash",
  });
  assertEquals((await programs.said("echo a")).stdout, "a\n");
  assertEquals((await programs.said("echo b")).stdout, "b\n");
  assertEquals(programs.warnings.filter((line) => line.includes("no supervisor")).length, 1);
});
