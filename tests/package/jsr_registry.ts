/**
 * A registry in the layout of JSR, on loopback, with this package and its stand-ins for `@std`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { ROOT } from "../workspace.ts";
import { sourcesOf } from "./sources.ts";

interface Config {
  readonly name: string;
  readonly version: string;
  readonly exports: string | Readonly<Record<string, string>>;
}

/** A running registry. */
export interface Registry extends AsyncDisposable {
  /** For `JSR_URL`. */
  readonly url: string;
  /** Paths that were asked for and are there. */
  readonly served: Set<string>;
}

/** Serves the package as `deno publish` would have uploaded it. */
export function startRegistry(): Registry {
  const files = new Map<string, string>();
  const { imports, links, ...config } = readConfig("");
  const unfurled = unfurl(imports);
  publish(files, config, [...modulesBelow("src", "providers"), "mod.ts"], "", unfurled);
  for (const link of links) {
    const folder = link.replace("./", "");
    publish(files, readConfig(folder), modulesBelow(folder), `${folder}/`, (text) => text);
  }
  const served = new Set<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    const text = files.get(pathname);
    if (text === undefined) return new Response("none", { status: 404 });
    served.add(pathname);
    const type = pathname.endsWith(".ts") ? "text/typescript" : "application/json";
    return new Response(text, { headers: { "content-type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    served,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function readConfig(folder: string): Config & {
  readonly imports: Readonly<Record<string, string>>;
  readonly links: readonly string[];
} {
  return JSON.parse(Deno.readTextFileSync(join(ROOT, folder, "deno.json")));
}

function modulesBelow(...folders: string[]): string[] {
  return sourcesOf(...folders).map(({ path }) => path);
}

/** Bare specifiers of the import map become what they stand for, as when publishing. */
function unfurl(imports: Readonly<Record<string, string>>): (text: string) => string {
  return (text) =>
    text.replace(
      /^((?:import|export|\})[^"\n]*")([^"\n]+)(")/gm,
      (whole, before, specifier, after) =>
        Object.hasOwn(imports, specifier) ? `${before}${imports[specifier]}${after}` : whole,
    );
}

function publish(
  files: Map<string, string>,
  { name, version, exports }: Config,
  paths: readonly string[],
  folder: string,
  change: (text: string) => string,
): void {
  const texts = paths.map((path): [string, string] => [
    path.slice(folder.length),
    change(Deno.readTextFileSync(join(ROOT, path))),
  ]);
  for (const [path, text] of texts) files.set(`/${name}/${version}/${path}`, text);
  const manifest = Object.fromEntries(texts.map(([path, text]) => {
    const bytes = new TextEncoder().encode(text);
    const checksum = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
    return [`/${path}`, { size: bytes.length, checksum }];
  }));
  const [scope, short] = name.slice(1).split("/");
  files.set(
    `/${name}/meta.json`,
    JSON.stringify({ scope, name: short, latest: version, versions: { [version]: {} } }),
  );
  files.set(
    `/${name}/${version}_meta.json`,
    JSON.stringify({
      manifest,
      exports: typeof exports === "string" ? { ".": exports } : exports,
    }),
  );
}
