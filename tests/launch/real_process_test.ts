import { load } from "../core/policy/deciding.ts";
import { assert, assertEquals } from "@std/assert";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import { toDenoJson, toFlags } from "../../src/launch/flags.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { Workspace } from "../workspace.ts";

const FILES = {
  actions: ["fs.read", "fs.list", "fs.stat", "fs.write", "fs.delete", "fs.mkdir", "fs.move"],
};
const HTTP = { actions: ["net.http"] };
const EXEC = { actions: ["proc.exec"] };

/** Does what it is asked and tells how each attempt ended. */
const CHILD = `
const attempts = JSON.parse(Deno.args[0]);
const results = [];
for (const [what, value] of attempts) {
  try {
    if (what === "read") Deno.readTextFileSync(value);
    else if (what === "write") Deno.writeTextFileSync(value, "x");
    else if (what === "run") new Deno.Command(value).outputSync();
    else if (what === "fetch") await (await fetch(value)).text();
    else results.push(Deno.permissions.querySync({ name: what, ...value }).state === "granted" ? "granted" : "refused");
    if (["read", "write", "run", "fetch"].includes(what)) results.push("done");
  } catch (error) {
    const refused = /Requires \\w+ access/.test(error.message + error.cause);
    results.push(refused ? "refused" : error.name);
  }
}
console.log(JSON.stringify(results));
`;

type Attempt = readonly [what: string, value: unknown, expected: string];

/** Starts \`deno run\` with the flags and has it attempt all. */
async function attempt(
  ws: Workspace,
  flags: readonly string[],
  attempts: readonly Attempt[],
): Promise<void> {
  const script = ws.file("child/main.js", CHILD);
  const args = ["run", "-q", "--no-lock", ...flags, script, JSON.stringify(attempts)];
  const { stdout, stderr } = await new Deno.Command("deno", { args }).output();
  const text = new TextDecoder();
  assert(stdout.length > 0, text.decode(stderr));
  const results: string[] = JSON.parse(text.decode(stdout));
  assertEquals(
    attempts.map(([what, value], i) => [what, value, results[i]]),
    attempts.map((one) => [...one]),
  );
}

function tree(): Workspace {
  const ws = new Workspace();
  for (const name of ["w/a", "w/keys/k", "w/out/o", "w-evil/a", "single"]) ws.file(name, "content");
  return ws;
}

Deno.test("A process started with the flags of a policy may do what it allows and nothing beside", async () => {
  using ws = tree();
  const policy = load({
    capabilities: [
      { action: ["fs.read", "fs.list"], resource: ws.path("w/**") },
      { action: "fs.write", resource: [ws.path("w/out/**"), ws.path("single")] },
    ],
    deny: [{ action: "fs.*", resource: ws.path("w/keys/**") }],
  }, { world: denoWorld() });
  const flags = ["--no-config", ...toFlags(processPermissions(policy, [FILES]))];
  await attempt(ws, flags, [
    ["read", ws.path("w/a"), "done"],
    ["read", ws.path("w/none"), "NotFound"],
    ["read", ws.path("w/keys/k"), "refused"],
    ["read", ws.path("w/../w-evil/a"), "refused"],
    ["read", ws.path("w-evil/a"), "refused"],
    ["read", ws.path("child/main.js"), "refused"],
    ["read", "/etc/passwd", "refused"],
    ["write", ws.path("w/out/new"), "done"],
    ["write", ws.path("w/a"), "refused"],
    ["write", ws.path("w/keys/k"), "refused"],
    ["write", ws.path("single"), "done"],
    ["write", ws.path(".single.agent-kernel"), "done"],
    ["write", ws.path("single2"), "refused"],
    ["run", "true", "refused"],
    ["fetch", "http://127.0.0.1:8123/", "refused"],
    ["env", {}, "refused"],
    ["sys", {}, "refused"],
    ["ffi", {}, "refused"],
    ["net", {}, "refused"],
    ["run", "/bin/true", "refused"],
  ]);
});

Deno.test("A process started with the flags of an empty policy may do nothing", async () => {
  using ws = tree();
  const policy = load({ capabilities: [] }, { world: denoWorld() });
  const flags = ["--no-config", ...toFlags(processPermissions(policy, [FILES, HTTP, EXEC]))];
  await attempt(ws, flags, [
    ["read", ws.path("w/a"), "refused"],
    ["write", ws.path("w/a"), "refused"],
    ["run", "true", "refused"],
    ["fetch", "http://127.0.0.1:8123/", "refused"],
    ["read", "/", "refused"],
  ]);
});

Deno.test("A rule for what lies two levels deep takes nothing from a process that is one level deep", async () => {
  using ws = tree();
  ws.file("w/keys/deep/k", "content");
  const policy = load({
    capabilities: [{ action: "fs.read", resource: ws.path("w/**") }],
    deny: [{ action: "fs.read", resource: `${ws.path("w/keys")}/*/*` }],
  }, { world: denoWorld() });
  const flags = ["--no-config", ...toFlags(processPermissions(policy, [FILES]))];
  await attempt(ws, flags, [["read", ws.path("w/keys/k"), "done"], [
    "read",
    ws.path("w/a"),
    "done",
  ]]);
});

Deno.test("A process started with the flags of a policy runs exactly the commands that it names", async () => {
  using ws = tree();
  const world = denoWorld({ searchPath: ["/usr/bin", "/bin"] });
  const policy = load({ capabilities: [{ action: "proc.exec", resource: "true" }] }, {
    world,
  });
  const set = processPermissions(policy, [EXEC]);
  assert(set.allow.run !== true);
  const [command = ""] = set.allow.run;
  await attempt(ws, ["--no-config", ...toFlags(set)], [
    ["run", command, "done"],
    ["run", "/bin/sh", "refused"],
    ["run", "sh", "refused"],
    ["read", command, "done"],
    ["read", "/bin/sh", "refused"],
  ]);
});

Deno.test("A process started with the flags of a policy reaches private addresses only if they are named", async () => {
  using ws = tree();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  try {
    const { port } = server.addr;
    const flagsFor = (...resource: string[]) => {
      const policy = load({ capabilities: [{ action: "net.http", resource }] }, {
        world: denoWorld(),
      });
      return ["--no-config", ...toFlags(processPermissions(policy, [HTTP]))];
    };
    const here = `http://127.0.0.1:${port}/`,
      other = `http://127.0.0.1:${port === 1 ? 2 : port - 1}/`;
    await attempt(ws, flagsFor(`${here}**`), [
      ["fetch", here, "done"],
      ["fetch", other, "refused"],
      ["fetch", `http://localhost:${port}/`, "refused"],
    ]);
    // Every host by a wildcard, but none of these by name: the resolved address decides.
    await attempt(ws, flagsFor("http://**:*/**"), [
      ["fetch", here, "refused"],
      ["fetch", `http://localhost:${port}/`, "refused"],
      ["fetch", "http://169.254.169.254/", "refused"],
      ["fetch", "http://[::1]:8123/", "refused"],
      ["fetch", "http://0.0.0.0:8123/", "refused"],
      ["fetch", `http://[::ffff:127.0.0.1]:${port}/`, "refused"],
      ["fetch", "http://[fd00:ec2::254]:8123/", "refused"],
    ]);
    // Named, so that the attempt is made; nobody listens there.
    await attempt(ws, flagsFor("http://[::1]:8123/**"), [
      ["fetch", "http://[::1]:8123/", "TypeError"],
      ["fetch", here, "refused"],
    ]);
    await attempt(ws, flagsFor("https://h.example/**"), [
      ["fetch", here, "refused"],
      ["net", { host: "h.example:443" }, "granted"],
      ["net", { host: "h.example:80" }, "refused"],
      ["net", { host: "x.h.example:443" }, "refused"],
    ]);
  } finally {
    await server.shutdown();
  }
});

Deno.test("The entry for deno.json gives a process the same as the flags", async () => {
  using ws = tree();
  const policy = load({
    capabilities: [{ action: "fs.*", resource: ws.path("w/**") }],
    deny: [{ action: "fs.*", resource: ws.path("w/keys/**") }],
  }, { world: denoWorld() });
  const set = processPermissions(policy, [FILES]);
  const config = ws.file("deno.json", JSON.stringify({ permissions: { kernel: toDenoJson(set) } }));
  const attempts: Attempt[] = [
    ["read", ws.path("w/a"), "done"],
    ["write", ws.path("w/new"), "done"],
    ["read", ws.path("w/keys/k"), "refused"],
    ["write", ws.path("w/keys/k"), "refused"],
    ["read", ws.path("single"), "refused"],
  ];
  await attempt(ws, ["--no-prompt", `--config=${config}`, "-P=kernel"], attempts);
  await attempt(ws, ["--no-config", ...toFlags(set)], attempts);
});
