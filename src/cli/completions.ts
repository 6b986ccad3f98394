/**
 * `agent-kernel completions`: scripts by which shells complete its command lines.
 *
 * @module
 */
import { type Command, type CommandOption, EXIT, type Invocation, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { loadCommand } from "./load_command.ts";
import { print } from "./terminal.ts";

/** A command as completions know it. */
interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly (readonly [name: string, option: CommandOption])[];
}

/** Prints a script for a shell. */
export const COMMAND: Command = {
  usage: "bash|zsh|fish",
  details:
    `bash:  agent-kernel completions bash > ~/.local/share/bash-completion/completions/agent-kernel
zsh:   agent-kernel completions zsh > ~/.zfunc/_agent-kernel   (a folder of $fpath)
fish:  agent-kernel completions fish > ~/.config/fish/completions/agent-kernel.fish`,
  options: {},
  async run({ positionals }: Invocation): Promise<number> {
    const [shell = "", ...more] = positionals;
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    if (script === undefined || more.length > 0) {
      throw new UsageError(`expected a shell: ${Object.keys(SCRIPTS).join(", ")}`);
    }
    const help: CommandOption = { type: "boolean", help: "describe the command" };
    const commands: Completed[] = [];
    for (const [name, { summary }] of Object.entries(COMMANDS)) {
      const { options } = await loadCommand(name);
      commands.push({ name, summary, options: [...Object.entries(options), ["help", help]] });
    }
    for (const line of script(commands)) print(line);
    return EXIT.OK;
  },
};

const SCRIPTS: Readonly<Record<string, (commands: readonly Completed[]) => string[]>> = {
  bash,
  zsh,
  fish,
};

/** A text in single quotes, in which only "'" has a meaning. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function takesFolder({ value }: CommandOption): boolean {
  return value === "DIR";
}

function takesFile({ value }: CommandOption): boolean {
  return value === "FILE";
}

function bash(commands: readonly Completed[]): string[] {
  const names = [...commands.map(({ name }) => name), "help"].join(" ");
  const all = commands.flatMap(({ options }) => options);
  const withValue = (test: (option: CommandOption) => boolean) =>
    Array.from(
      new Set(
        all.filter(([, option]) => option.type === "string" && test(option)).map(([name]) =>
          `--${name}`
        ),
      ),
    ).sort().join("|");
  return [
    "# bash completion for agent-kernel",
    "_agent_kernel() {",
    "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options=",
    "  COMPREPLY=()",
    '  if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$command" = help ]; }; then',
    `    COMPREPLY=($(compgen -W ${quoted(names)} -- "$current"))`,
    "    return",
    "  fi",
    "  case $previous in",
    `    ${withValue(takesFolder)}) COMPREPLY=($(compgen -d -- "$current")); return ;;`,
    `    ${withValue(takesFile)}) COMPREPLY=($(compgen -f -- "$current")); return ;;`,
    `    ${withValue((option) => !takesFile(option) && !takesFolder(option))}) return ;;`,
    "  esac",
    "  case $command in",
    ...commands.map(({ name, options }) =>
      `    ${name}) options=${quoted(options.map(([option]) => `--${option}`).join(" "))} ;;`
    ),
    "  esac",
    `  if [ "$command" = completions ]; then COMPREPLY=($(compgen -W ${
      quoted(Object.keys(SCRIPTS).join(" "))
    } -- "$current")); return; fi`,
    "  case $current in",
    `    -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;`,
    `    *) COMPREPLY=($(compgen -f -- "$current")) ;;`,
    "  esac",
    "}",
    "complete -o filenames -F _agent_kernel agent-kernel",
  ];
}

/** In a specification of `_arguments`, brackets and colons have a meaning. */
function forZsh(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function zsh(commands: readonly Completed[]): string[] {
  const optionOf = ([name, option]: Completed["options"][number]) => {
    const repeated = option.multiple === true ? "*" : "";
    const value = option.type === "boolean"
      ? ""
      : `:${forZsh(option.value ?? "value")}:${
        takesFile(option) ? "_files" : takesFolder(option) ? "_files -/" : " "
      }`;
    return quoted(`${repeated}--${name}[${forZsh(option.help)}]${value}`);
  };
  return [
    "#compdef agent-kernel",
    "# zsh completion for agent-kernel",
    "_agent_kernel() {",
    "  local -a commands",
    "  commands=(",
    ...commands.map(({ name, summary }) => `    ${quoted(`${name}:${forZsh(summary)}`)}`),
    "    'help:describe a command'",
    "  )",
    "  if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $words[2] == help ]]; }; then",
    "    _describe -t commands command commands",
    "    return",
    "  fi",
    "  local command=$words[2]",
    "  shift words",
    "  (( CURRENT-- ))",
    "  case $command in",
    ...commands.map(({ name, options }) =>
      `    ${name}) _arguments ${options.map(optionOf).join(" ")} ${
        name === "completions" ? `'1:shell:(${Object.keys(SCRIPTS).join(" ")})'` : "'*:file:_files'"
      } ;;`
    ),
    "  esac",
    "}",
    'if [[ $funcstack[1] == _agent-kernel ]]; then _agent_kernel "$@"; else compdef _agent_kernel agent-kernel; fi',
  ];
}

function fish(commands: readonly Completed[]): string[] {
  const names = commands.map(({ name }) => name).join(" ");
  return [
    "# fish completion for agent-kernel",
    "complete -c agent-kernel -e",
    ...commands.map(({ name, summary }) =>
      `complete -c agent-kernel -n ${
        quoted(`not __fish_seen_subcommand_from ${names} help`)
      } -f -a ${name} -d ${quoted(summary)}`
    ),
    `complete -c agent-kernel -n ${
      quoted(`not __fish_seen_subcommand_from ${names} help`)
    } -f -a help -d 'describe a command'`,
    `complete -c agent-kernel -n '__fish_seen_subcommand_from help' -f -a ${quoted(names)}`,
    `complete -c agent-kernel -n '__fish_seen_subcommand_from completions' -f -a ${
      quoted(Object.keys(SCRIPTS).join(" "))
    }`,
    ...commands.flatMap(({ name, options }) =>
      options.map(([option, { type, help, value }]) => {
        const takes = type === "boolean"
          ? ""
          : value === "FILE"
          ? " -r -F"
          : value === "DIR"
          ? " -x -a '(__fish_complete_directories)'"
          : " -x";
        return `complete -c agent-kernel -n '__fish_seen_subcommand_from ${name}' -l ${option}${takes} -d ${
          quoted(help)
        }`;
      })
    ),
  ];
}
