/**
 * Calls that no policy allows, one for each kind of an agent's tools: what a hook answers to them shows whether it
 * holds.
 *
 * @module
 */

/** One call, as the agent's hook would get it. */
export interface Canary {
  readonly kind: string;
  readonly payload: object;
}

/** No rule can allow it: a target with this name has no canonical form, for any kind of target. */
const NOWHERE = "/agent-kernel-canary/\0";

const CLAUDE_FORM = (tool_name: string, tool_input: object) => ({
  ...{ session_id: "doctor", cwd: "/", hook_event_name: "PreToolUse", tool_use_id: "doctor" },
  ...{ tool_name, tool_input },
});
const GEMINI_FORM = (tool_name: string, tool_input: object) => ({
  ...{ session_id: "doctor", cwd: "/", hook_event_name: "BeforeTool", tool_name, tool_input },
});
const COPILOT_FORM = (toolName: string, toolArgs: object) => ({
  ...{ sessionId: "doctor", cwd: "/", toolName, toolArgs },
});

function canaries(
  form: (tool: string, input: object) => object,
  tools: Readonly<Record<string, object>>,
): Canary[] {
  return Object.entries(tools).map(([kind, input]) => ({ kind, payload: form(kind, input) }));
}

const CLAUDE_TOOLS = {
  Bash: { command: "eval agent-kernel-canary" },
  Read: { file_path: NOWHERE },
  Write: { file_path: NOWHERE, content: "" },
  Edit: { file_path: NOWHERE, old_string: "a", new_string: "b" },
  WebFetch: { url: "nowhere:agent-kernel-canary", prompt: "" },
  "mcp__agent-kernel-canary__\0": {},
  "agent-kernel-canary \0": {},
};

/** Calls of which an agent tells no hook, as far as that was observed; those with `shell` go with its shell. */
export const UNSEEN: Readonly<
  Record<string, readonly { readonly kind: string; readonly shell: boolean }[]>
> = {
  codex: [
    { kind: "write_stdin: what it types into an open terminal", shell: true },
    { kind: "web_search: done by the model's server", shell: false },
  ],
  copilot: [{ kind: "what a background shell does once it has started", shell: true }],
};

/** By agent. */
export const CANARIES: Readonly<Record<string, readonly Canary[]>> = {
  claude: canaries(CLAUDE_FORM, CLAUDE_TOOLS),
  qwen: canaries(CLAUDE_FORM, {
    run_shell_command: { command: "eval agent-kernel-canary" },
    read_file: { absolute_path: NOWHERE },
    write_file: { file_path: NOWHERE, content: "" },
    "agent-kernel-canary \0": {},
  }),
  codex: canaries(CLAUDE_FORM, {
    Bash: { command: "eval agent-kernel-canary" },
    apply_patch: { command: `*** Begin Patch\n*** Add File: ${NOWHERE}\n+a\n*** End Patch` },
    "agent-kernel-canary \0": {},
  }),
  gemini: canaries(GEMINI_FORM, {
    run_shell_command: { command: "eval agent-kernel-canary" },
    read_file: { absolute_path: NOWHERE },
    write_file: { file_path: NOWHERE, content: "" },
    "agent-kernel-canary \0": {},
  }),
  copilot: canaries(COPILOT_FORM, {
    bash: { command: "eval agent-kernel-canary" },
    view: { path: NOWHERE },
    create: { path: NOWHERE, file_text: "" },
    web_fetch: { url: "nowhere:agent-kernel-canary" },
    "agent-kernel-canary \0": {},
  }),
};
