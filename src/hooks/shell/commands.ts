/**
 * One simple command: its words, assignments and redirections, and what it comes down to.
 *
 * @module
 */
import type {
  Assignment,
  Command,
  CommandExpansionPart,
  Redirection,
  Word,
} from "npm:unbash@^6.0.4";
import { onlyBash, substitution } from "./atoms.ts";
import { BUILTINS, checkBuiltin, looksAtFiles, PRINTS } from "./builtins.ts";
import { checkWhole } from "./grammar.ts";
import { checkInterpreter } from "./interpreters.ts";
import type { Flow, Steps } from "./reading.ts";
import { redirect } from "./redirections.ts";
import { Refusal, shown } from "./refusal.ts";
import { assigned, either, join, type Outcome, type State } from "./state.ts";
import { checkAssigned, checkEnvironment } from "./variables.ts";
import { checkInert, fieldsOf, valueOf, type WordOptions } from "./words.ts";
import { unwrapped } from "./wrappers.ts";

/** What commands are read with. */
export interface Reader {
  readonly home: string | undefined;
  readonly steps: Steps;
  /** The text that the positions of nodes are in. */
  readonly source: string;
  /** Reads the line of a shell in the shell. */
  line(
    text: string,
    start: { readonly state: State; readonly flow: Flow; readonly posix: boolean },
  ): void;
}

/** What words are read with, at a place of a line. */
export function wordOptions(reader: Reader, state: State, { posix }: Flow): WordOptions {
  return {
    state,
    home: reader.home,
    posix,
    substitute: (part) => printed(part, { reader, state, posix }),
  };
}

/** Reads a simple command. @throws {Refusal} What it does is not certain. */
export function simpleCommand(
  command: Command,
  { reader, state, flow }: { readonly reader: Reader; readonly state: State; readonly flow: Flow },
): Outcome {
  const { steps } = reader;
  steps.count();
  const options = wordOptions(reader, state, flow);
  const assignments: Assignment[] = [];
  const redirections: Redirection[] = [];
  const words: (Word | Assignment)[] = command.name === undefined ? [] : [command.name];
  for (const one of command.prefix) {
    if (one.type === "Assignment") assignments.push(one);
    else redirections.push(one);
  }
  for (const one of command.suffix) {
    if (one.type === "Word" || one.type === "Assignment") words.push(one);
    else redirections.push(one);
  }
  // Whether Bash assigns before it opens files depends on whether there is a program.
  const opening = assignments.reduce((known, { name }) => assigned(known, name, undefined), state);
  const fed = redirect(redirections, { ...wordOptions(reader, opening, flow), steps }) ?? flow.fed;
  const [name, ...rest] = words;
  if (name === undefined) return assign(assignments, { reader, state, flow, redirections });
  for (const one of assignments) {
    const value = valueOf(plainValue(one), options);
    checkEnvironment(one.name, value ?? " ");
  }
  const outcome = called(name, rest, { reader, state, flow: { ...flow, fed }, options });
  // A redirection that fails keeps the command from running.
  return redirections.length === 0 ? outcome : {
    ok: outcome.ok,
    failed: join(outcome.failed, state),
  };
}

/** The value of an assignment, if it is one of a plain variable. */
function plainValue({ name, value, append, index, text }: Assignment): Word {
  const isPlain = value.type === "Word" && text === `${name}=${value.text}`;
  if (!isPlain || append === true || index !== undefined) {
    throw new Refusal(`This assignment is not followed: ${shown(text)}`, "Assign a plain variable");
  }
  return value;
}

function assign(
  assignments: readonly Assignment[],
  { reader, state, flow, redirections }: {
    readonly reader: Reader;
    readonly state: State;
    readonly flow: Flow;
    readonly redirections: readonly Redirection[];
  },
): Outcome {
  let next = state;
  let substitutes = false;
  for (const one of assignments) {
    checkAssigned(one.name);
    const word = plainValue(one);
    substitutes ||= word.text.includes("$(");
    next = assigned(next, one.name, valueOf(word, wordOptions(reader, next, flow)));
  }
  if (redirections.length > 0) return { ok: next, failed: join(next, state) };
  return { ok: next, failed: substitutes ? next : undefined };
}

interface Place {
  readonly reader: Reader;
  readonly state: State;
  readonly flow: Flow;
  readonly options: WordOptions;
}

function called(
  name: Word | Assignment,
  rest: readonly (Word | Assignment)[],
  place: Place,
): Outcome {
  const { state, options } = place;
  if (name.type !== "Word") throw new Refusal(`Not understood: ${shown(name.text)}`, "Quote it");
  const [first, ...more] = fieldsOf(name, options);
  if (first === undefined || first === "") {
    throw new Refusal(`The name of the program is empty: ${shown(name.text)}`, "Write its name");
  }
  if (more.length === 0 && (PRINTS.has(first) || first === "printf")) {
    for (const [i, word] of rest.entries()) {
      if (word.type !== "Word") {
        throw new Refusal(`Not understood: ${shown(word.text)}`, "Quote it");
      }
      // What decides whether printf assigns a variable is the first one.
      if (first !== "printf" || i > 0) checkInert(word, options);
    }
    if (first === "printf") return BUILTINS.printf!(callOf(formatOf(rest, options), place));
    return {
      ok: first === "false" ? undefined : state,
      failed: first === "true" ? undefined : state,
    };
  }
  const count = first === "exit" || isTest(first) ? "0" : undefined;
  const args = [
    ...more,
    ...rest.flatMap((word) => argumentsOf(word, first, { ...options, count })),
  ];
  // Where a step comes of it, its words have to be those of the program.
  const strict = isTest(first) && looksAtFiles(args)
    ? rest.flatMap((word) => argumentsOf(word, first, options))
    : args;
  return dispatch([first, ...strict], place, true);
}

function isTest(name: string): boolean {
  return name === "test" || name === "[";
}

function formatOf(rest: readonly (Word | Assignment)[], options: WordOptions): string[] {
  const formats: string[] = [];
  for (const word of rest.slice(0, 2)) {
    if (word.type !== "Word") break;
    const fields = fieldsOf(word, options);
    formats.push(...fields);
    if (fields.length > 0 && fields[0] !== "--") break;
  }
  return formats;
}

function argumentsOf(
  word: Word | Assignment,
  name: string,
  options: WordOptions & { readonly count?: string | undefined },
): string[] {
  if (word.type === "Word") return fieldsOf(word, options);
  checkBuiltin(name);
  const value = valueOf(plainValue(word), options);
  if (name !== "export" || value === undefined) {
    throw new Refusal(`This assignment is not followed: ${shown(word.text)}`, "Quote the word");
  }
  return [`${word.name}=${value}`];
}

function callOf(args: readonly string[], { reader, state, flow }: Place) {
  return { args, state, home: reader.home, steps: reader.steps, loop: flow.loop };
}

/** What a list of certain words comes down to. */
function dispatch(
  words: readonly [string, ...string[]],
  place: Place,
  builtins: boolean,
): Outcome {
  const [name, ...args] = words;
  const { reader, state, flow } = place;
  if (builtins) {
    if (name === "command" || name === "builtin") return unfolded(words, place);
    checkBuiltin(name);
    if (Object.hasOwn(BUILTINS, name)) return BUILTINS[name]!(callOf(args, place));
    if (PRINTS.has(name)) return either(state);
  }
  for (const word of words) checkCharacters(word);
  const inner = unwrapped(words);
  if (inner === undefined) {
    for (const { path: cwd } of state.places) checkInterpreter(words, { fed: flow.fed, cwd });
    reader.steps.exec(words, state);
  } else if ("words" in inner) {
    reader.steps.count();
    dispatch(inner.words, place, false);
  } else {
    reader.line(inner.line, { state, flow, posix: inner.posix });
  }
  return either(state);
}

function unfolded([name, ...args]: readonly [string, ...string[]], place: Place): Outcome {
  const rest = args[0] === "--" ? args.slice(1) : args;
  const [first, ...others] = rest;
  if (name === "builtin" && place.flow.posix) throw onlyBash(name);
  if (name === "command" && /^-[vV]$/.test(first ?? "") && others.length > 0) {
    if (others.every((one) => /^[\w./+-]+$/.test(one))) return either(place.state);
  }
  if (first === undefined || first.startsWith("-") || rest !== args && args[0] !== "--") {
    throw new Refusal(
      `What runs by ${shown([name, ...args].join(" "))} is not certain`,
      "Leave it away",
    );
  }
  if (name === "builtin" && !Object.hasOwn(BUILTINS, first) && !PRINTS.has(first)) {
    checkBuiltin(first);
    throw new Refusal(`There is no builtin ${shown(first)} that is known`, "Leave builtin away");
  }
  place.reader.steps.count();
  return dispatch([first, ...others], place, true);
}

function checkCharacters(word: string): void {
  // deno-lint-ignore no-control-regex -- these are what no word may have
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(word)) {
    throw new Refusal(`A word has control characters: ${shown(word)}`, "Write it without them");
  }
}

/**
 * What `$(cat <<'EOF' … EOF)` gives: the text itself. This is how agents write messages of several lines;
 * what else stands between the brackets is not certain.
 */
function printed(
  part: CommandExpansionPart,
  { reader, state, posix }: {
    readonly reader: Reader;
    readonly state: State;
    readonly posix: boolean;
  },
): string {
  const { script, text, pos, end } = part;
  const [statement, ...others] = script?.commands ?? [];
  const command = statement?.command;
  if (
    script === undefined || others.length > 0 || command?.type !== "Command" ||
    statement?.background === true || !text.startsWith("$(") || !text.endsWith(")") ||
    reader.source.slice(pos, end) !== text
  ) throw substitution(text);
  checkWhole(reader.source, script, pos + 2, end - 1);
  const [document, ...more] = command.suffix;
  const isCat = command.name?.text === "cat" && command.prefix.length === 0 && more.length === 0;
  if (!isCat || document?.type !== "HereDoc" || document.operator !== "<<") {
    throw substitution(text);
  }
  // Given to another descriptor, cat does not read it.
  if (document.descriptor !== undefined) throw substitution(text);
  const { body } = document;
  const content = reader.source.slice(body.pos, body.end);
  if (content !== body.text) throw substitution(text);
  if (document.delimiter?.quoted !== true && /[$`\\]/.test(content)) {
    throw new Refusal(
      `The here-document has expansions whose values are not certain: ${shown(content)}`,
      "Write <<'EOF' with the quotes",
    );
  }
  redirect([document], {
    state,
    home: reader.home,
    posix,
    steps: reader.steps,
    substitute: () => {
      throw substitution(text);
    },
  });
  reader.steps.exec(["cat"], state);
  let length = content.length;
  while (length > 0 && content[length - 1] === "\n") length--;
  return content.slice(0, length);
}

/** Checks a word that a keyword of the shell looks at. */
export function checkLookedAt(word: Word, reader: Reader, state: State, flow: Flow): void {
  checkInert(word, { ...wordOptions(reader, state, flow), pattern: true });
}
