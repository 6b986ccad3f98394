import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { processPermissions } from "../../src/launch/process_permissions.ts";
import { NOTHING } from "../../src/core/isolation/permission_set.ts";
import { toFlags } from "../../src/launch/flags.ts";
import { denoWorld } from "../../src/core/resource/deno_world.ts";
import { effectOn, load, outsideCheckouts } from "../core/policy/deciding.ts";
import { ROOT, Workspace } from "../workspace.ts";

const NO_DENY = { read: [], write: [], net: [] };
const FILES = {
  actions: ["fs.read", "fs.write", "fs.move", "fs.list", "fs.stat", "fs.mkdir", "fs.delete"],
};
const EXEC = { actions: ["proc.exec"] };

/** Runs the body of a module in a process with the flags; `input` is what it is given. */
async function inProcess(
  ws: Workspace,
  flags: readonly string[],
  body: string,
  input: unknown,
): Promise<unknown> {
  const script = ws.file(
    "child/main.ts",
    `import { checkProcess, partlyDenied } from "${ROOT}/src/launch/check.ts";
import { denoWorld } from "${ROOT}/src/core/resource/deno_world.ts";
import { effectOn, load, outsideCheckouts } from "${ROOT}/tests/core/policy/deciding.ts";
void [checkProcess, partlyDenied, load, denoWorld, effectOn, outsideCheckouts];
const input = JSON.parse(Deno.args[0] ?? "");
function run(): unknown { ${body} }
let result: unknown;
try { result = run() ?? null; } catch (error) { result = { ...(error as Error), message: (error as Error).message }; }
console.log(JSON.stringify(result));`,
  );
  const args = [
    "run",
    "-q",
    "--no-lock",
    "--no-check",
    `--config=${ROOT}/deno.json`,
    ...flags,
    script,
    JSON.stringify(input),
  ];
  const { stdout, stderr } = await new Deno.Command("deno", { args }).output();
  assert(stdout.length > 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const CHECK = "return checkProcess(input);";

Deno.test("checkProcess() is content with exactly what is wanted", async () => {
  using ws = new Workspace();
  const wanted = {
    allow: {
      read: [ws.path("a")],
      write: [ws.path("b")],
      net: ["h.example:443", "*.i.example:80"],
      run: ["/bin/true"],
    },
    deny: NO_DENY,
  };
  assertEquals(await inProcess(ws, toFlags(wanted), CHECK, wanted), null);
});

Deno.test("checkProcess() names every flag that is missing, and only those", async () => {
  using ws = new Workspace();
  const has = { allow: { ...NOTHING, read: [ws.path("a")] }, deny: NO_DENY };
  const wanted = {
    allow: {
      read: [ws.path("a/below"), ws.path("ab")],
      write: [ws.path("a")],
      net: ["h.example:443"],
      run: ["/bin/true"],
    },
    deny: NO_DENY,
  };
  const error = await inProcess(ws, toFlags(has), CHECK, wanted) as {
    flags: string[];
    code: string;
    message: string;
  };
  assertEquals(error.code, "PERMISSION_MISSING");
  assertEquals(error.flags, [
    `--allow-read=${ws.path("ab")}`,
    `--allow-write=${ws.path("a")}`,
    "--allow-net=h.example:443",
    "--allow-run=/bin/true",
  ]);
  for (const flag of error.flags) assertStringIncludes(error.message, flag);
});

Deno.test("checkProcess() does not take a part for the whole", async () => {
  using ws = new Workspace();
  const has = { allow: { ...NOTHING, net: ["h.example:443"] }, deny: NO_DENY };
  const wanted = { allow: { ...NOTHING, net: true }, deny: NO_DENY };
  const { flags } = await inProcess(ws, toFlags(has), CHECK, wanted) as { flags: string[] };
  assertEquals(flags, ["--allow-net"]);
});

Deno.test("checkProcess() says in one line what goes beyond", async () => {
  using ws = new Workspace();
  const wanted = { allow: { ...NOTHING, read: [ws.path("a")] }, deny: NO_DENY };
  const line = await inProcess(ws, ["--no-prompt", "--allow-read", "--allow-env"], CHECK, wanted);
  assertMatch(String(line), /^agent-kernel: [^\n]*--allow-read --allow-env[^\n]*$/);
});

Deno.test("partlyDenied() names the permissions in whose part something is denied", async () => {
  using ws = new Workspace();
  const set = {
    allow: { ...NOTHING, read: [ws.path("w")], write: [ws.path("w")] },
    deny: { ...NO_DENY, write: [ws.path("w/d")] },
  };
  const body = "return partlyDenied(input);";
  assertEquals(await inProcess(ws, toFlags(set), body, set.allow), ["write"]);
  assertEquals(await inProcess(ws, toFlags({ ...set, deny: NO_DENY }), body, set.allow), []);
});

Deno.test("authorize() decides under the flags of the policy as it does with all permissions", async () => {
  using ws = new Workspace();
  for (const name of ["w/a", "w/d/k", "w/sub/s", "out/o"]) ws.file(name);
  ws.link("w/inner", ws.path("w/sub"));
  ws.link("w/outer", ws.path("out/o"));
  ws.link("w/denied", ws.path("w/d"));
  ws.link("w/dangling", ws.path("out/none"));
  ws.link("w/loop", "loop");
  ws.link("alias", ws.path("w"));
  ws.file("bin/tool");
  Deno.chmodSync(ws.path("bin/tool"), 0o755);
  ws.link("bin/nick", "tool");
  const world = { searchPath: [ws.path("none"), ws.path("bin")] };
  const policies = [
    {
      capabilities: [{ action: "fs.*", resource: ws.path("w/**") }],
      deny: [{ action: "fs.*", resource: ws.path("w/d/**") }],
    },
    {
      capabilities: [{ action: "fs.*", resource: ws.path("alias/**") }],
      deny: [{ action: "fs.*", resource: `${ws.path("w")}/*/*` }],
    },
    {
      capabilities: [{ action: "fs.*", resource: [ws.path("w/a"), ws.path("w/sub/**")] }, {
        action: "proc.exec",
        resource: "nick",
      }],
    },
    {
      capabilities: [{ action: "proc.exec", resource: `${ws.path("bin")}/*` }, {
        action: "fs.read",
        resource: ws.path("w/**"),
      }],
    },
  ];
  const names = [
    "a",
    "new",
    "new/deep",
    "d",
    "d/k",
    "sub/s",
    "inner/s",
    "inner/new",
    "outer",
    "denied/k",
    "dangling",
    "loop",
    "../out/o",
  ];
  const requests: [string, string, object][] = [
    ...["fs.read", "fs.write", "fs.move"].flatMap((action) =>
      ["w", "alias"].flatMap((folder) =>
        names.map((
          name,
        ): [string, string, object] => [action, `${ws.root}/${folder}/${name}`, {
          to: ws.path("w/sub/x"),
        }])
      )
    ),
    ...["tool", "nick", ws.path("bin/nick"), "sh", "/bin/sh"].flatMap((command) =>
      [{}, { cwd: ws.path("w") }, { cwd: ws.path("w/inner") }, { cwd: ws.path("out") }].map((
        params,
      ): [string, string, object] => ["proc.exec", command, params])
    ),
  ];
  const body = `
    const world = denoWorld(input.world);
    const policy = load(input.policy, { world: outsideCheckouts(world) });
    return input.requests.map(([action, target, params]: [string, string, Record<string, unknown>]) => effectOn(policy, action, target, params, world));`;
  for (const policy of policies) {
    const loaded = load(policy, { world: outsideCheckouts(denoWorld(world)) });
    // A target that cannot be resolved is refused either way: as denied, or as invalid.
    const allowed = (effects: string[]) =>
      requests.filter((_, i) => effects[i] === "allow").map((one) => one.slice(0, 2).join(" "));
    const expected = requests.map(([action, target, params]) =>
      effectOn(loaded, action, target, params as Record<string, unknown>, denoWorld(world))
    );
    const effects = await inProcess(
      ws,
      toFlags(processPermissions(loaded, [FILES, EXEC], { read: loaded.markers })),
      body,
      {
        policy,
        requests,
        world,
      },
    );
    assert(Array.isArray(effects), JSON.stringify(effects));
    assertEquals(allowed(effects), allowed(expected));
    assert(allowed(expected).length > 0);
  }
});
