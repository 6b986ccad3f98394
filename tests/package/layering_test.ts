import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../workspace.ts";
import { read, type Source, sourcesOf } from "./sources.ts";

const SOURCES = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")];

/** The trusted core: what has to be right for the promises to hold. */
const CORE_FILES = [
  "action",
  "canonical_json",
  "in_flight",
  "request",
  "judge",
  "kernel",
  "kernel_options",
  "log_options",
  "installation",
  "plan",
  "telemetry",
  "timer",
  "verdict",
  "version",
].map((name) => `src/${name}.ts`);
const CORE_FOLDERS = ["policy", "resource", "permission", "audit", "provider"].map((name) =>
  `src/${name}/`
);
const ALLOWED = ["@std/yaml", "@std/path", "@std/streams", "node:crypto", "node:timers"];

function isCore(path: string): boolean {
  return CORE_FILES.includes(path) || CORE_FOLDERS.some((folder) => path.startsWith(folder));
}

const CORE = SOURCES.filter(({ path }) => isCore(path));

/** Where a source says something that it must not, as `file:line`. */
function places({ path, code }: Source, pattern: RegExp): string[] {
  return code.split("\n").flatMap((line, i) => pattern.test(line) ? [`${path}:${i + 1}`] : []);
}

Deno.test("the tests of the layers see the sources and their imports", () => {
  assert(SOURCES.length > 50, `${SOURCES.length} sources`);
  for (const file of CORE_FILES) assert(CORE.some(({ path }) => path === file), file);
  for (const folder of CORE_FOLDERS) {
    assert(CORE.filter(({ path }) => path.startsWith(folder)).length > 1, folder);
  }
  const imports = CORE.flatMap(({ imports }) => imports);
  assert(imports.length > 100, `${imports.length} imports`);
  for (const specifier of ["@std/path", "@std/yaml", "node:crypto"]) {
    assert(imports.some((one) => one.specifier === specifier), specifier);
  }
  for (const { path, code, imports } of SOURCES) {
    // Every statement has one "from", or is an import for its effects.
    const statements = code.match(/^(import|export|\}) .*\bfrom "[^"]+";$|^import "/gm) ?? [];
    assertEquals(imports.filter(({ dynamic }) => !dynamic).length, statements.length, path);
  }
  const kernel = CORE.find(({ path }) => path === "src/kernel.ts");
  assert(kernel?.imports.some(({ target }) => target === "src/audit/log.ts"));
});

Deno.test("each relative import leads to a source", () => {
  const paths = new Set(SOURCES.map(({ path }) => path));
  const lost = SOURCES.flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target !== undefined && !paths.has(target))
      .map(({ specifier }) => `${path} imports ${specifier}`)
  );
  assertEquals(lost, []);
});

Deno.test("the trusted core imports itself, three packages of the platform, node:crypto and node:timers", () => {
  const others = CORE.flatMap(({ path, imports }) =>
    imports.filter(({ specifier, target }) =>
      target === undefined ? !ALLOWED.includes(specifier) : !isCore(target)
    ).map(({ specifier, dynamic }) => `${path} ${dynamic ? "loads" : "imports"} ${specifier}`)
  );
  assertEquals(others, [
    "src/provider/worker_options.ts loads node:child_process",
    "src/telemetry.ts loads @opentelemetry/api",
  ]);
});

Deno.test("policy and resources are pure: no Deno, no clock, no randomness", () => {
  const pure = CORE.filter(({ path }) =>
    /^src\/(policy|resource)\//.test(path) && path !== "src/resource/deno_world.ts"
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
  ["values", /^src\/(action|canonical_json|in_flight|timer|version|visible_text)\.ts$/],
  ["resource", /^src\/resource\//],
  ["policy", /^src\/policy\//],
  ["request", /^src\/request\.ts$/],
  ["permission", /^src\/permission\//],
  ["audit and provider", /^src\/(audit|provider)\//],
  ["telemetry", /^src\/telemetry\.ts$/],
  [
    "kernel",
    /^src\/(kernel|kernel_options|log_options|judge|verdict|plan|installation|implied_permissions)\.ts$/,
  ],
  ["what is built on the kernel", /^(mod\.ts$|src\/(reversible|agent|testing)\/)/],
  ["adapters", /^src\/adapters\//],
  ["providers", /^providers\//],
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
    SOURCES.map(({ path }) => path).filter((path) => /worker\.ts$/.test(path)),
  );
  assert(loaded.has("providers/filesystem/worker.ts"));
  // A set that grows while it is walked through.
  for (const path of loaded) {
    for (const { target } of bySource.get(path)?.imports ?? []) {
      if (target !== undefined) loaded.add(target);
    }
  }
  assert(loaded.has("src/provider/runtime.ts"));
  assertEquals(
    [...loaded].filter((path) => /^src\/(audit\/|cli\/|agent\/|kernel|installation)/.test(path)),
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

Deno.test("only the installation's warnings go to the console", () => {
  const found = SOURCES.flatMap((source) => places(source, /\bconsole\./));
  assertEquals(found.map((place) => place.replace(/:\d+$/, "")), ["src/installation.ts"]);
});

Deno.test("no source evaluates text or reads an environment variable on the side", () => {
  const found = SOURCES.flatMap((source) =>
    places(source, /\beval\(|\bnew Function\(|\bDeno\.env\.(toObject|set)\b|\bprocess\.env\b/)
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
    ["src/agent/model_failure.ts", "src/agent/openai_client.ts"],
  );
  // Of the kernel it knows the types of what goes in and comes out, and values.
  const outside = agent.flatMap(({ imports }) => imports.map(({ target }) => target ?? ""))
    .filter((target) => target !== "" && !target.startsWith("src/agent/"));
  assertEquals([...new Set(outside)].sort(), [
    "src/action.ts",
    "src/canonical_json.ts",
    "src/timer.ts",
  ]);
});
