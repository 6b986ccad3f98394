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

/** A specifier without `npm:` and version: the package, and what of it. */
function nameOf(specifier: string): string {
  return specifier.replace(/^npm:((?:@[^/]+\/)?[^@/]+)@[^/]+/, "$1");
}

/** Packages of which importing something else must load nothing. */
const SDK = /^(ai|@ai-sdk\/.*|@openai\/agents.*|@langchain\/.*|langchain|zod)$/;

Deno.test("only an adapter imports its SDK, and no other's", () => {
  const found = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")]
    .flatMap(({ path, imports }) => {
      const packages = imports.map(({ specifier }) => nameOf(specifier)).filter((one) =>
        SDK.test(one)
      );
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

/** Types of the SDKs, and those that `mod.ts` and `src/agent/mod.ts` export. */
const PUBLIC_ELSEWHERE =
  /^private-type-ref\]: .* '(ToolSet|ToolCallRepairFunction|Tool|Model|StructuredTool|AIMessage|CalledTool|CallToolOptions|SubmitFn|ToolDef)'$/;

Deno.test("what the adapters export is documented, and refers to no private type but those of the SDK", async () => {
  // Deno does not resolve the SDKs if they are looked at together with `mod.ts`.
  const roots = ADAPTERS.map(([file]) => `src/adapters/${file}`);
  const { stderr } = await denoRun(["doc", "--lint", "-q", ...roots]);
  const errors = Array.from(stderr.matchAll(/^error\[(.*)$/gm), ([, text = ""]) => text);
  assert(errors.length > 0);
  assertEquals(errors.filter((text) => !PUBLIC_ELSEWHERE.test(text)), []);
});
