/**
 * Builtins of Bash: which of them do nothing to the world, which change what is known, and which are
 * refused.
 *
 * @module
 */
import { Refusal, shown } from "./refusal.ts";
import { assigned, either, join, type Outcome, type Place, type State } from "./state.ts";
import type { LoopExits, Steps } from "./reading.ts";
import { checkEnvironment } from "./variables.ts";

/** What a builtin is called with. */
export interface Call {
  readonly args: readonly string[];
  readonly state: State;
  readonly home: string | undefined;
  readonly steps: Steps;
  readonly loop: LoopExits | undefined;
}

/** A builtin, as far as it is understood. */
export type Builtin = (call: Call) => Outcome;

/** What they print is of no concern: only their words have to be harmless. */
export const PRINTS: ReadonlySet<string> = new Set(["echo", ":", "true", "false"]);

/** Builtins that are understood and have certain words. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  cd,
  pwd: only(/^-[LP]$/),
  wait: only(/^(?!)/),
  type: only(/^[\w./+-]+$/),
  exit({ args, state }) {
    if (args.length > 1 || !/^\d*$/.test(args[0] ?? "")) throw odd("exit", args);
    // An empty argument is an error, and the shell may go on.
    return args[0] === "" ? either(state) : {};
  },
  break: leave("left"),
  continue: leave("again"),
  set({ args, state }) {
    if (args.length === 0) throw odd("set", args);
    for (let at = 0; at < args.length; at++) {
      const match = /^[-+][eu]*(o?)$/.exec(args[at]!);
      if (match === null || args[at]!.length < 2) throw odd("set", args);
      if (match[1] && !/^(?:pipefail|errexit|nounset)$/.test(args[++at] ?? "")) {
        throw odd("set", args);
      }
    }
    return either(state);
  },
  export({ args, state }) {
    let next = state;
    if (args.length === 0 || args[0]!.startsWith("-")) throw odd("export", args);
    for (const arg of args) {
      const equals = arg.indexOf("=");
      const name = equals < 0 ? arg : arg.slice(0, equals);
      const value = equals < 0 ? state.variables.get(name) : arg.slice(equals + 1);
      checkEnvironment(name, value ?? " ");
      next = assigned(next, name, value);
    }
    return { ok: next };
  },
  printf({ args, state }) {
    checkFormat((args[0] === "--" ? args[1] : args[0]) ?? "");
    return either(state);
  },
  test: ({ args, ...call }) => tested(args, call),
  "["({ args, ...call }) {
    if (args.at(-1) !== "]") throw odd("[", args);
    return tested(args.slice(0, -1), call);
  },
};

/** Why the rest is refused. */
const REFUSED: Readonly<Record<string, string>> = {
  "eval source .": "Write the commands themselves, or bash FILE",
  "exec trap": "Write the command as it is, at the end of the line",
  "alias unalias shopt enable hash bind complete compgen compopt":
    "Write lines that need no change of the shell",
  "read mapfile readarray getopts select": "Run one command by itself, then use what it printed",
  "declare typeset local readonly let unset shift return":
    "Assign plain variables, or write the values themselves",
  "pushd popd dirs": "Write cd with a folder, joined with &&",
  "bg fg jobs disown suspend logout coproc": "Let each command end with its call",
  "fc history help times caller": "Leave it away",
  "ulimit umask": "Leave it away, or use chmod on the files",
  "function time if then else elif fi for while until do done case esac in [[ ]] { } !":
    "Write it where the shell takes it for a keyword",
};

const ADVICE = new Map(
  Object.entries(REFUSED).flatMap(([names, advice]) =>
    names.split(" ").map((name) => [name, advice] as const)
  ),
);

/** @throws {Refusal} It is a builtin that is not understood. */
export function checkBuiltin(name: string): void {
  const advice = ADVICE.get(name);
  if (advice !== undefined) {
    throw new Refusal(`What ${shown(name)} changes cannot be followed`, advice);
  }
}

/** @throws {Refusal} `printf` would assign a variable. */
function checkFormat(format: string): void {
  // "%n" assigns to the variable that an argument names, and an index of that is arithmetic.
  if (format.startsWith("-") || /%[-+ #0'*\d.$hljztLq]*n/.test(format.replaceAll("%%", ""))) {
    throw odd("printf", [format]);
  }
}

function only(pattern: RegExp): Builtin {
  return ({ args, state }) => {
    if (args.some((arg) => !pattern.test(arg))) throw odd("this", args);
    return either(state);
  };
}

function leave(way: "left" | "again"): Builtin {
  return ({ args, state, loop }) => {
    if (loop === undefined || args.length > 0) {
      throw odd(way === "left" ? "break" : "continue", args);
    }
    loop[way] = join(loop[way], state);
    return {};
  };
}

function cd({ args, state, home }: Call): Outcome {
  const [target = home ?? "", ...others] = args[0] === "--" ? args.slice(1) : args;
  if (target === "" || target.startsWith("-") || others.length > 0) throw odd("cd", args);
  const places = state.places.map((place) => entered(place, target));
  const unique = new Map(places.map((place) => [place.path, place]));
  return { ok: { ...state, places: Array.from(unique.values()) }, failed: state };
}

/** The folder as Bash names it: it takes `..` off the text of its own `$PWD`. */
function entered(from: Place, target: string): Place {
  const absolute = target.startsWith("/");
  const names = absolute ? [] : from.path.split("/").filter((name) => name !== "");
  let own = absolute ? Infinity : from.own;
  let down = false;
  for (const name of target.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") {
      names.push(name);
      own++;
      down = true;
    } else if (down || own <= 0 || names.length === 0) {
      throw new Refusal(
        `Where ${shown(`cd ${target}`)} leads is not certain, if a folder on the way is a link`,
        `Write the absolute path of the folder`,
      );
    } else {
      names.pop();
      own--;
    }
  }
  return { path: `/${names.join("/")}`, own };
}

const FILE_TESTS = new Set(
  "-a -b -c -d -e -f -g -h -k -p -r -s -u -w -x -G -L -N -O -S -ef -nt -ot".split(" "),
);
const NUMBERS = new Set("-eq -ne -lt -le -gt -ge".split(" "));

/** A test of texts and numbers does nothing; one of files looks at them, and is a step. */
export function tested(
  args: readonly string[],
  { state, steps }: Pick<Call, "state" | "steps">,
): Outcome {
  for (const [i, arg] of args.entries()) {
    // Both evaluate an index, which may run a command.
    if (arg === "-v" || arg === "-R") throw odd("test", args);
    if (!NUMBERS.has(arg)) continue;
    for (const number of [args[i - 1], args[i + 1]]) {
      if (number !== undefined && !/^-?\d{1,18}$/.test(number)) throw odd("test", args);
    }
  }
  if (looksAtFiles(args)) steps.exec(["test", ...args], state);
  return either(state);
}

/** Whether one of the words asks for a file. */
export function looksAtFiles(args: readonly string[]): boolean {
  return args.some((arg) => FILE_TESTS.has(arg));
}

function odd(name: string, args: readonly string[]): Refusal {
  return new Refusal(
    `What ${shown([name, ...args].join(" "))} does is not certain`,
    "Write it in its plainest form, or leave it away",
  );
}
