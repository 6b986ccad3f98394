/**
 * The sources of the package, and what they import.
 *
 * @module
 */
import { dirname, join, normalize, relative } from "@std/path";
import { ROOT } from "../workspace.ts";

/** One source file. */
export interface Source {
  /** Relative to the root of the package. */
  readonly path: string;
  readonly text: string;
  /** The text with comments blanked out, line by line the same. */
  readonly code: string;
  readonly imports: readonly Import[];
}

/** One import or re-export of a source. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** For a relative one: the file, relative to the root. */
  readonly target?: string;
  readonly dynamic: boolean;
}

const STATIC =
  /^(?:import|export)\s+(?:(?:type\s+)?(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?\s*from\s*)?["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*([^)]*?)\s*\)/g;
/** Comments on lines of their own, and behind code. */
const COMMENTS = /^[ \t]*\/\*[\s\S]*?\*\/|(?<=^|[ \t])\/\/ .*$/gm;

/** All TypeScript files below the folders. */
export function sourcesOf(...folders: readonly string[]): Source[] {
  return folders.flatMap((folder) => filesOf(join(ROOT, folder)))
    .filter((path) => path.endsWith(".ts")).sort().map(read);
}

/** One source. */
export function read(absolute: string): Source {
  const path = relative(ROOT, absolute);
  const text = Deno.readTextFileSync(absolute);
  const code = text.replace(COMMENTS, (comment) => comment.replace(/[^\n]/g, " "));
  const found = (specifier: string, dynamic: boolean): Import => ({
    specifier,
    dynamic,
    ...(specifier.startsWith(".") ? { target: normalize(join(dirname(path), specifier)) } : {}),
  });
  return {
    path,
    text,
    code,
    imports: [
      ...Array.from(code.matchAll(STATIC), ([, specifier = ""]) => found(specifier, false)),
      ...Array.from(
        code.matchAll(DYNAMIC),
        ([, argument = ""]) => found(argument.replace(/^["'](.*)["']$/, "$1"), true),
      ),
    ],
  };
}

function filesOf(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(join(folder, name)) : [join(folder, name)]
  );
}
