import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { CORE_BUDGET, countCore, countRooms } from "../count_core.ts";
import { ROOT } from "../workspace.ts";
import { MAP_FILE, moduleSentence, renderMap } from "./architecture_map.ts";
import { read, sourcesOf } from "./sources.ts";

const PAGE = Deno.readTextFileSync(MAP_FILE);
const SOURCES = [read(join(ROOT, "mod.ts")), ...sourcesOf("src", "providers")];

/** Tables are aligned by the formatter; what they say is compared. */
function rowsOf(markdown: string): string[] {
  return markdown.split("\n").filter((line) => /^(\||###)/.test(line))
    .filter((line) => !/^\|[\s|-]+$/.test(line))
    .map((line) => line.replace(/\s*\|\s*/g, "|"));
}

Deno.test("every module says in one sentence what it is", () => {
  const silent = SOURCES.filter((source) => moduleSentence(source) === undefined);
  assertEquals(silent.map(({ path }) => path), []);
});

Deno.test("the map in docs/architecture.md is what the modules say; deno task map writes it", () => {
  const begin = PAGE.indexOf("<!-- map");
  const map = PAGE.slice(begin, PAGE.indexOf("<!-- end of the map"));
  assert(begin !== -1);
  assertEquals(rowsOf(map), rowsOf(renderMap(SOURCES)));
});

Deno.test("every file that docs/architecture.md names exists", () => {
  const prose = PAGE.slice(0, PAGE.indexOf("<!-- map"));
  const named = Array.from(prose.matchAll(/`((?:src|providers|tests)\/[\w./-]+)`/g), ([, p]) => p);
  assert(named.length > 20, `${named.length} files`);
  const paths = new Set(SOURCES.map(({ path }) => path));
  const missing = named.filter((path = "") =>
    path.endsWith("/") ? !SOURCES.some((source) => source.path.startsWith(path)) : !paths.has(path)
  ).filter((path = "") => !path.startsWith("tests/"));
  assertEquals(missing, []);
});

Deno.test(`the trusted core has at most ${CORE_BUDGET} lines of code, and the README says how many`, () => {
  const files = countCore(ROOT);
  const total = Array.from(files.values()).reduce((sum, lines) => sum + lines, 0);
  for (const [room, lines] of countRooms(files)) console.log(`${lines}\t${room}/`);
  assert(total > 2000, `${total} lines counted`);
  assert(total <= CORE_BUDGET, `${total} lines`);
  const said = /([\d,]+) lines of code that an auditor has to\s+read/.exec(
    Deno.readTextFileSync(join(ROOT, "README.md")),
  )?.[1];
  assertEquals(said, total.toLocaleString("en"));
});
