import { assertEquals, assertStringIncludes } from "@std/assert";
import { PROCESS_ACTIONS } from "../../src/actions/process.ts";
import { Kernel } from "../../src/open.ts";
import { Provider } from "../../src/worker/provider.ts";
import { Workspace } from "../workspace.ts";

/** Any program that the tests may run; it is not run. */
const SH = Deno.realPathSync("/bin/sh");

Deno.test("the kernel decides paths among arguments by their real paths", async (t) => {
  using ws = new Workspace();
  const work = ws.folder("work");
  for (const name of ["work/a", "work/secret/key", "outside/b"]) ws.file(name, "text");
  ws.folder("work/src");
  ws.folder("outside/deep");
  ws.link("work/out", "../outside");
  ws.link("work/innocent", "secret/key");
  ws.link("work/alias", "a");
  ws.link("work/src/deep", "../../outside/deep");
  const policy = (paths: object) => ({
    capabilities: [
      { id: "read", action: "fs.read", resource: [work, `${work}/**`] },
      { id: "cat", action: "proc.exec", resource: SH, paths },
    ],
    deny: [{ id: "secret", action: "fs.read", resource: `${work}/secret/**` }],
  });
  const runs: unknown[] = [];
  const provider = new Provider({
    name: "runner",
    isolation: "none",
    actions: PROCESS_ACTIONS,
    execute: ({ params }) => void runs.push(params["args"]),
  });
  const logPath = ws.path("kernel.log");
  await using kernel = await Kernel.open({
    policy: policy({ operands: "fs.read" }),
    providers: [provider],
    logPath,
    onWarning: () => {},
  });
  const cat = (...args: string[]) =>
    kernel.submit({ action: "proc.exec", target: SH, params: { args, cwd: work } });
  for (const word of ["a", "./a", "alias", `${work}/a`, "-", "nothing/there"]) {
    await t.step(`allows ${word}`, async () => assertEquals((await cat(word)).status, "OK"));
  }
  const before = runs.length;
  for (const word of ["out/b", "out", "innocent", "secret/key", "src/deep/../b", "/etc/passwd"]) {
    await t.step(`denies ${word}`, async () => {
      const { status, code } = await cat("a", word);
      assertEquals(status, "DENIED");
      assertEquals(code, word === "src/deep/../b" ? "ARGUMENT_DENIED" : "PATH_DENIED");
    });
  }
  assertEquals(runs.length, before);
  await t.step("names the word, its real path and the rule", async () => {
    const { error = "", details, rule } = await cat("innocent");
    assertStringIncludes(error, '"innocent" is ');
    assertStringIncludes(error, `${work}/secret/key`);
    assertEquals(rule, "cat");
    assertEquals(details, {
      word: "innocent",
      path: `${work}/secret/key`,
      action: "fs.read",
      code: "DENY_RULE",
      rule: "secret",
    });
    const records = Deno.readTextFileSync(logPath).trimEnd().split("\n");
    assertEquals(JSON.parse(records.at(-1) ?? "").code, "PATH_DENIED");
  });
  await t.step("decides by the policy that is in force", async () => {
    await kernel.reload(policy({}));
    assertEquals((await cat("/etc/passwd")).status, "OK");
    await kernel.reload(policy({ operands: "fs.read" }));
    assertEquals((await cat("/etc/passwd")).code, "PATH_DENIED");
  });
});
