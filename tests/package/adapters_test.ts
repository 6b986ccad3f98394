import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { denoRun } from "../cli/command_line.ts";
import { ROOT } from "../workspace.ts";
import { read, sourcesOf } from "./sources.ts";

/** What each adapter loads from npm, and the least that Deno has to permit for that. */
const ADAPTERS: readonly (readonly [file: string, packages: string[], flags: string[]])[] = [
  ["langchain.ts", ["@langchain/core/messages", "@langchain/core/tools"], []],
  ["openai_agents.ts", ["@openai/agents"], ["--ignore-env"]],
  ["vercel_ai.ts", ["ai"], ["--allow-sys=hostname"]],
];

/** Packages of which importing something else must load nothing. */
const SDK = /^(ai|@ai-sdk\/.*|@openai\/agents.*|@langchain\/.*|langchain|zod)$/;

Deno.test("only an adapter imports its SDK, and no other's", () => {
  const found = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")]
    .flatMap(({ path, imports }) => {
      const packages = imports.map(({ specifier }) => specifier).filter((one) => SDK.test(one));
      return packages.length === 0 ? [] : [[path, packages.sort()]];
    });
  assertEquals(found, ADAPTERS.map(([file, packages]) => [`src/adapters/${file}`, packages]));
});

Deno.test("no adapter imports another, and nothing imports an adapter", () => {
  const targets = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")]
    .flatMap(({ imports }) => imports.flatMap(({ target }) => target ?? []))
    .filter((target) => target.startsWith("src/adapters/"));
  assertEquals([...new Set(targets)], ["src/adapters/tool_gate.ts"]);
});

Deno.test("nothing in an adapter acts, and only its gate submits", () => {
  const adapters = sourcesOf("src/adapters");
  assertEquals(adapters.length, ADAPTERS.length + 1);
  const acting = adapters.flatMap(({ path, code }) =>
    Array.from(
      code.matchAll(/\b(Deno|fetch|Worker|process|globalThis|import\()|[.#]submit\b|callTool\(/g),
      ([found]) => `${path}: ${found}`,
    )
  );
  assertEquals([...new Set(acting)], [
    "src/adapters/tool_gate.ts: #submit",
    "src/adapters/tool_gate.ts: .submit",
    "src/adapters/tool_gate.ts: callTool(",
  ]);
});

for (const [file, , flags] of ADAPTERS) {
  const least = flags.length === 0 ? "no permission" : flags.join(" ");
  Deno.test(`src/adapters/${file} is imported with ${least}, and with less only if none is needed`, async () => {
    const load = (...given: string[]) =>
      denoRun(["run", "-q", "--no-prompt", ...given, `src/adapters/${file}`]);
    const { code, stderr } = await load(...flags);
    assertEquals([code, stderr], [0, ""]);
    if (flags.length === 0) return;
    assertStringIncludes((await load()).stderr, "NotCapable");
  });
}

Deno.test("what the adapters export is documented, and refers to no private type but those of the SDK", async () => {
  const roots = ["mod.ts", "src/agent/mod.ts", ...ADAPTERS.map(([file]) => `src/adapters/${file}`)];
  const { stderr } = await denoRun(["doc", "--lint", "-q", ...roots]);
  const errors = Array.from(stderr.matchAll(/^error\[(.*)$/gm), ([, text = ""]) => text);
  assert(errors.length > 0);
  assertEquals(
    errors.filter((text) =>
      !/^private-type-ref\]: .* '(ToolSet|ToolCallRepairFunction|Tool|Model|StructuredTool|AIMessage)'$/
        .test(text)
    ),
    [],
  );
});
