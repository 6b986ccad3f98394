/**
 * The code of the kernel's own process, and what decides which code that is.
 *
 * @module
 */
import { dirname, fromFileUrl, join } from "@std/path";
import type { GuardedPath } from "./core/policy/guard.ts";
import type { Provider } from "./worker/provider.ts";

/**
 * What Deno reads at its start in the folder of a module and in those above it: configuration that
 * maps imports, and folders from which it then takes packages. A `package.json` is enough to make it
 * take `npm:` packages from `node_modules`. An import map of another name is not known here.
 */
const CONFIGURATION = [
  "deno.json",
  "deno.jsonc",
  "deno.lock",
  "import_map.json",
  "package.json",
  "tsconfig.json",
  ".npmrc",
];
const PACKAGES = ["node_modules", "vendor"];

/**
 * The code of this process and its configuration: an action that could rewrite it would be carried out
 * by code of its own choice the next time, outside of every sandbox. Modules that these import from
 * elsewhere are not known here.
 */
export function guardedCode(providers: readonly Provider[]): GuardedPath[] {
  const modules = [Deno.mainModule, ...providers.flatMap(({ module }) => module ?? [])]
    .filter((module) => module.startsWith("file:")).map((module) => fromFileUrl(module));
  const root = packageRoot();
  const own = root === undefined ? [] : [join(root, "mod.ts")];
  const code = new Set([...packageFolders(), ...own, ...modules]);
  // Deno takes the nearest ones above a module.
  const folders = Array.from(
    new Set([...modules, ...own].flatMap((module) => foldersUpFrom(dirname(module)))),
  );
  const inFolders = (names: readonly string[]) =>
    folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [
    ...[...code, ...inFolders(PACKAGES)].map((path) => ({
      path,
      what: "code of the kernel's process",
    })),
    ...inFolders(CONFIGURATION).map((path) => ({
      path,
      what: "configuration of the kernel's process",
    })),
  ];
}

/** Where this package's own modules are; none if it does not run from a checkout. */
export function packageFolders(): string[] {
  const root = packageRoot();
  return root === undefined ? [] : ["links", "providers", "src"].map((name) => `${root}/${name}`);
}

function packageRoot(): string | undefined {
  return import.meta.url.startsWith("file:")
    ? dirname(dirname(fromFileUrl(import.meta.url)))
    : undefined;
}

function foldersUpFrom(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersUpFrom(above)];
}
