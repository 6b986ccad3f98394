/**
 * A policy as an object, for programs that build theirs.
 *
 *     deno run -P=examples examples/02_policy/inline_policy.ts
 */
import { Kernel } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "projects/alpha/plan.md": "alpha",
  "projects/beta/plan.md": "beta",
});
const { root } = workspace;

/** Each agent gets the folder of its own project. */
function policyFor(project: string): object {
  return {
    capabilities: [{
      id: `${project}-files`,
      action: ["fs.read", "fs.list"],
      resource: `${root}/projects/${project}/**`,
    }],
  };
}

for (const project of ["alpha", "beta"]) {
  await using kernel = await Kernel.open({
    policy: policyFor(project),
    providers: [new FilesystemProvider()],
    logPath: `${root}/${project}.log`,
  });
  const { status, rule = "none" } = await kernel.submit({
    action: "fs.read",
    target: `${root}/projects/alpha/plan.md`,
  });
  console.log(`an agent of ${project} reads alpha's plan: ${status} (rule: ${rule})`);
}
