/**
 * A policy as a file: relative to its folder, with variables, deny rules and examples that are
 * checked when it is loaded. And what the error says when it is wrong.
 *
 *     deno run -P=examples examples/02_policy/yaml_policy.ts
 */
import { Kernel, PolicyError } from "@agent-kernel/kernel";
import { FilesystemProvider } from "@agent-kernel/kernel/providers/filesystem";
import { Workspace } from "../workspace.ts";

using workspace = new Workspace({
  "docs/readme.md": "# Read me",
  "docs/draft.md": "# Not yet",
  "policy.yaml": `
version: 1
variables:
  DOCS: docs
capabilities:
  - id: docs
    action: fs.read
    resource: ./\${DOCS}/**
deny:
  - id: drafts
    action: fs.*
    resource: ./\${DOCS}/draft.*
    reason: drafts are not finished
examples:
  - { action: fs.read, target: docs/readme.md, expect: allow, rule: docs }
  - { action: fs.read, target: docs/draft.md, expect: deny, rule: drafts }
`,
  "wrong.yaml": `
capabilities:
  - action: fs.raed
    resource: ./docs/**
  - action: fs.read
    resource: ./docs/../**
    constrain: { encoding: utf-8 }
`,
});
const { root } = workspace;
const options = {
  providers: [new FilesystemProvider()],
  logPath: `${root}/kernel.log`,
  base: root,
};

{
  await using kernel = await Kernel.open({ ...options, policy: `${root}/policy.yaml` });
  for (const target of ["docs/readme.md", "docs/draft.md"]) {
    const { status, error = "" } = await kernel.submit({ action: "fs.read", target });
    console.log(target, status, error);
  }
}

try {
  await Kernel.open({ ...options, policy: `${root}/wrong.yaml` });
} catch (error) {
  if (!(error instanceof PolicyError)) throw error;
  console.log(error.message.replaceAll(root, "…"));
}
