/**
 * Finds the paths among the words of a command line.
 *
 * @module
 */
import type { ArgumentPaths, PathActions } from "./argument_paths.ts";

/** A word that names a path. */
export interface NamedPath {
  /** As it is in the command line. */
  readonly word: string;
  /** The path in it: the word, or what follows an option in it. */
  readonly path: string;
  readonly actions: PathActions;
}

/** A word that cannot be taken as what it seems to be. */
export interface RefusedWord {
  readonly word: string;
  readonly reason: string;
}

/**
 * Finds the paths among words. Options begin with `-` and stand before the first `--`; a lone `-` is
 * an operand, decided like a file of that name.
 *
 * @param args The words.
 * @param paths Which of them are paths.
 * @returns The paths, or the first word that is refused.
 */
export function namedPaths(
  args: readonly string[],
  paths: ArgumentPaths,
): { readonly found: readonly NamedPath[] } | { readonly refused: RefusedWord } {
  const found: NamedPath[] = [];
  const operands: string[] = [];
  let optionsEnded = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    const text = paths.refuse.find((text) => word.includes(text));
    if (text !== undefined) return refuse(word, `it contains "${text}"`);
    if (optionsEnded || !word.startsWith("-") || word === "-") {
      operands.push(word);
      continue;
    }
    if (word === "--") {
      optionsEnded = true;
      continue;
    }
    const actions = paths.after.get(word);
    if (actions !== undefined) {
      const value = args[++i];
      if (value === undefined) return refuse(word, "its value is missing");
      const text = paths.refuse.find((text) => value.includes(text));
      if (text !== undefined) return refuse(value, `it contains "${text}"`);
      // INVARIANT: the constraint and the program agree on what is an option. They would not on "--",
      // or on an option that must be there, as the value of another one.
      if (value !== "-" && /^-(?!\d)/.test(value)) {
        return refuse(value, `the value of ${word} begins with "-"`);
      }
      found.push({ word: value, path: value, actions });
      continue;
    }
    const start = paths.joined.find(([start]) => word.startsWith(start));
    if (start !== undefined) {
      found.push({ word, path: word.slice(start[0].length), actions: start[1] });
    }
  }
  for (const [i, word] of operands.entries()) {
    const isLast = i === operands.length - 1;
    const first = i === 0 ? paths.first : undefined;
    const last = isLast ? paths.last : undefined;
    const special = first === undefined && last === undefined ? undefined : [first, last];
    const actions = special?.flatMap((one) => one ?? []) ?? paths.operands;
    found.push({ word, path: word, actions });
  }
  const climbing = found.find(({ path, actions }) => actions.length > 0 && climbsFromName(path));
  if (climbing !== undefined) {
    const { word } = climbing;
    return refuse(word, 'what ".." after a name leads to depends on links, expected a plain path');
  }
  return { found: found.filter(({ actions }) => actions.length > 0) };
}

/** `a/../b`: if `a` is a link, the system goes to the parent of what it leads to. */
function climbsFromName(path: string): boolean {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  const name = segments.findIndex((segment) => segment !== "..");
  return name !== -1 && segments.indexOf("..", name) !== -1;
}

function refuse(word: string, reason: string): { readonly refused: RefusedWord } {
  return { refused: { word, reason } };
}
