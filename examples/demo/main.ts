/**
 * The demo: what stands between an agent and the world, in five seconds.
 *
 *     deno task demo
 *
 * This process only prepares a workspace. What the kernel does happens in a second process, started
 * with the Deno permissions that the policy implies.
 */
import { impliedPermissions } from "@agent-kernel/kernel";
import { dirname, fromFileUrl } from "@std/path";
import { optionsFor } from "./story.ts";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));
Deno.mkdirSync(`${ROOT}/.tmp`, { recursive: true });
const workspace = Deno.makeTempDirSync({ dir: `${ROOT}/.tmp`, prefix: "demo-" });
let code = 1;
try {
  Deno.mkdirSync(`${workspace}/data/output`, { recursive: true });
  Deno.writeTextFileSync(
    `${workspace}/data/sales.csv`,
    "region,amount\nnorth,1200\nsouth,800\nnorth,300\n",
  );
  Deno.writeTextFileSync(
    `${workspace}/policy.yaml`,
    `capabilities:
  - id: read-data
    action: [fs.read, fs.list]
    resource: ./data/**
  - id: write-output
    action: fs.write
    resource: ./data/output/**
    constraint: { content: { max_bytes: 10KiB } }
  - action: demo.escape
    resource: "*"
deny:
  - action: fs.*
    resource: ./data/private/**
    reason: personal data is not for agents
`,
  );
  new Deno.Command("ln", { args: ["-s", "/etc/passwd", `${workspace}/data/notes.txt`] })
    .outputSync();
  const { flags } = impliedPermissions(optionsFor(workspace));
  console.log("The kernel's process is started with what its policy implies, and nothing else:\n");
  console.log(
    `  deno run ${
      flags.join(" \\\n    ").replaceAll(`${workspace}/`, "…/").replaceAll(ROOT, ".")
    }\n`,
  );
  const child = new Deno.Command("deno", {
    args: [
      "run",
      "-q",
      `--config=${ROOT}/deno.json`,
      ...flags,
      `${ROOT}/examples/demo/story.ts`,
      workspace,
    ],
  });
  ({ code } = await child.spawn().status);
} finally {
  Deno.removeSync(workspace, { recursive: true });
}
Deno.exit(code);
