/** What a ledger in a folder needs of Deno's permissions. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { impliedPermissions, MemoryLimitStore } from "@agent-kernel/kernel";
import { denoRun } from "../cli/command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { policyOf, shop } from "./scene.ts";

function grants(ws: Workspace, limits: object, all: readonly object[] = []) {
  const { process: { allow } } = impliedPermissions({
    policy: policyOf(limits, all),
    providers: [shop().provider],
    logPath: ws.path("kernel.log"),
    limits: { path: ws.path("ledger") },
  });
  const has = (list: true | readonly string[]) => list !== true && list.includes(ws.path("ledger"));
  return [has(allow.read), has(allow.write)];
}

Deno.test("the folder of the ledger is granted to the process if the policy has limits, else not", () => {
  using ws = new Workspace();
  assertEquals(grants(ws, { calls: "1/day" }), [true, true]);
  assertEquals(grants(ws, {}, [{ action: "*", calls: "1/day" }]), [true, true]);
  assertEquals(grants(ws, {}), [false, false]);
});

Deno.test("limits are counted in a store or in a folder, not in both", () => {
  using ws = new Workspace();
  const limits = { store: new MemoryLimitStore(), path: ws.path("ledger") };
  const options = { policy: policyOf({}), logPath: ws.path("kernel.log"), limits };
  assertThrows(() => impliedPermissions(options), TypeError, "both a store and a path");
});

Deno.test("a kernel counts in a folder in a process with exactly the permissions that it implies", async () => {
  using ws = new Workspace();
  const options = `{
    policy: { capabilities: [{ id: "r", action: "a.b", resource: "**", limits: { calls: "1/day" } }] },
    providers: [new Provider({ name: "a", isolation: "none", actions: { "a.b": { kind: "name" } }, execute: () => 1 })],
    logPath: "${ws.path("kernel.log")}",
    limits: { path: "${ws.path("ledger")}" },
  }`;
  const main = ws.file(
    "main.ts",
    `import { impliedPermissions, Kernel, Provider } from "${ROOT}/mod.ts";
     const options = ${options};
     if (Deno.args.length > 0) console.log(JSON.stringify(impliedPermissions(options).flags));
     else {
       await using kernel = await Kernel.open(options);
       for (let i = 0; i < 2; i++) {
         const { status, error } = await kernel.submit({ action: "a.b", target: "x" });
         console.log(status, error ?? "");
       }
     }`,
  );
  const flags = await denoRun(["run", "-q", "--no-prompt", "--allow-read", main, "flags"]);
  const list = JSON.parse(flags.stdout || "[]");
  assert(list.length > 0, flags.stderr);
  const config = `--config=${ROOT}/deno.json`;
  const ended = await denoRun(["run", "-q", ...list, config, main]);
  assertEquals(
    ended.stdout.split("\n").map((line) => line.split(" ")[0]),
    ["OK", "DENIED", ""],
    ended.stdout + ended.stderr,
  );
});
