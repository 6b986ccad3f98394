/**
 * Everything that CI checks, one after the other, all of it also after a failure:
 *
 *     deno task ok [--but-tests]
 */

/** Lines of code that the tests have to reach. What runs in Workers and other processes does not count. */
const COVERAGE_PERCENT = 80;

const STEPS: readonly [name: string, args: readonly string[]][] = [
  ["format", ["fmt", "--check", "-q"]],
  ["lint", ["lint", "-q"]],
  ["types, by the versions of the lock file", [
    "check",
    "-q",
    "--lock=tests/deno.lock",
    "--frozen",
    "mod.ts",
    "src/",
    "providers/",
    "tests/",
    "bench/",
    "examples/",
    "links/",
  ]],
  ["documentation of what is exported", [
    "doc",
    "--lint",
    "-q",
    "mod.ts",
    "src/adapters/tool_gate.ts",
    "src/agent/mod.ts",
    "src/worker/mod.ts",
    "src/reversible/mod.ts",
    "src/testing/mod.ts",
    "providers/filesystem/mod.ts",
    "providers/http/mod.ts",
    "providers/process/mod.ts",
    "providers/mcp/mod.ts",
  ]],
  ["benchmarks compile", ["bench", "-q", "--no-run"]],
  ["package can be published", ["publish", "-q", "--dry-run", "--allow-dirty"]],
  ["tests, with coverage", [
    "task",
    "-q",
    "test",
    "--coverage=coverage",
    `--coverage-threshold=${COVERAGE_PERCENT}`,
  ]],
  ["slow tests", ["task", "-q", "test:slow"]],
];

const failed: string[] = [];
// CI has run the tests already.
const steps = Deno.args.includes("--but-tests")
  ? STEPS.filter(([, [command]]) => command !== "task")
  : STEPS;
for (const [name, args] of steps) {
  const { success, stdout, stderr } = new Deno.Command("deno", { args: [...args] }).outputSync();
  console.log(`${success ? "ok  " : "FAIL"}  ${name}  (deno ${args[0]})`);
  if (success) continue;
  failed.push(name);
  const text = new TextDecoder();
  console.log(`${text.decode(stdout)}\n${text.decode(stderr)}`.split("\n").slice(-80).join("\n"));
}
console.log(`${steps.length - failed.length} passed, ${failed.length} failed`);
Deno.exit(failed.length === 0 ? 0 : 1);
