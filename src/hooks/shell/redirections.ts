/**
 * Redirections: which files they open, and whether they feed a program.
 *
 * @module
 */
import type { HereDoc, Redirect, Redirection } from "npm:unbash@^6.0.4";
import { onlyBash } from "./atoms.ts";
import type { Steps } from "./reading.ts";
import { Refusal, shown } from "./refusal.ts";
import { checkDocument, checkInert, singleOf, type WordOptions } from "./words.ts";

const OPENS: Readonly<Record<string, readonly ("read" | "write")[]>> = {
  "<": ["read"],
  ">": ["write"],
  ">>": ["write"],
  ">|": ["write"],
  "&>": ["write"],
  "&>>": ["write"],
  "<>": ["read", "write"],
};

/** Delimiters of here-documents, in the forms that leave no doubt. */
const DELIMITER = /^(?:([\w.-]+)|'([\w .-]+)'|"([\w .-]+)"|\\([\w.-]+))$/;

/**
 * Adds what redirections open.
 *
 * @returns Whether they give the command a standard input of the line's own; `undefined`: they leave it.
 * @throws {Refusal} It is not certain what they open.
 */
export function redirect(
  redirections: readonly Redirection[],
  options: WordOptions & { readonly steps: Steps },
): boolean | undefined {
  let fed: boolean | undefined;
  for (const one of redirections) {
    const { descriptor } = one;
    if (descriptor !== undefined && !("value" in descriptor && descriptor.value <= 2)) {
      throw new Refusal(
        "Only the standard input, output and error output can be followed",
        "Use no file descriptors but 0, 1 and 2",
      );
    }
    if (one.type === "HereDoc") document(one, options);
    else if (one.type === "HereString") {
      if (options.posix) throw onlyBash("<<<");
      if (one.target !== undefined) checkInert(one.target, { ...options, pattern: true });
    }
    const input = one.type !== "Redirect" ? true : open(one, options);
    fed = input ?? fed;
  }
  return fed;
}

/** @returns Whether it feeds the standard input; `undefined`: it does not touch it. */
function open(
  { operator, target, descriptor }: Redirect,
  options: WordOptions & { readonly steps: Steps },
): boolean | undefined {
  if (target === undefined) throw new Refusal("A redirection has no target", "Name a file");
  const path = singleOf(target, options);
  const toInput = descriptor === undefined
    ? operator.startsWith("<")
    : descriptor.type === "FileDescriptor" && descriptor.value === 0;
  if (operator === ">&" || operator === "<&") {
    if (!/^(?:[012]|-)$/.test(path)) {
      throw new Refusal(
        `It is not certain where this leads: ${shown(operator + path)}`,
        "Write > FILE 2>&1",
      );
    }
    return toInput ? true : undefined;
  }
  const kinds = OPENS[operator];
  if (kinds === undefined) throw new Refusal(`Unknown: ${shown(operator)}`, "Write < or >");
  if (options.posix && operator.startsWith("&")) throw onlyBash(operator);
  if (path === "") throw new Refusal("A redirection has an empty name", "Name a file");
  for (const { path: cwd } of options.state.places) checkFile(path, cwd);
  if (path !== "/dev/null") {
    for (const kind of kinds) options.steps.file(kind, path, options.state);
  }
  return toInput ? path !== "/dev/null" : undefined;
}

/** Files that are not what their path says: connections, and what the shell has open. */
function checkFile(path: string, cwd: string): void {
  if (leadsToOpenFile(path, cwd)) {
    throw new Refusal(
      `This is no file but a connection or what the shell has open: ${shown(path)}`,
      "Use pipes, >&2 for the error output, and a program of its own for the network",
    );
  }
}

/** Whether a path is a connection of Bash, or a file that a process has open. */
export function leadsToOpenFile(path: string, cwd: string): boolean {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  const plain = `/${names.join("/")}`;
  return /^\/dev\/(?:tcp|udp|fd|stdin|stdout|stderr|tty)(?:\/|$)/.test(plain) ||
    /^\/proc\/.*\/(?:fd|root|cwd|exe)(?:\/|$)/.test(plain);
}

function document(one: HereDoc, options: WordOptions): void {
  const { delimiter, body } = one;
  const match = DELIMITER.exec(delimiter?.text ?? "");
  const [, plain, ...quoted] = match ?? [];
  const value = plain ?? quoted.find((text) => text !== undefined);
  if (value === undefined || value !== delimiter?.value || delimiter.quoted !== !plain) {
    throw new Refusal(
      `The end of this here-document is not certain: ${shown(delimiter?.text ?? "")}`,
      "Write <<'EOF'",
    );
  }
  if (!delimiter.quoted) {
    try {
      checkDocument(body.text, options);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Refusal(
        `The here-document has expansions whose values are not certain: ${
          error.message.slice(0, -1)
        }`,
        "Write <<'EOF' if they are meant as they stand there",
      );
    }
  }
}
