import { assert, assertEquals, assertMatch } from "@std/assert";
import { NOTHING, toWorkerOptions } from "../../src/core/isolation/permission_set.ts";
import { toFlags } from "../../src/launch/flags.ts";
import { Workspace } from "../workspace.ts";

const NO_DENY = { read: [], write: [], net: [] };
const LOCK = '{"version":"5"}\n';

/** Has a Worker without permissions import a package, and tells what the registry was asked for. */
async function importsInWorker(without?: string) {
  using ws = new Workspace();
  const flags = toFlags({ allow: { ...NOTHING, read: [ws.root] }, deny: NO_DENY })
    .filter((flag) => flag !== without);
  const asked: string[] = [];
  await using registry = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      asked.push(new URL(request.url).pathname);
      return Response.json({
        name: "secret-in-a-name",
        "dist-tags": { latest: "1.0.0" },
        versions: {
          "1.0.0": {
            name: "secret-in-a-name",
            version: "1.0.0",
            dist: { tarball: "", shasum: "" },
          },
        },
      });
    },
  );
  ws.file("deno.json", "{}");
  ws.file("deno.lock", LOCK);
  ws.file(
    "worker.ts",
    `const name = ["npm:", "secret-in-a-name"].join("");
try { await import(name); } catch (error) { self.postMessage(String(error)); }`,
  );
  const main = ws.file(
    "main.ts",
    `const permissions = ${JSON.stringify(toWorkerOptions(NOTHING))};
const url = new URL("./worker.ts", import.meta.url);
const worker = new Worker(url, { type: "module", deno: { permissions } });
worker.onmessage = ({ data }) => { console.log(data); worker.terminate(); };`,
  );
  const { stdout } = await new Deno.Command("deno", {
    args: ["run", "-q", ...flags, main],
    env: {
      NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}/`,
      DENO_DIR: ws.path("cache"),
    },
  }).output();
  const lock = Deno.readTextFileSync(ws.path("deno.lock"));
  return { asked, lock, error: new TextDecoder().decode(stdout) };
}

Deno.test("with the kernel's flags, no Worker without permissions reaches the npm registry by an import", async () => {
  const { asked, lock, error } = await importsInWorker();
  assertMatch(error, /cached-only/);
  assertEquals([asked, lock], [[], LOCK]);
});

Deno.test("without --cached-only, Deno lets a Worker without permissions ask the npm registry", async () => {
  const { asked } = await importsInWorker("--cached-only");
  assert(asked.includes("/secret-in-a-name"), JSON.stringify(asked));
});
