/** What it takes to be there: processes, kernels, Workers. */
import { FilesystemProvider } from "../providers/filesystem/mod.ts";
import { expect, makeFolder, openKernel, ROOT } from "./fixture.ts";
import { workload } from "./workload.ts";

const root = makeFolder();
Deno.mkdirSync(`${root}/data`);
Deno.writeTextFileSync(`${root}/data/a.txt`, "x".repeat(2400));
Deno.writeTextFileSync(`${root}/empty.ts`, "");
Deno.writeTextFileSync(
  `${root}/policy.yaml`,
  `capabilities:\n  - action: fs.read\n    resource: ${root}/data/**\n`,
);
const capabilities = [{ action: "fs.read", resource: `${root}/data/**` }];
const read = { action: "fs.read", target: `${root}/data/a.txt` };

async function run(...args: string[]): Promise<void> {
  const command = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", ...args],
    cwd: ROOT,
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const CLI = ["-P=cli", "--lock=src/cli/deno.lock", "--frozen", "src/cli/main.ts"];
const policy = ["--policy", `${root}/policy.yaml`];
const COMMANDS: readonly [string, readonly string[]][] = [
  ["deno run of an empty module, for comparison", [`${root}/empty.ts`]],
  ["agent-kernel version", [...CLI, "version"]],
  ["agent-kernel --help", [...CLI, "--help"]],
  ["agent-kernel validate-policy", [...CLI, "validate-policy", ...policy]],
  ["agent-kernel submit (starts itself again with the flags of the policy)", [
    ...[...CLI, "submit", ...policy, "--log-path", `${root}/cli.log`],
    ...["--action", read.action, "--target", read.target],
  ]],
];
for (const [name, args] of COMMANDS) {
  workload({
    group: "start-up",
    name,
    baseline: name.includes("comparison"),
    ops: 2,
    iterations: 5,
    op: () => run(...args),
  });
}
const SERVED = [...policy, "--log-path", `${root}/served.log`];
workload({
  group: "start-up",
  name: "agent-kernel submit, asking a kernel that is being served",
  ops: 2,
  iterations: 5,
  before: () => serve(...SERVED),
  op: () => run(...CLI, "submit", ...SERVED, "--action", read.action, "--target", read.target),
});

/** Serves a kernel until the benchmarks end. */
async function serve(...args: string[]): Promise<void> {
  const server = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", ...CLI, "serve", ...args],
    cwd: ROOT,
    stderr: "piped",
  }).spawn();
  globalThis.addEventListener("unload", () => server.kill());
  const text = new TextDecoder();
  let said = "";
  for await (const piece of server.stderr) {
    said += text.decode(piece, { stream: true });
    if (said.includes(": serving ")) return;
  }
  throw new Error(said);
}

workload({
  group: "start-up",
  name: "Kernel.open and close",
  ops: 10,
  op: async () => await (await openKernel(root, capabilities)).close(),
});
workload({
  group: "start-up",
  name: "the same with the first fs.read: a Worker starts",
  ops: 5,
  async op() {
    await using kernel = await openKernel(root, capabilities, {
      providers: [new FilesystemProvider()],
    });
    await expect(kernel, read, "OK");
  },
});
