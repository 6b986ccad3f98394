/**
 * Runs the tests, and removes what they have left in `.tmp` if they passed: the examples in the
 * documentation leave folders. Arguments go to `deno test`; files among them are run whether slow or not.
 *
 *     deno task test [FILES]    all but those that take long
 *     deno task test:slow       those that take long
 */
import { ROOT } from "./workspace.ts";

/** What starts many processes, kills them again and again, or checks the whole package. */
const SLOW: readonly string[] = [
  "tests/bench/injection_test.ts",
  "tests/cli/odd_environments_test.ts",
  "tests/core/record/full_disk_test.ts",
  "tests/examples/examples_test.ts",
  "tests/examples/readme_test.ts",
  "tests/hooks/shell/real_bash_test.ts",
  "tests/package/adapters_test.ts",
  "tests/providers/mcp/real_servers_test.ts",
  "tests/reversible/model_kill_test.ts",
  "tests/reversible/model_test.ts",
  "tests/security/kill_reads_test.ts",
  "tests/security/kill_test.ts",
  "tests/security/limit_hammer_test.ts",
  "tests/testing/linked_project_test.ts",
];

/** What downloads agents, and the official suite of MCP; each has a task of its own. */
const OWN_TASKS = ["tests/clients", "tests/conformance"];

const slow = Deno.args.includes("--slow");
const args = Deno.args.filter((arg) => arg !== "--slow");
const namesFiles = args.some((arg) => !arg.startsWith("-"));

const { code } = await new Deno.Command("deno", {
  args: [
    ...["test", "-q", "--no-prompt", "-P=test", "--lock=tests/deno.lock", "--frozen"],
    ...["--parallel", "--reporter=dot"],
    ...(slow
      ? SLOW
      : namesFiles
      ? ["--doc"]
      : ["--doc", `--ignore=${[...SLOW, ...OWN_TASKS].join()}`]),
    ...args,
  ],
  cwd: ROOT,
  env: { DENO_JOBS: "4" },
}).spawn().status;
if (code === 0) {
  try {
    Deno.removeSync(`${ROOT}/.tmp`, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
Deno.exit(code);
