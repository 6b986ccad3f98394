/**
 * Counts the trusted core: the lines that an auditor has to read.
 *
 *     deno task core
 */

/** Everything that a decision, its execution and its record depend on. */
export const TRUSTED_CORE: readonly string[] = [
  "src/action.ts",
  "src/canonical_json.ts",
  "src/in_flight.ts",
  "src/installation.ts",
  "src/judge.ts",
  "src/kernel.ts",
  "src/kernel_options.ts",
  "src/log_options.ts",
  "src/plan.ts",
  "src/request.ts",
  "src/telemetry.ts",
  "src/timer.ts",
  "src/verdict.ts",
  "src/version.ts",
  "src/audit",
  "src/permission",
  "src/policy",
  "src/provider",
  "src/resource",
];

/** Lines that are neither blank nor comments. */
export function codeLines(source: string): number {
  const withoutComments = source.replace(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "").replace(
    /^\s*\/\/.*$/gm,
    "",
  );
  return withoutComments.split("\n").filter((line) => line.trim() !== "").length;
}

/** The files of the trusted core with their lines of code. */
export function countCore(root: string): Map<string, number> {
  const files = TRUSTED_CORE.flatMap((path) =>
    path.endsWith(".ts")
      ? [path]
      : Array.from(Deno.readDirSync(`${root}/${path}`), ({ name }) => `${path}/${name}`).sort()
  );
  return new Map(files.map((path) => [path, codeLines(Deno.readTextFileSync(`${root}/${path}`))]));
}

if (import.meta.main) {
  const counts = countCore(".");
  for (const [path, lines] of counts) console.log(`${String(lines).padStart(6)}  ${path}`);
  console.log(
    `${
      String(Array.from(counts.values()).reduce((a, b) => a + b)).padStart(6)
    }  lines of code in the trusted core`,
  );
}
