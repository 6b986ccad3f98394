/**
 * Programs that run what they read: from their standard input no text may come that nobody has decided on.
 *
 * @module
 */
import { leadsToOpenFile } from "./redirections.ts";
import { Refusal, shown } from "./refusal.ts";

/** Shells. */
const SHELLS = new Set(
  "sh bash dash zsh ksh mksh pdksh ash rbash yash fish csh tcsh pwsh nu elvish xonsh osh".split(
    " ",
  ),
);

/** Languages, by the options that take the program from the command line, as the first argument. */
const LANGUAGES: Readonly<Record<string, readonly string[]>> = {
  python: ["-c", "-m", "-V", "--version", "-h", "--help"],
  pypy: ["-c", "-m", "-V", "--version", "-h", "--help"],
  node: ["--test", "-e", "-p", "-pe", "--eval", "--print", "-v", "--version", "-h", "--help"],
  nodejs: ["-e", "-p", "-pe", "--eval", "--print", "-v", "--version", "-h", "--help"],
  deno: ["-V", "--version", "-h", "--help"],
  bun: ["-e", "-p", "--eval", "--print", "-v", "--version", "-h", "--help"],
  perl: ["-e", "-E", "-ne", "-pe", "-lne", "-lpe", "-nle", "-ple", "-v", "--version"],
  ruby: ["-e", "-ne", "-pe", "-lne", "-v", "--version"],
  php: ["-r", "-v", "--version"],
  lua: ["-e", "-v"],
  luajit: ["-e", "-v"],
  tclsh: [],
  wish: [],
  R: [],
  Rscript: ["-e", "--version"],
  julia: ["-e", "--version"],
  ghci: [],
  irb: [],
  osascript: ["-e"],
  "ts-node": ["-e", "-p", "--version"],
  tsx: ["-e", "-p", "--version"],
  ipython: ["-c", "-m", "--version"],
  iex: [],
  elixir: ["-e", "--version"],
  erl: [],
  guile: ["-c", "--version"],
  racket: ["-e", "--version"],
  sbcl: ["--version"],
  groovy: ["-e", "--version"],
  scala: ["-e", "--version"],
  jshell: [],
  swift: ["--version"],
  ocaml: ["-e", "--version"],
  octave: ["--eval", "--version"],
  gnuplot: ["-e", "--version"],
};

/** They take commands from the standard input whatever their arguments are. */
const TAKE_COMMANDS = new Set(
  "at batch crontab ed ex vi vim nvim emacs gdb lldb parallel ssh docker podman kubectl nsenter chroot screen tmux psql mysql mariadb sqlite3 mongosh redis-cli m4 sftp ftp telnet dc"
    .split(" "),
);

/** They run a program that their arguments name, which gets the standard input. */
const RUNNERS = new Set(
  ("npx bunx pnpx pnpm yarn npm uv uvx pipx poetry pipenv conda mamba rye hatch pdm bundle mise asdf nix " +
    "xvfb-run unbuffer script watch flock strace ltrace chrt ionice taskset unshare systemd-run runuser " +
    "setpriv prlimit dbus-run-session rlwrap tini dumb-init faketime fakeroot firejail bwrap proot time " +
    "gtime gtimeout direnv dotenv").split(" "),
);

/** They read their program from a file that an option names, which may be the standard input. */
const TAKE_FILES = new Set("awk gawk mawk nawk sed gsed make gmake".split(" "));

/** The name of a program without its folder and its version. */
export function programOf(name: string): string {
  const base = name.slice(name.lastIndexOf("/") + 1);
  return /^(?:python|pypy|perl|ruby|php|lua|node|tclsh|bash)[\d.]+$/.test(base)
    ? base.replace(/[\d.]+$/, "")
    : base;
}

/** Whether a program is a shell. */
export function isShell(name: string): boolean {
  return SHELLS.has(programOf(name));
}

function isLanguage(name: string): boolean {
  return Object.hasOwn(LANGUAGES, programOf(name)) || TAKE_COMMANDS.has(programOf(name));
}

/**
 * That a program does not run what is not among its arguments, as far as it is known.
 *
 * @throws {Refusal} It may.
 */
export function checkInterpreter(
  words: readonly [string, ...string[]],
  { fed, cwd }: { readonly fed: boolean; readonly cwd: string },
): void {
  const [name, ...args] = words;
  const program = programOf(name);
  const first = args[0];
  const refuse = () =>
    new Refusal(
      `What ${shown(program)} reads from its standard input would run unseen`,
      "Write the program to a file first and name that file, or give it by -c or -e",
    );
  const fromInput = args.some((arg) => arg === "-" || leadsToOpenFile(arg, cwd));
  const isScript = first !== undefined && first !== "" && !"-+".includes(first[0]!);
  if (SHELLS.has(program)) {
    // None of these options takes the next word.
    const script = /^-[enuvx]+$/.test(first ?? "") ? args[1] : first;
    const named = script !== undefined && script !== "" && !"-+".includes(script[0]!);
    if (fromInput || !named && first !== "--version") throw refuse();
    return;
  }
  const options = Object.hasOwn(LANGUAGES, program) ? LANGUAGES[program] : undefined;
  if (options !== undefined) {
    const waits = args.every((arg) => arg.startsWith("-") && !options.includes(arg));
    if (fromInput || first === undefined || waits) throw refuse();
    if (fed && !isScript && !options.includes(first)) throw refuse();
  } else if (fed && TAKE_COMMANDS.has(program)) throw refuse();
  else if (fed && RUNNERS.has(program)) {
    if (fromInput || args.some((arg) => isShell(arg) || isLanguage(arg))) throw refuse();
  } else if (fed && TAKE_FILES.has(program)) {
    const joined = args.some((arg) => /^(?:-[A-Za-z]*f|--(?:file|makefile)=)(?:-$|\/)/.test(arg));
    if (fromInput || joined) throw refuse();
  }
}
