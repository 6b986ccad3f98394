/**
 * The demo: what stands between an agent and the world, in five seconds.
 *
 *     deno task demo
 *
 * This process prepares a workspace, and plays the model: a real HTTP server with a script. The agent
 * and its kernel run in a second process, started with the Deno permissions that the policy implies,
 * and the address of the model.
 */
import { impliedPermissions } from "@agent-kernel/kernel";
import { ScriptedModel } from "@agent-kernel/kernel/testing";
import { dirname, fromFileUrl } from "@std/path";
import { SCRIPT } from "./script.ts";
import { optionsFor } from "./story.ts";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));
Deno.mkdirSync(`${ROOT}/.tmp`, { recursive: true });
const workspace = Deno.makeTempDirSync({ dir: `${ROOT}/.tmp`, prefix: "demo-" });
await using model = ScriptedModel.start(SCRIPT);
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
  const flags = [
    ...impliedPermissions(optionsFor(workspace)).flags,
    `--allow-net=${new URL(model.baseURL).host}`,
  ];
  console.log(
    "The agent's process is started with what its policy implies, and its model's address:\n",
  );
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
      `--lock=${ROOT}/examples/demo/deno.lock`,
      "--frozen",
      ...flags,
      `${ROOT}/examples/demo/story.ts`,
      workspace,
      model.baseURL,
    ],
  });
  ({ code } = await child.spawn().status);
} finally {
  Deno.removeSync(workspace, { recursive: true });
}
Deno.exit(code);
