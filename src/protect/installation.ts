/**
 * Where the hooks of each agent are configured, and what has to stand there.
 *
 * @module
 */
import type { HookEventName } from "../hooks/event.ts";
import { HOOK_TIMEOUT_S, hookCommand, type HookCommandOptions } from "./hook_command.ts";

/** A member of a JSON file whose value is a list of hooks, and the entry that is ours. */
export interface HookEntry {
  readonly path: readonly string[];
  readonly entry: unknown;
}

/** The settings of one agent. */
export interface HookSettings {
  /** Below the home folder. */
  readonly user: string;
  /** Below a workspace; `undefined` if the agent takes no hooks from there. */
  readonly project: string | undefined;
  /** Whether the agent ignores a file with comments or trailing commas. */
  readonly isStrict: boolean;
  /** What a file that is not there begins with. */
  readonly empty: string;
  /** What the operator has to know. */
  readonly notes: readonly string[];
  entries(options: HookCommandOptions): readonly HookEntry[];
}

type Names = Readonly<Record<string, HookEventName>>;

const CLAUDE_NAMES: Names = {
  PreToolUse: "before",
  PostToolUse: "after",
  PostToolUseFailure: "after",
  SessionStart: "session-start",
  SessionEnd: "session-end",
};

/** `hooks.EVENT` is a list of groups, each with its own list. */
function grouped(
  names: Names,
  more: (event: HookEventName) => object,
): HookSettings["entries"] {
  return (options) =>
    Object.entries(names).map(([name, event]) => ({
      path: ["hooks", name],
      entry: {
        hooks: [{ type: "command", command: hookCommand(event, options), ...more(event) }],
      },
    }));
}

const inSeconds = () => ({ timeout: HOOK_TIMEOUT_S });
const inMilliseconds = () => ({ timeout: HOOK_TIMEOUT_S * 1000 });

/** By agent. */
export const HOOK_SETTINGS: Readonly<Record<string, HookSettings>> = {
  claude: {
    user: ".claude/settings.json",
    project: ".claude/settings.json",
    isStrict: true,
    empty: "{}\n",
    notes: [
      'A settings file of a workspace with "disableAllHooks" switches the hooks off; only managed settings (/etc/claude-code) stand above it.',
    ],
    entries: grouped(CLAUDE_NAMES, (event) => ({
      ...inSeconds(),
      // Without it a hook that fails lets the call run.
      ...event === "before" && { onFailure: "block" },
    })),
  },
  codex: {
    user: ".codex/hooks.json",
    project: undefined,
    isStrict: true,
    empty: "{}\n",
    notes: [
      "Codex skips hooks that it does not trust, without a message: start it once and trust them under /hooks.",
      "Commands that Codex types into an open terminal (write_stdin) reach no hook: set features.shell_tool = false, or allow no interactive shell.",
    ],
    entries: grouped({
      PreToolUse: "before",
      PostToolUse: "after",
      SessionStart: "session-start",
      SessionEnd: "session-end",
    }, (event) => ({ timeout: event === "session-end" ? 3 : HOOK_TIMEOUT_S })),
  },
  gemini: {
    user: ".gemini/settings.json",
    project: ".gemini/settings.json",
    isStrict: false,
    empty: "{}\n",
    notes: ['A settings file of a trusted workspace with "hooksConfig" can switch the hooks off.'],
    entries: grouped({
      BeforeTool: "before",
      AfterTool: "after",
      SessionStart: "session-start",
      SessionEnd: "session-end",
    }, inMilliseconds),
  },
  qwen: {
    user: ".qwen/settings.json",
    project: ".qwen/settings.json",
    isStrict: false,
    empty: "{}\n",
    notes: ['A settings file of a workspace with "disableAllHooks" switches the hooks off.'],
    entries: grouped(CLAUDE_NAMES, inMilliseconds),
  },
  copilot: {
    user: ".copilot/hooks/agent-kernel.json",
    project: undefined,
    isStrict: true,
    empty: '{ "version": 1 }\n',
    notes: ["A hook that takes too long lets the call run."],
    entries: (options) =>
      Object.entries<HookEventName>({
        preToolUse: "before",
        postToolUse: "after",
        sessionStart: "session-start",
        sessionEnd: "session-end",
      }).map(([name, event]) => ({
        path: ["hooks", name],
        entry: {
          type: "command",
          bash: hookCommand(event, options),
          timeoutSec: HOOK_TIMEOUT_S,
        },
      })),
  },
};
