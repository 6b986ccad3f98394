/**
 * Programs that only start another one: what that is.
 *
 * @module
 */
import { isShell, programOf } from "./interpreters.ts";
import { Refusal, shown } from "./refusal.ts";
import { checkEnvironment } from "./variables.ts";

/** What a wrapper starts: a program, or a shell with a line. */
export type Inner =
  | { readonly words: readonly [string, ...string[]] }
  | { readonly line: string; readonly posix: boolean };

/** An option with its value in the next word, or joined, or none. */
interface Options {
  /** Words that are options by themselves. */
  readonly alone: RegExp;
  /** Words after which a value comes. */
  readonly valued?: RegExp;
  /** What the value has to look like. */
  readonly value?: RegExp;
  /** How many words come before the program. */
  readonly operands?: RegExp;
}

const DURATION = /^\d{1,9}(?:\.\d{1,9})?[smhd]?$/;

const WRAPPERS: Readonly<Record<string, Options>> = {
  nice: {
    alone: /^(?:-\d{1,2}|--adjustment=-?\d{1,2}|-n-?\d{1,2})$/,
    valued: /^-n$/,
    value: /^-?\d+$/,
  },
  timeout: {
    alone:
      /^(?:--foreground|--preserve-status|-v|--verbose|--signal=\w+|-s\w+|--kill-after=\d+[smhd]?|-k\d+[smhd]?)$/,
    valued: /^(?:-s|-k)$/,
    value: /^\w+$/,
    operands: DURATION,
  },
  stdbuf: { alone: /^(?:-[ioe](?:L|\d+[KM]?)|--(?:input|output|error)=(?:L|\d+))$/ },
};

/** Folders in which the names of shells and wrappers are taken for what they say. */
const PLAIN = /^(?:\/usr)?\/bin\/(?=[a-z]+$)/;

/** Shells whose lines are read, and whether they may be less than Bash. */
const READ: Readonly<Record<string, boolean>> = { bash: false, sh: true, dash: true };

const NEVER: Readonly<Record<string, string>> = {
  sudo: "Run it without sudo, or ask the user to run it",
  doas: "Run it without doas, or ask the user to run it",
  su: "Run it as the user who you are",
  pkexec: "Run it without pkexec, or ask the user to run it",
  run0: "Run it without run0, or ask the user to run it",
  gxargs: "Run the first command by itself, then name the files as arguments",
  xargs: "Run the first command by itself, then name the files as arguments",
  nohup: "Leave it away, and let the command end with its call",
  setsid: "Leave it away, and let the command end with its call",
};

/** Options of `find` that start programs, remove or write. */
const FIND = /^-(?:exec|execdir|ok|okdir|delete|fprint|fprint0|fprintf|fls|files0-from)$/;

/**
 * What a program with its arguments starts; `undefined`: it is no wrapper that is known.
 *
 * @throws {Refusal} It is one, and what it starts is not certain.
 */
export function unwrapped(words: readonly [string, ...string[]]): Inner | undefined {
  const [path, ...args] = words;
  const name = path.replace(PLAIN, "");
  const base = programOf(path);
  if (Object.hasOwn(NEVER, base)) {
    throw new Refusal(`What runs by ${shown(base)} cannot be followed`, NEVER[base]!);
  }
  if (base === "find" || base === "gfind") checkFind(args);
  if (base === "busybox" || base === "toybox") checkBox(args);
  if (name === "env") return ofEnv(args);
  if (Object.hasOwn(READ, name)) return ofShell(args, READ[name]!);
  if (isShell(name) && args.some((arg) => /^[-+][A-Za-z]*[ci]/.test(arg))) {
    throw new Refusal(
      `The language of ${shown(name)} is not read`,
      "Write the commands themselves",
    );
  }
  const options = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  return options === undefined || args.length === 0 ? undefined : ofOptions(name, args, options);
}

function ofOptions(name: string, args: readonly string[], options: Options): Inner | undefined {
  let at = 0;
  const next = () => args[at];
  for (let arg = next(); arg?.startsWith("-"); arg = next()) {
    if (options.alone.test(arg)) at++;
    else if (options.valued?.test(arg) && options.value?.test(args[at + 1] ?? "")) at += 2;
    else if (arg === "--help" || arg === "--version") return undefined;
    else throw unknownOption(name, arg);
  }
  if (options.operands !== undefined && !options.operands.test(args[at++] ?? "")) {
    throw unknownOption(name, args[at - 1] ?? "");
  }
  return inner(args.slice(at)) ?? fail(unknownOption(name, ""));
}

function ofEnv(args: readonly string[]): Inner | undefined {
  let at = 0;
  for (; at < args.length; at++) {
    const arg = args[at]!;
    if (arg.startsWith("-") && !(args.length === 1 && /^--(?:help|version)$/.test(arg))) {
      throw unknownOption("env", arg);
    }
    const equals = arg.indexOf("=");
    if (equals < 0) break;
    checkEnvironment(arg.slice(0, equals), arg.slice(equals + 1));
  }
  // Alone it prints the environment.
  return args.length === 1 && args[0]!.startsWith("--") ? undefined : inner(args.slice(at));
}

function ofShell(args: readonly string[], posix: boolean): Inner | undefined {
  let line = false;
  let at = 0;
  for (let arg = args[0]; arg !== undefined && /^-[A-Za-z]/.test(arg); arg = args[at]) {
    if (!/^-[celu]*o?$/.test(arg)) {
      if (line || /[ci]/.test(arg)) throw unknownOption("a shell", arg);
      return undefined;
    }
    if (arg.includes("c")) line = true;
    at++;
    if (arg.endsWith("o") && args[at++] !== "pipefail") throw unknownOption("a shell", arg);
  }
  if (!line) return undefined;
  const text = args[at];
  if (text === undefined || text === "" || at !== args.length - 1 || /^[-+]/.test(text)) {
    throw new Refusal(
      "What a shell does with these arguments is not certain",
      "Write bash -c 'COMMANDS' with nothing after it, or the commands themselves",
    );
  }
  return { line: text, posix };
}

function checkFind(args: readonly string[]): void {
  const found = args.find((arg) => FIND.test(arg));
  if (found !== undefined) {
    throw new Refusal(
      `On which files ${shown(`find ${found}`)} acts is not certain`,
      "Run find by itself, then name the files that it printed",
    );
  }
}

function checkBox([applet = ""]: readonly string[]): void {
  if (
    isShell(applet) || Object.hasOwn(NEVER, applet) || applet === "env" || applet.startsWith("-")
  ) {
    throw new Refusal(
      `What runs by ${shown(applet)} cannot be followed`,
      "Write the commands themselves",
    );
  }
}

function inner([first, ...rest]: readonly string[]): Inner | undefined {
  return first === undefined ? undefined : { words: [first, ...rest] };
}

function unknownOption(name: string, option: string): Refusal {
  return new Refusal(
    `What ${shown(name)} does with ${shown(option)} is not certain`,
    `Run the inner command without ${shown(name)}`,
  );
}

function fail(error: Error): never {
  throw error;
}
