import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../workspace.ts";
import { read, type Source, sourcesOf } from "./sources.ts";

const SOURCES = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")];

const ALLOWED = ["@std/yaml", "@std/path", "node:crypto", "node:fs"];
const ROOMS = ["resource", "policy", "isolation", "record"];

function isCore(path: string): boolean {
  return path.startsWith("src/core/");
}

const CORE = SOURCES.filter(({ path }) => isCore(path));

/** Where a source says something that it must not, as `file:line`. */
function places({ path, code }: Source, pattern: RegExp): string[] {
  return code.split("\n").flatMap((line, i) => pattern.test(line) ? [`${path}:${i + 1}`] : []);
}

Deno.test("the tests of the layers see the sources and their imports", () => {
  assert(SOURCES.length > 50, `${SOURCES.length} sources`);
  for (const room of ROOMS) {
    assert(CORE.filter(({ path }) => path.startsWith(`src/core/${room}/`)).length > 3, room);
  }
  const imports = CORE.flatMap(({ imports }) => imports);
  assert(imports.length > 100, `${imports.length} imports`);
  for (const specifier of ["@std/path", "@std/yaml", "node:crypto", "node:fs"]) {
    assert(imports.some((one) => one.specifier === specifier), specifier);
  }
  for (const { path, code, imports } of SOURCES) {
    // Every statement has one "from", or is an import for its effects.
    const statements = code.match(/^(import|export|\}) .*\bfrom "[^"]+";$|^import "/gm) ?? [];
    assertEquals(imports.filter(({ dynamic }) => !dynamic).length, statements.length, path);
  }
  const kernel = CORE.find(({ path }) => path === "src/core/kernel.ts");
  assert(kernel?.imports.some(({ target }) => target === "src/core/record/log.ts"));
});

Deno.test("each relative import leads to a source", () => {
  const paths = new Set(SOURCES.map(({ path }) => path));
  const lost = SOURCES.flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target !== undefined && !paths.has(target))
      .map(({ specifier }) => `${path} imports ${specifier}`)
  );
  assertEquals(lost, []);
});

Deno.test("the trusted core imports itself, @std/yaml, @std/path, node:crypto and node:fs, and nothing else", () => {
  const others = CORE.flatMap(({ path, imports }) =>
    imports.filter(({ specifier, target }) =>
      target === undefined ? !ALLOWED.includes(specifier) : !isCore(target)
    ).map(({ specifier, target = specifier, dynamic }) =>
      `${path} ${dynamic ? "loads" : "imports"} ${target}`
    )
  );
  assertEquals(others, []);
});

Deno.test("policy and resources are pure: no Deno, no clock, no randomness", () => {
  const pure = CORE.filter(({ path }) =>
    /^src\/core\/(policy|resource)\//.test(path) && path !== "src/core/resource/deno_world.ts"
  );
  assert(pure.length > 10);
  const impure =
    /\bDeno\b|\bDate\.now\b|\bnew Date\b|\bMath\.random\b|\bperformance\b|\bcrypto\b|\bset(Timeout|Interval)\b|\bfetch\b|\bglobalThis\b|\bprocess\b(?=\.)/;
  const allowed = /^import .*"node:crypto";$/;
  assertEquals(
    pure.flatMap((source) => {
      const code = source.code.split("\n").map((line) => allowed.test(line) ? "" : line).join("\n");
      return places({ ...source, code }, impure);
    }),
    [],
  );
});

/** From the bottom up: a source imports its own layer and those before it. */
const LAYERS: readonly (readonly [string, RegExp])[] = [
  ["values of the core", /^src\/core\/(action|admission|errors|json|timer)\.ts$/],
  ["what is it: resource", /^src\/core\/resource\//],
  ["may it: policy", /^src\/core\/(policy\/|request\.ts$)/],
  ["who does it, what remains: isolation and record", /^src\/core\/(isolation|record)\//],
  ["the gate", /^src\/core\//],
  [
    "values",
    /^src\/(abort|version|visible_text|near|joined_bytes|redaction|event_loop|fetch_failure|system_timer)\.ts$/,
  ],
  [
    "beside the core",
    /^src\/(actions|approval|transport|log|policy_tools|launch|stages|limits|argument_paths|provenance)\//,
  ],
  ["the Worker's side, checkpoints", /^src\/(worker|checkpoint)\//],
  [
    "the assembly",
    /^src\/(open|open_checks|open_log|policy_stages|shadow_stage|limit_resets|deployment|options|permits|recorded_decisions|own_code|refused_submit|resolve|session|submission|telemetry|implied_permissions)\.ts$/,
  ],
  ["what is built on the kernel", /^(mod\.ts$|src\/(reversible|agent|testing)\/)/],
  ["adapters", /^src\/adapters\//],
  ["providers", /^providers\//],
  ["in front of agents", /^src\/(gateway|hooks|server|protect)\//],
  ["command line", /^src\/cli\//],
];

function layerOf(path: string): number {
  return LAYERS.findIndex(([, pattern]) => pattern.test(path));
}

Deno.test("each source belongs to a layer", () => {
  assertEquals(SOURCES.map(({ path }) => path).filter((path) => layerOf(path) === -1), []);
});

Deno.test("imports only lead down the layers", () => {
  const upward = SOURCES.flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target !== undefined && layerOf(target) > layerOf(path))
      .map(({ target }) => `${path} imports ${target}`)
  );
  assertEquals(upward, []);
});

Deno.test("what a provider's Worker loads knows nothing of the log and the kernel", () => {
  const bySource = new Map(SOURCES.map((source) => [source.path, source]));
  const loaded = new Set(
    SOURCES.map(({ path }) => path).filter((path) => /^providers\/.*worker\.ts$/.test(path)),
  );
  assert(loaded.has("providers/filesystem/worker.ts"));
  // A set that grows while it is walked through.
  for (const path of loaded) {
    for (const { target } of bySource.get(path)?.imports ?? []) {
      if (target !== undefined) loaded.add(target);
    }
  }
  assert(loaded.has("src/worker/runtime.ts"));
  assertEquals(
    [...loaded].filter((path) =>
      /^src\/(core\/(record|kernel)|log\/|checkpoint\/|cli\/|agent\/|open)/.test(path)
    ),
    [],
  );
});

Deno.test("there is no cycle of imports", () => {
  const bySource = new Map(SOURCES.map((source) => [source.path, source]));
  const done = new Set<string>();
  const way: string[] = [];
  const cycles: string[] = [];
  function visit(path: string): void {
    if (way.includes(path)) {
      cycles.push([...way.slice(way.indexOf(path)), path].join(" → "));
      return;
    }
    if (done.has(path)) return;
    way.push(path);
    for (const { target } of bySource.get(path)?.imports ?? []) {
      if (target !== undefined) visit(target);
    }
    way.pop();
    done.add(path);
  }
  for (const { path } of SOURCES) visit(path);
  assertEquals(cycles, []);
});

Deno.test("only the assembly's warnings go to the console", () => {
  const found = SOURCES.flatMap((source) => places(source, /\bconsole\./));
  assertEquals(found.map((place) => place.replace(/:\d+$/, "")), [
    "providers/mcp/tool_defs.ts", // the default of an option
    ...Array(3).fill("src/hooks/client.ts"), // a program of its own
    "src/open_checks.ts",
  ]);
});

Deno.test("no source evaluates text or reads an environment variable on the side", () => {
  const found = SOURCES.flatMap((source) =>
    // The relay is a process of its own, in the sandbox; a proxy hands on the whole environment.
    ["providers/process/relay.ts", "src/cli/mcp_proxy.ts"].includes(source.path)
      ? []
      : places(source, /\beval\(|\bnew Function\(|\bDeno\.env\.(toObject|set)\b|\bprocess\.env\b/)
  );
  assertEquals(found, []);
});

Deno.test("each rule of the linter that is switched off has its reason", () => {
  const everything = [...SOURCES, ...sourcesOf("links", "tests")];
  const comments = everything.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) =>
      /^\s*\/\/ deno-lint-ignore/.test(line) ? [{ place: `${path}:${i + 1}`, line }] : []
    )
  );
  assert(comments.length > 0);
  const bare = comments.filter(({ line }) => !/deno-lint-ignore [\w-]+( [\w-]+)* -- \S/.test(line));
  assertEquals(bare, []);
});

Deno.test("the agent loop has one call of submit, and no other way to the world than its client's fetch", () => {
  const agent = SOURCES.filter(({ path }) => path.startsWith("src/agent/"));
  assert(agent.length > 10);
  const found = (pattern: RegExp) =>
    agent.flatMap((source) => places(source, pattern)).map((place) => place.replace(/:\d+$/, ""));
  assertEquals(found(/\bsubmit\(/), ["src/agent/submission.ts"]);
  assertEquals(found(/\bawait fetch\(/), ["src/agent/bounded_fetch.ts"]);
  assertEquals(
    [...new Set(found(/\bDeno\./))].sort(),
    ["src/agent/loopback.ts", "src/agent/model_failure.ts", "src/agent/openai_client.ts"],
  );
  // Of the kernel it knows the types of what goes in and comes out, and values.
  const outside = agent.flatMap(({ imports }) => imports.map(({ target }) => target ?? ""))
    .filter((target) => target !== "" && !target.startsWith("src/agent/"));
  assertEquals([...new Set(outside)].sort(), [
    "src/approval/refusal.ts",
    "src/core/action.ts",
    "src/core/errors.ts",
    "src/core/json.ts",
    "src/core/timer.ts",
    "src/fetch_failure.ts",
    "src/stages/submit.ts",
    "src/system_timer.ts",
  ]);
});
