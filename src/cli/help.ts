/**
 * What the command line says about itself.
 *
 * @module
 */
import type { Command } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import { columns } from "./table.ts";

/** The list of commands. */
export function overview(commands: Readonly<Record<string, CommandEntry>>): string[] {
  return [
    "agent-kernel: a security boundary for LLM agents",
    "",
    "usage: agent-kernel COMMAND [options]",
    "",
    ...columns(Object.entries(commands).map(([name, { summary }]) => [`  ${name}`, summary])),
    "",
    '"agent-kernel help COMMAND" describes one. Exit codes: 0 done, 1 failed, 2 denied, 3 invalid policy, 4 a person has to say yes, 64 wrong usage, 130 interrupted.',
  ];
}

/** The usage of one command and its options. */
export function help(
  name: string,
  { summary, usage, details, options }: Pick<CommandEntry, "summary"> & Command,
): string[] {
  const rows = Object.entries(options).map(([option, { value, help }]) => [
    `  --${option}${value === undefined ? "" : ` ${value}`}`,
    help,
  ]);
  return [
    `agent-kernel ${name}: ${summary}`,
    "",
    `usage: agent-kernel ${name} ${usage}`.trimEnd(),
    ...(details === undefined ? [] : ["", details]),
    ...(rows.length === 0 ? [] : ["", ...columns(rows)]),
  ];
}
