/**
 * What holds a program: the policy its arguments, the deadline its time, a sandbox its files.
 *
 *     deno run -P=examples examples/05_providers/process_bounds.ts
 */
import { type ActionRequest, Kernel } from "@agent-kernel/kernel";
import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({ "data/names.txt": "eve\nbob\n" });
const { root } = workspace;

await using kernel = await Kernel.open({
  policy: {
    text: `
capabilities:
  - { action: fs.read, resource: ${root}/data/** }
  - id: sort-data
    action: proc.exec
    resource: sort
    # What may be said, not what may not: -o writes a file, and so do -ro and --out=.
    constraint: { args: { each: { glob: ["-[nru]", "${root}/data/*"] } } }
  - { action: proc.exec, resource: [sleep, wc] }
`,
  },
  providers: [new ProcessProvider({ sandbox: "required" })],
  logPath: `${root}/kernel.log`,
  onWarning: () => {},
});

const rows: [what: string, target: string, params: NonNullable<ActionRequest["params"]>][] = [
  ["a file that a rule allows to read", "sort", { args: [`${root}/data/names.txt`] }],
  ["a near miss of an abuse", "sort", { args: ["-r"], stdin: "9\n10\n" }],
  ["an abuse", "sort", { args: ["-o", `${root}/x`] }],
  ["the same in other words", "sort", { args: [`-ro${root}/x`] }],
  ["a program that the sandbox shows no other file", "wc", { args: ["-c", "/etc/passwd"] }],
  ["more time than it was given", "sleep", { args: ["60"], timeout: 0.2 }],
];
for (const [what, target, params] of rows) {
  const { status, data, error } = await kernel.submit({ action: "proc.exec", target, params });
  const { stdout = "", stderr = "" } = Object(data);
  console.log(`${what}:`, status, error ?? JSON.stringify(stdout + stderr));
}
