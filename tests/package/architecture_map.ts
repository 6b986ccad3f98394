/**
 * The map of the sources in docs/architecture.md, made from what each module says of itself:
 *
 *     deno task map
 *
 * @module
 */
import { join } from "@std/path";
import { ROOT } from "../workspace.ts";
import { read, type Source, sourcesOf } from "./sources.ts";

/** Where the map is. */
export const MAP_FILE: string = join(ROOT, "docs/architecture.md");

const BEGIN = "<!-- map: written by `deno task map` -->";
const END = "<!-- end of the map -->";

/** Files of the tests' own in the folders of sources. */
const SOURCES = () => [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")];

/** The first sentence of a module's documentation; `undefined` if it has none. */
export function moduleSentence({ text }: Source): string | undefined {
  const comment = /^\/\*\*\n([\s\S]*?)\*\//.exec(text)?.[1];
  if (comment === undefined || !/^ \* @module$/m.test(comment)) return undefined;
  const lines = comment.split("\n").map((line) => line.replace(/^ \* ?/, ""));
  const paragraph = lines.slice(0, lines.indexOf("")).join(" ");
  return /^.*?[.:](?= |$)/.exec(paragraph)?.[0].replace(/:$/, ".") ?? paragraph;
}

/** The map: a table for each folder, a row for each file. */
export function renderMap(sources: readonly Source[] = SOURCES()): string {
  const byFolder = Map.groupBy(sources, ({ path }) => path.split("/").slice(0, -1).join("/"));
  const folders = Array.from(byFolder.keys()).sort();
  return folders.map((folder) => {
    const rows = (byFolder.get(folder) ?? []).map((source) =>
      `| \`${source.path.split("/").at(-1)}\` | ${moduleSentence(source) ?? ""} |`
    );
    const title = folder === "" ? "The package" : `\`${folder}/\``;
    return `### ${title}\n\n| file | what |\n| --- | --- |\n${rows.join("\n")}\n`;
  }).join("\n");
}

/** A page with its map replaced. @throws {SyntaxError} It has no place for one. */
export function withMap(page: string, map: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) {
    throw new SyntaxError(`Cannot write the map: expected "${BEGIN}" and "${END}" in the page`);
  }
  return `${page.slice(0, begin + BEGIN.length)}\n\n${map}\n${page.slice(end)}`;
}

if (import.meta.main) {
  Deno.writeTextFileSync(MAP_FILE, withMap(Deno.readTextFileSync(MAP_FILE), renderMap()));
}
