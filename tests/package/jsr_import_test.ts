import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { denoRun, type Ended } from "../cli/command_line.ts";
import { verifyAuditLog } from "../../mod.ts";
import { VERSION } from "../../src/version.ts";
import { logFiles, Workspace } from "../workspace.ts";
import { type Registry, startRegistry } from "./jsr_registry.ts";

const CONSUMER = `
import { Kernel } from "jsr:@agent-kernel/kernel";
import { FilesystemProvider } from "jsr:@agent-kernel/kernel/providers/filesystem";

const [root] = Deno.args;
await using kernel = await Kernel.open({
  policy: root + "/policy.yaml",
  logPath: root + "/kernel.log",
  providers: [new FilesystemProvider()],
});
const results = [];
for (const target of [root + "/data/note.txt", "/etc/passwd"]) {
  results.push(await kernel.submit({ action: "fs.read", target }));
}
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(results)));
`;

const POLICY = "capabilities:\n  - { action: fs.read, resource: ./data/** }\n";

/** The project of somebody who installs the package. */
function project(ws: Workspace): void {
  ws.file("deno.json", JSON.stringify({ unstable: ["worker-options"], lock: false }));
  ws.file("consumer.ts", CONSUMER);
  ws.file("policy.yaml", POLICY);
  ws.file("data/note.txt", "hello");
  ws.folder("deno_dir");
}

/** Runs `deno` in the project with a cache of its own and the registry as JSR. */
async function inProject(
  ws: Workspace,
  { url }: Registry,
  args: readonly string[],
  folder = "",
): Promise<Ended> {
  // npm packages may come from the cache of this machine, modules of JSR must not.
  const { stdout } = await denoRun(["info", "--json"]);
  const { npmCache } = JSON.parse(stdout);
  if (Array.from(Deno.readDirSync(ws.path("deno_dir"))).length === 0) {
    ws.link("deno_dir/npm", npmCache);
  }
  const env = { JSR_URL: url, DENO_DIR: ws.path("deno_dir") };
  return await denoRun(args, { cwd: ws.path(folder), env });
}

/** The permissions that the policy implies when nothing of the package is on the disk. */
function flags(ws: Workspace): string[] {
  const own = logFiles(ws.path("kernel.log"));
  return [
    "--no-prompt",
    `--allow-read=${[ws.path("data"), ...own, ws.path("policy.yaml")].join(",")}`,
    `--allow-write=${own.join(",")}`,
  ];
}

Deno.test("a kernel imported from JSR acts through a Worker that is loaded from there, too", async () => {
  using ws = new Workspace();
  await using registry = startRegistry();
  project(ws);
  const { code, stdout, stderr } = await inProject(ws, registry, [
    ...["run", "-q", ...flags(ws), "consumer.ts", ws.root],
  ]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const [read, denied] = JSON.parse(stdout);
  assertEquals([read.status, read.data, read.rule], ["OK", "hello", "capabilities[0]"]);
  assertEquals(denied.status, "DENIED");
  assertEquals((await verifyAuditLog(ws.path("kernel.log"))).records, 2);
  const base = `/@agent-kernel/kernel/${VERSION}`;
  for (const path of ["mod.ts", "providers/filesystem/worker.ts", "src/worker/runtime.ts"]) {
    assert(registry.served.has(`${base}/${path}`), path);
  }
  for (const name of ["yaml", "path"]) {
    assert(registry.served.has(`/@std/${name}/meta.json`), name);
  }
});

Deno.test("the command line started from JSR acts under the policy's permissions", async () => {
  using ws = new Workspace();
  await using registry = startRegistry();
  project(ws);
  const { code, stdout, stderr } = await inProject(ws, registry, [
    ...["run", "-q", "--no-prompt", "--allow-read", "--allow-run=deno"],
    ...["jsr:@agent-kernel/kernel/cli", "submit", "--policy", "policy.yaml", "--action", "fs.read"],
    ...["--target", ws.path("data/note.txt"), "--log-path", "kernel.log"],
  ]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(JSON.parse(stdout).data, "hello");
});

Deno.test("the command line from JSR does not load what a deno.json beside it maps in", async () => {
  using ws = new Workspace();
  await using registry = startRegistry();
  project(ws);
  // A folder in which an agent works, with a deno.json that the agent wrote.
  const evil = ws.file("evil/evil.ts", 'throw new Error("evil code runs");');
  const imports = {
    "jsr:@std/path@^1.0.0": evil,
    "jsr:@std/yaml@^1.0.0": evil,
    [`${registry.url}@agent-kernel/kernel/${VERSION}/src/version.ts`]: evil,
  };
  ws.file("evil/deno.json", JSON.stringify({ imports }));
  const { stdout, stderr } = await inProject(ws, registry, [
    ...["run", "-q", "--no-config", "--no-prompt", "--allow-read", "--allow-run=deno"],
    ...["jsr:@agent-kernel/kernel/cli", "submit", "--policy", ws.path("policy.yaml")],
    ...["--action", "fs.read", "--target", ws.path("data/note.txt")],
    ...["--log-path", ws.path("kernel.log")],
  ], "evil");
  assertEquals(stderr.includes("evil code runs"), false, stderr);
  assertStringIncludes(stdout, '"OK"');
});
