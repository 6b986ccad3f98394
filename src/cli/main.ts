/**
 * The command line: `agent-kernel`.
 *
 * It starts with `--allow-read --allow-run=deno`; a command that acts runs itself again with the
 * permissions of the policy in hand.
 *
 * @module
 */
import { MissingPermissionError } from "../launch/check.ts";
import { PolicyError } from "../core/policy/problem.ts";
import { AGENT } from "./agent.ts";
import { type Command, EXIT, parseCommandLine, UsageError } from "./command.ts";
import { EXPLAIN } from "./explain.ts";
import { KEYGEN } from "./keygen.ts";
import { UNDER_POLICY } from "./launch.ts";
import { LOG } from "./log.ts";
import { MCP } from "./mcp.ts";
import { PERMISSIONS } from "./permissions.ts";
import { ROLLBACK } from "./rollback.ts";
import { SNAPSHOTS } from "./snapshots.ts";
import { SUBMIT } from "./submit.ts";
import { columns, complain, escape, print } from "./terminal.ts";
import { TEST_POLICY } from "./test_policy.ts";
import { VALIDATE_POLICY } from "./validate_policy.ts";
import { VERSION_COMMAND } from "./version.ts";

const COMMANDS: readonly Command[] = [
  SUBMIT,
  AGENT,
  SNAPSHOTS,
  ROLLBACK,
  LOG,
  VALIDATE_POLICY,
  EXPLAIN,
  TEST_POLICY,
  PERMISSIONS,
  MCP,
  KEYGEN,
  VERSION_COMMAND,
];

/**
 * Runs one command line.
 *
 * @returns The exit code: 0 done, 1 failed, 2 denied, 3 invalid policy, 64 wrong usage, 130
 * interrupted.
 */
export async function main(args: readonly string[]): Promise<number> {
  const underPolicy = args[0] === UNDER_POLICY;
  const [name, ...rest] = underPolicy ? args.slice(1) : args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = COMMANDS.find((command) => command.name === rest[0]);
    for (const line of asked === undefined ? overview() : help(asked)) print(line);
    return name === undefined ? EXIT.USAGE : EXIT.OK;
  }
  const command = COMMANDS.find((command) =>
    command.name === (name === "--version" ? "version" : name)
  );
  if (command === undefined) {
    complain(`agent-kernel: there is no command "${escape(name)}"; "agent-kernel help" lists them`);
    return EXIT.USAGE;
  }
  try {
    const { values, positionals } = parseCommandLine(command, rest);
    if (values["help"] === true) {
      for (const line of help(command)) print(line);
      return EXIT.OK;
    }
    return await command.run({ values, positionals, args: [name, ...rest], underPolicy });
  } catch (error) {
    return failed(error, command);
  }
}

function failed(error: unknown, command: Command): number {
  const message = error instanceof Error ? error.message : String(error);
  const shown = message.split("\n").map(escape).join("\n");
  if (error instanceof UsageError) {
    complain(`agent-kernel ${command.name}: ${shown}`);
    complain(`usage: agent-kernel ${command.name} ${command.usage}`);
    return EXIT.USAGE;
  }
  if (error instanceof PolicyError) {
    complain(`Policy invalid: ${shown}`);
    return EXIT.INVALID_POLICY;
  }
  const note = error instanceof MissingPermissionError ? "" : hint(error);
  complain(`agent-kernel ${command.name}: ${shown}${note}`);
  return EXIT.FAILED;
}

function hint(error: unknown): string {
  return error instanceof Deno.errors.NotCapable
    ? " (start agent-kernel with --allow-read --allow-run=deno)"
    : "";
}

function overview(): string[] {
  return [
    "agent-kernel: a security boundary for LLM agents",
    "",
    "usage: agent-kernel COMMAND [options]",
    "",
    ...columns(COMMANDS.map(({ name, summary }) => [`  ${name}`, summary])),
    "",
    '"agent-kernel help COMMAND" tells more. Exit codes: 0 done, 1 failed, 2 denied, 3 invalid policy, 64 wrong usage, 130 interrupted.',
  ];
}

function help({ name, summary, usage, details, options }: Command): string[] {
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

if (import.meta.main) Deno.exit(await main(Deno.args));
