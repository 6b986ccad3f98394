/**
 * Counts the trusted core, the lines that an auditor has to read, room by room:
 *
 *     deno task core
 */

/** Most lines of code that the core may have (design, section 3). */
export const CORE_BUDGET = 3200;

const ROOT = "src/core";

/** Lines that are neither blank nor comments. */
export function codeLines(source: string): number {
  const withoutComments = source.replace(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "").replace(
    /^\s*\/\/.*$/gm,
    "",
  );
  return withoutComments.split("\n").filter((line) => line.trim() !== "").length;
}

/** The files of the trusted core below a project's folder, with their lines of code. */
export function countCore(project: string): Map<string, number> {
  return new Map(
    filesIn(`${project}/${ROOT}`).map((path) => [
      path.slice(project.length + 1),
      codeLines(Deno.readTextFileSync(path)),
    ]),
  );
}

/** The lines of each room: a folder of the core, or the core itself for the files beside them. */
export function countRooms(files: ReadonlyMap<string, number>): Map<string, number> {
  const rooms = new Map<string, number>();
  for (const [path, lines] of files) {
    const room = path.slice(0, path.lastIndexOf("/"));
    rooms.set(room, (rooms.get(room) ?? 0) + lines);
  }
  return rooms;
}

function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(({ name, isDirectory }) =>
      isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
    );
}

if (import.meta.main) {
  const files = countCore(".");
  const show = (lines: number, what: string) =>
    console.log(`${String(lines).padStart(6)}  ${what}`);
  for (const [path, lines] of files) show(lines, path);
  console.log("");
  for (const [room, lines] of countRooms(files)) show(lines, `${room}/`);
  const total = Array.from(files.values()).reduce((sum, lines) => sum + lines, 0);
  show(total, `lines of code in the trusted core, at most ${CORE_BUDGET}`);
}
