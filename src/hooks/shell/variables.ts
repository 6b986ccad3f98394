/**
 * Which variables a line may assign.
 *
 * @module
 */
import { Refusal, shown } from "./refusal.ts";

/** What changes how programs speak, and not what they do; they may be in the environment of a program. */
const HARMLESS = new Set([
  ...["CI", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "DEBIAN_FRONTEND", "FORCE_COLOR", "LANG"],
  ...["LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME"],
  ...["LINES", "NODE_ENV", "NO_COLOR", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"],
  ...["RUST_BACKTRACE", "TERM", "TZ", "GIT_TERMINAL_PROMPT"],
]);

/** Names in small letters that shells or programs know. */
const KNOWN = new Set([
  ..."_ path cdpath fpath manpath mailpath module_path fignore argv status options".split(" "),
  ..."aliases commands functions galiases saliases nameddirs userdirs prompt".split(" "),
  ..."histchars auto_resume".split(" "),
]);

/**
 * That a program may have a variable in its environment.
 *
 * @throws {Refusal} It may change what runs, or what that does.
 */
export function checkEnvironment(name: string, value: string): void {
  // No paths: a locale or a time zone is a file too.
  const plain = /^[\w.+@,=-]*$/.test(value) ||
    name === "TZ" && /^[A-Za-z]\w*(\/[\w+-]+)+$/.test(value);
  if (!HARMLESS.has(name) || !plain) {
    throw new Refusal(
      `The variable ${shown(`${name}=${value}`)} may change what the program does`,
      "Leave it away, or use an option of the program",
    );
  }
}

/**
 * That the shell may have a variable: one that is in the environment already would reach programs.
 *
 * @throws {Refusal} Programs or the shell may know it.
 */
export function checkAssigned(name: string): void {
  const own = /^[a-z_][A-Za-z0-9_]*$/.test(name) || /^[A-Z]$/.test(name);
  if (!own || KNOWN.has(name) || name.startsWith("npm_") || name.endsWith("_proxy")) {
    throw new Refusal(
      `Programs may know the variable ${shown(name)}`,
      "Give it another name, in small letters",
    );
  }
}
