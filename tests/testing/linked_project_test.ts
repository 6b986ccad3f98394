import { assertEquals } from "@std/assert";
import { denoRun } from "../cli/command_line.ts";
import { ROOT, Workspace } from "../workspace.ts";

const { exports, links }: {
  readonly exports: Readonly<Record<string, string>>;
  readonly links: readonly string[];
} = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));

/** Compiler options of projects that link the package: Deno's defaults, and every strict one. */
const PROJECTS: readonly (readonly [what: string, compilerOptions: object])[] = [
  ["Deno's default compiler options", {}],
  ["the strictest compiler options", {
    exactOptionalPropertyTypes: true,
    noFallthroughCasesInSwitch: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
  }],
];
for (const [what, compilerOptions] of PROJECTS) {
  Deno.test(`a project outside that links the package checks each of its exports under ${what}`, async () => {
    using ws = new Workspace();
    ws.file(
      "deno.json",
      JSON.stringify({
        links: [ROOT, ...links.map((path) => `${ROOT}/${path}`)],
        compilerOptions,
        lock: false,
      }),
    );
    const specifiers = Object.keys(exports).map((name) => `@agent-kernel/kernel${name.slice(1)}`);
    ws.file(
      "main.ts",
      specifiers.map((name, i) => `import * as module${i} from "jsr:${name}";`).join("\n") +
        `\nconsole.log(${specifiers.map((_, i) => `module${i}`).join(", ")});\n`,
    );
    const { code, stderr } = await denoRun(["check", "-q", "main.ts"], { cwd: ws.root });
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  });
}
