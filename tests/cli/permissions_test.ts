import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { agentKernel, denoRun, type Ended, type Scene, scene } from "./command_line.ts";
import { logFiles, ROOT, Workspace } from "../workspace.ts";

const FLAGS = ["--no-prompt", "--unstable-worker-options", "--cached-only", "--frozen"];
const PACKAGE = ["links", "providers", "src"].map((name) => `${ROOT}/${name}`);

async function permissions({ policy, log }: Scene, ...more: string[]): Promise<string> {
  const { code, stdout, stderr } = await agentKernel(
    ...["permissions", "--policy", policy, "--log-path", log, ...more],
  );
  assertEquals({ code, stderr }, { code: 0, stderr: more.includes("deno-json") ? BESIDE : "" });
  return stdout;
}

/** What an entry for deno.json cannot hold. */
const BESIDE =
  "start it with: deno run -P=agent-kernel --no-prompt --unstable-worker-options --cached-only --frozen\n";

/** What the scene's policy implies, written out by hand. */
function expected(ws: Workspace) {
  const own = logFiles(ws.path("kernel.log"));
  return {
    read: [...PACKAGE, ws.path("data"), ...own, ws.path("policy.yaml")].sort(),
    write: [ws.path("data/out"), ...own].sort(),
  };
}

Deno.test("permissions prints the flags of deno run on one line", async () => {
  using ws = new Workspace();
  const { read, write } = expected(ws);
  const allows = [`--allow-read=${read.join(",")}`, `--allow-write=${write.join(",")}`];
  assertEquals(await permissions(scene(ws)), `${[...FLAGS, ...allows].join(" ")}\n`);
});

Deno.test("permissions --format json prints the process and each Worker", async () => {
  using ws = new Workspace();
  assertEquals(JSON.parse(await permissions(scene(ws), "--format", "json")), {
    process: {
      allow: { ...expected(ws), net: [], run: [] },
      deny: { read: [], write: [], net: [] },
    },
    workers: {
      filesystem: {
        read: [ws.path("data")],
        write: [ws.path("data/out")],
        net: [],
        run: [],
        env: false,
        sys: false,
        ffi: false,
        import: false,
      },
      // No rule allows what they do.
      process: {
        read: [],
        write: [],
        net: [],
        run: [],
        env: false,
        sys: false,
        ffi: false,
        import: false,
      },
      http: {
        read: [],
        write: [],
        net: [],
        run: [],
        env: false,
        sys: false,
        ffi: false,
        import: false,
      },
    },
  });
});

Deno.test("permissions --format deno-json prints an entry for deno.json", async () => {
  using ws = new Workspace();
  assertEquals(JSON.parse(await permissions(scene(ws), "--format", "deno-json")), {
    permissions: { "agent-kernel": expected(ws) },
  });
});

Deno.test("permissions quotes for a shell what a shell would read differently", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  ws.folder("it's $HOME `x`;");
  const policy = ws.file(
    "policy.yaml",
    'capabilities:\n  - { action: fs.read, resource: "./it\'s $HOME `x`;/**" }\n',
  );
  const printed = await permissions({ ...files, policy });
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", "import shlex,sys,json; print(json.dumps(shlex.split(sys.argv[1])))", printed],
  }).output();
  const words: string[] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(words.length, FLAGS.length + 2);
  assert(
    words[FLAGS.length]?.replace("--allow-read=", "").split(",").includes(
      ws.path("it's $HOME `x`;"),
    ),
    printed,
  );
});

Deno.test("permissions refuses a path with a comma, which a flag would split in two", async () => {
  using ws = new Workspace();
  ws.folder("a,b");
  const policy = ws.file(
    "policy.yaml",
    'capabilities:\n  - { action: fs.read, resource: "./a,b/**" }\n',
  );
  const { code, stdout, stderr } = await agentKernel("permissions", "--policy", policy);
  assertEquals({ code, stdout }, { code: 1, stdout: "" });
  assertStringIncludes(stderr, "a,b");
});

/** A script that opens a kernel with the policy of the scene and reads the note. */
function script(ws: Workspace, { policy, log, note }: Scene): string {
  return ws.file(
    "script.ts",
    `import { Kernel } from "file://${ROOT}/mod.ts";
import { FilesystemProvider } from "file://${ROOT}/providers/filesystem/mod.ts";
const options = { policy: ${JSON.stringify(policy)}, logPath: ${JSON.stringify(log)} };
try {
  await using kernel = await Kernel.open({ ...options, providers: [new FilesystemProvider()] });
  const result = await kernel.submit({ action: "fs.read", target: ${JSON.stringify(note)} });
  await write(result);
} catch (error) {
  await write({ name: error.name, flags: error.flags });
}
async function write(value: unknown) {
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(value)));
}
`,
  );
}

/** The project of somebody who uses the package: without its "unstable". */
function config(ws: Workspace, more: Record<string, unknown> = {}): string {
  const { imports, links } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  return ws.file(
    "deno.json",
    JSON.stringify({
      imports,
      links: links.map((link: string) => `../../${link}`),
      lock: false,
      ...more,
    }),
  );
}

function run(ws: Workspace, flags: readonly string[], file: string): Promise<Ended> {
  return denoRun(["run", "-q", ...flags, file], { cwd: ws.root });
}

/** The result that a script printed, without the id of its record, which is new each time. */
function resultIn(stdout: string): unknown {
  const { recordId: _, ...rest } = JSON.parse(stdout || "{}");
  return rest;
}

const READ = { status: "OK", data: "hello", rule: "read-data" };

Deno.test("the printed flags are enough for a process with this policy, without a warning", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const flags = (await permissions(files)).trim().split(" ");
  config(ws);
  const { stdout, stderr } = await run(ws, flags, script(ws, files));
  assertEquals(stderr, "");
  assertEquals(resultIn(stdout), READ);
});

Deno.test("the printed entry for deno.json is enough, too", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const entry = JSON.parse(await permissions(files, "--format", "deno-json"));
  config(ws, { ...entry, unstable: ["worker-options"] });
  const { stdout, stderr } = await run(ws, ["--no-prompt", "-P=agent-kernel"], script(ws, files));
  assertEquals(stderr, "");
  assertEquals(resultIn(stdout), READ);
});

Deno.test("with one permission less the process fails at once and names the missing flag", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const flags = (await permissions(files)).trim().split(" ");
  config(ws);
  const file = script(ws, files);
  const all = flags.flatMap((flag) => {
    const [name = "", values] = flag.split("=");
    return values === undefined ? [] : values.split(",").map((value) => ({ name, value }));
  });
  assertEquals(all.length, expected(ws).read.length + expected(ws).write.length);
  const outcomes = await Promise.all(all.map((without) => {
    const rest = all.filter((one) => one !== without).map(({ name, value }) => `${name}=${value}`);
    return run(ws, [...FLAGS, ...rest], file);
  }));
  assertEquals(
    outcomes.map(({ stdout }) => JSON.parse(stdout || "null")),
    all.map(({ name, value }) => ({ name: "MissingPermissionError", flags: [`${name}=${value}`] })),
  );
});

Deno.test("without --unstable-worker-options the process fails at once and names it", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  const flags = (await permissions(files)).trim().split(" ");
  config(ws);
  const fewer = flags.filter((flag) => flag !== "--unstable-worker-options");
  const { code, stdout } = await run(ws, fewer, script(ws, files));
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout).name, "WorkerOptionsError");
});

Deno.test("a policy that denies a part of what it allows works under its own flags", async () => {
  using ws = new Workspace();
  const files = scene(ws);
  ws.file("data/private/key", "s3cret");
  const capabilities = [
    { action: "fs.read", resource: "./data/**" },
    { action: "fs.write", resource: `${ws.root}/**` },
  ];
  const deny = [{ action: ["fs.read", "fs.write"], resource: "./data/private/**" }];
  for (const allowed of [capabilities.slice(0, 1), capabilities]) {
    Deno.writeTextFileSync(files.policy, JSON.stringify({ capabilities: allowed, deny }));
    const flags = (await permissions(files)).trim().split(" ");
    assertMatch(flags.join(" "), /--deny-read=/);
    config(ws);
    const { stdout, stderr } = await run(ws, flags, script(ws, files));
    assertEquals(resultIn(stdout), { ...READ, rule: "capabilities[0]" }, stderr);
  }
});
