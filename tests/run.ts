/**
 * Runs the tests, and removes what they have left in `.tmp` if they passed: the examples in the
 * documentation leave folders. Arguments go to `deno test`.
 *
 *     deno task test [FILES]
 */
import { ROOT } from "./workspace.ts";

const { code } = await new Deno.Command("deno", {
  args: [
    ...["test", "-q", "--no-prompt", "-P=test", "--lock=tests/deno.lock", "--frozen"],
    ...["--doc", "--parallel", "--reporter=dot"],
    ...Deno.args,
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
