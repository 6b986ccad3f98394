/**
 * The commands of the command line, in the order of the overview. Each is loaded only when it is used.
 *
 * @module
 */
/** A line of the overview, and the command that it stands for. */
export interface CommandEntry {
  readonly summary: string;
  /** The module that exports it as `COMMAND`, relative to this one. */
  readonly module: string;
}

/** By name. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  submit: {
    summary: "have one action decided, done and recorded",
    module: "./submit.ts",
  },
  agent: {
    summary: "run an agent whose every tool call goes through the gate",
    module: "./agent.ts",
  },
  serve: {
    summary: "hold a kernel open for the hooks of agents and other programs",
    module: "./serve.ts",
  },
  status: {
    summary: "say whether a kernel is being served for a log",
    module: "./status.ts",
  },
  stop: {
    summary: "end the kernel that is being served for a log",
    module: "./stop.ts",
  },
  token: {
    summary: "make, list and revoke the tokens of a kernel that listens on loopback",
    module: "./token.ts",
  },
  protect: {
    summary: "install the hooks of an agent: the kernel decides about each of its calls",
    module: "./protect.ts",
  },
  unprotect: {
    summary: "put the settings of an agent back as they were",
    module: "./unprotect.ts",
  },
  doctor: {
    summary: "say which agents are protected, and whether their hooks hold",
    module: "./doctor.ts",
  },
  snapshots: {
    summary: "list the actions that can be rolled back",
    module: "./snapshots.ts",
  },
  rollback: {
    summary: "undo an action, or all since a moment",
    module: "./rollback.ts",
  },
  log: {
    summary: "show an audit log, verify it, export it",
    module: "./log.ts",
  },
  limits: {
    summary: "show what is used of limits, reset one, check the ledger against the log",
    module: "./limits.ts",
  },
  approvals: {
    summary: "show what waits for a person's yes, and answer it",
    module: "./approvals.ts",
  },
  suggest: {
    summary: "print the rules that would allow what was denied, with what they risk",
    module: "./suggest.ts",
  },
  "validate-policy": {
    summary: "check a policy, and list its rules",
    module: "./validate_policy.ts",
  },
  explain: {
    summary: "say how a request would be decided, and why",
    module: "./explain.ts",
  },
  "test-policy": {
    summary: "run the examples of a policy, and say which rules none of them reaches",
    module: "./test_policy.ts",
  },
  init: {
    summary: "write a first policy for a folder",
    module: "./init.ts",
  },
  learn: {
    summary: "propose a policy that allows what the log says was done",
    module: "./learn.ts",
  },
  replay: {
    summary: "say which verdicts of the past a policy would change",
    module: "./replay.ts",
  },
  "diff-policy": {
    summary: "say what a policy allows that another one does not, over all requests",
    module: "./diff_policy.ts",
  },
  permissions: {
    summary: "print the Deno permissions that a policy implies",
    module: "./permissions.ts",
  },
  mcp: {
    summary: "list the tools of MCP servers, compare them with their pins, pin them",
    module: "./mcp.ts",
  },
  completions: {
    summary: "print a script by which bash, zsh or fish completes command lines",
    module: "./completions.ts",
  },
  keygen: {
    summary: "make a pair of keys for signed checkpoints of the log",
    module: "./keygen.ts",
  },
  version: {
    summary: "print the version",
    module: "./version.ts",
  },
};
