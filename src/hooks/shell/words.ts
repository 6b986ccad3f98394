/**
 * Words of a command line: what the program will get, if that is certain.
 *
 * @module
 */
import type { CommandExpansionPart, Word, WordPart } from "npm:unbash@^6.0.4";
import { type Atom, atomsOf, type Manner, onlyBash, substitution, unknownValue } from "./atoms.ts";
import { expandBraces } from "./braces.ts";
import { Refusal, shown } from "./refusal.ts";
import type { State } from "./state.ts";

/** Expansions that are digits, whatever they are. */
const COUNT = /^[?#$!]$/;

/** What words are read with. */
export interface WordOptions {
  readonly state: State;
  /** For `~`. */
  readonly home: string | undefined;
  readonly posix: boolean;
  /** What a command substitution gives. @throws {Refusal} That is not certain. */
  readonly substitute: (part: CommandExpansionPart) => string;
}

/** The arguments that a word becomes: none, one or several. @throws {Refusal} They are not certain. */
export function fieldsOf(
  word: Word,
  options: WordOptions & {
    /** Stands for `$?` and the like, where only their being digits matters. */
    readonly count?: string | undefined;
  },
): string[] {
  const atoms = atomsOfWord(word, options);
  const expanded = expandBraces(atoms);
  if (expanded[0] !== atoms && options.posix) throw onlyBash(word.text);
  return expanded.flatMap((one) => split(withHome(one, word, options), word, options.count));
}

/** The one text that a redirection or the like stands for. @throws {Refusal} It is not certain. */
export function singleOf(word: Word, options: WordOptions): string {
  const [field, ...others] = fieldsOf(word, options);
  if (field === undefined || others.length > 0) {
    throw new Refusal(`This is not one name: ${shown(word.text)}`, "Write one name, quoted");
  }
  return field;
}

/**
 * The value that an assignment gives: no pattern, no braces, no splitting; `undefined` if it depends on
 * what a program has said, like `$?`.
 */
export function valueOf(word: Word, options: WordOptions): string | undefined {
  const atoms = withHome(atomsOfWord(word, options, true), word, options);
  return atoms.some(({ kind }) => kind === "unknown")
    ? undefined
    : atoms.map(({ text }) => text).join("");
}

/**
 * That a word does nothing, whatever its value: it may be of variables that the line assigned, and of `$?`.
 *
 * @throws {Refusal} It may run a command, look into a folder, or show the environment.
 */
export function checkInert(
  word: Word,
  options: WordOptions & { readonly pattern?: boolean },
): void {
  const atoms = atomsOfWord(word, options, true);
  // Braces may join a variable with what comes after it.
  expandBraces(atoms);
  const bracket = lastBracket(atoms);
  const glob = atoms.some((atom, i) =>
    !atom.quoted && (
      atom.kind === "char" && isGlob(atom.text, i < bracket) ||
      atom.kind === "value" && /[*?[\\]/.test(atom.text) ||
      atom.kind === "unknown" && !COUNT.test(atom.name)
    )
  );
  if (glob && options.pattern !== true) throw pattern(word.text);
}

/** Checks the body of a here-document whose delimiter is not quoted. @throws {Refusal} */
export function checkDocument(text: string, options: WordOptions): void {
  read(text, { options, manner: "document", parts: new Map() });
}

function atomsOfWord(word: Word, options: WordOptions, bare = false): Atom[] {
  const parts = new Map<number, CommandExpansionPart>();
  collect(word.parts ?? [], parts, bare);
  const shifted = new Map(Array.from(parts, ([pos, part]) => [pos - word.pos, part]));
  return read(word.text, { options, manner: "word", parts: shifted, start: word.pos });
}

/** Command substitutions between double quotes, and bare ones where they are not split. */
function collect(
  parts: readonly WordPart[],
  out: Map<number, CommandExpansionPart>,
  bare: boolean,
): void {
  for (const part of parts) {
    if (part.type === "CommandExpansion" && bare) out.set(part.pos, part);
    if (part.type === "DoubleQuoted") collect(part.parts, out, true);
  }
}

function read(
  text: string,
  { options, manner, parts, start = 0 }: {
    readonly options: WordOptions;
    readonly manner: Manner;
    readonly parts: ReadonlyMap<number, CommandExpansionPart>;
    readonly start?: number;
  },
): Atom[] {
  return atomsOf(text, {
    manner,
    posix: options.posix,
    expansions: {
      variable(name) {
        const { variables } = options.state;
        if (!variables.has(name)) throw unknownValue(`$${name}`);
        return { value: variables.get(name) };
      },
      command(at) {
        const part = parts.get(at);
        if (part === undefined || part.end - start > text.length) {
          throw substitution(text.slice(at));
        }
        return { value: options.substitute(part), end: part.end - start };
      },
    },
  });
}

/** The home folder for a `~` at the beginning. */
function withHome(atoms: readonly Atom[], word: Word, { home }: WordOptions): readonly Atom[] {
  const isTilde = (atom: Atom | undefined) =>
    atom?.kind === "char" && !atom.quoted && atom.text === "~";
  const odd = () =>
    new Refusal(
      `Which folder is meant by the tilde is not certain: ${shown(word.text)}`,
      "Write an absolute path, or quote the tilde",
    );
  for (const [i, atom] of atoms.entries()) {
    const before = atoms[i - 1];
    if (i > 0 && isTilde(atom) && before !== undefined && /[=:]$/.test(before.text)) throw odd();
  }
  if (!isTilde(atoms[0])) return atoms;
  const next = atoms[1];
  if (next !== undefined && !(next.kind === "char" && !next.quoted && next.text === "/")) {
    throw odd();
  }
  if (home === undefined) throw odd();
  return [{ kind: "value", text: home, quoted: true }, ...atoms.slice(1)];
}

/** Splits what was not quoted, and refuses patterns. */
function split(atoms: readonly Atom[], word: Word, count: string | undefined): string[] {
  const fields: string[] = [];
  let field: string | undefined;
  const bracket = lastBracket(atoms);
  const first = atoms[0];
  if (
    first?.kind === "char" && !first.quoted && first.text === "=" && atoms.length > 1 &&
    !atoms.every(({ text }) => text === "=")
  ) {
    throw new Refusal(`Shells differ about ${shown(word.text)}`, "Quote it");
  }
  for (const [i, atom] of atoms.entries()) {
    if (atom.kind === "unknown") {
      if (count === undefined || !COUNT.test(atom.name)) throw unknownValue(`$${atom.name}`);
      field = (field ?? "") + count;
    } else if (atom.kind === "value" && !atom.quoted) {
      if (/[*?[\\]/.test(atom.text)) throw pattern(atom.text);
      for (const char of atom.text) {
        if (!" \t\n".includes(char)) field = (field ?? "") + char;
        else if (field !== undefined) {
          fields.push(field);
          field = undefined;
        }
      }
    } else {
      if (atom.kind === "char" && !atom.quoted && isGlob(atom.text, i < bracket)) {
        throw pattern(word.text);
      }
      field = (field ?? "") + atom.text;
    }
  }
  if (field !== undefined) fields.push(field);
  return fields;
}

/** A bracket that is not closed is a letter. */
function isGlob(char: string, closed: boolean): boolean {
  return char === "*" || char === "?" || char === "[" && closed;
}

function lastBracket(atoms: readonly Atom[]): number {
  return atoms.findLastIndex(({ text }) => text.includes("]"));
}

function pattern(text: string): Refusal {
  return new Refusal(
    `Which files the pattern ${shown(text)} stands for is not certain`,
    "Name the files one by one, or quote it if the program itself takes a pattern",
  );
}
