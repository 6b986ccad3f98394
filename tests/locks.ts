/**
 * Lock files for what is started from a checkout. Deno downloads every package of a lock file, so one
 * for the whole project makes the demo load the SDKs that only tests use: `tests/deno.lock` has all. Writes them anew:
 *
 *     deno run --allow-read --allow-write=examples/demo,src/cli tests/locks.ts
 */
import { ROOT } from "./workspace.ts";

/** Which packages each lock file is for: all that the modules import, and nothing else. */
export const LOCKS: Readonly<Record<string, readonly string[]>> = {
  "examples/demo/deno.lock": ["@cfworker/json-schema", "@opentelemetry/api", "js-yaml", "openai"],
  "src/cli/deno.lock": [
    "@cfworker/json-schema",
    "@modelcontextprotocol/sdk",
    "@opentelemetry/api",
    "diff",
    "js-yaml",
    "jsonc-parser",
    "openai",
    "toml-eslint-parser",
    "unbash",
  ],
};

interface Lock {
  readonly version: string;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, { readonly dependencies?: readonly string[] }>>;
  readonly workspace: unknown;
}

/** The part of the project's lock file that some packages need, as text. */
export function lockFor(packages: readonly string[]): string {
  const { version, specifiers, npm, workspace }: Lock = JSON.parse(
    Deno.readTextFileSync(`${ROOT}/tests/deno.lock`),
  );
  const own = Object.entries(specifiers).filter(([specifier]) =>
    packages.some((name) => specifier.startsWith(`npm:${name}@`))
  );
  const keys = new Set(
    own.map(([specifier, resolved]) =>
      `${specifier.slice("npm:".length, specifier.lastIndexOf("@"))}@${resolved}`
    ),
  );
  // A set that grows while it is walked through.
  for (const key of keys) {
    for (const name of npm[key]?.dependencies ?? []) {
      const found = Object.keys(npm).find((one) => one === name || one.startsWith(`${name}@`));
      if (found === undefined) throw new Error(`tests/deno.lock has no ${name}`);
      keys.add(found);
    }
  }
  const part = Array.from(keys).sort().map((key) => [key, npm[key]]);
  const lock = {
    version,
    specifiers: Object.fromEntries(own),
    npm: Object.fromEntries(part),
    workspace,
  };
  return `${JSON.stringify(lock, null, 2)}\n`;
}

if (import.meta.main) {
  for (const [path, packages] of Object.entries(LOCKS)) {
    Deno.writeTextFileSync(`${ROOT}/${path}`, lockFor(packages));
  }
}
