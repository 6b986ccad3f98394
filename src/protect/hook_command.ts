/**
 * The command line that an agent runs as its hook.
 *
 * @module
 */
import { dirname, fromFileUrl } from "@std/path";
import type { HookEventName } from "../hooks/event.ts";

/** How long the agent waits for the hook, in seconds. The hook's own deadline is 50 s (`src/hooks/client.ts`). */
export const HOOK_TIMEOUT_S = 60;

/** By this a hook of ours is known among others. */
export const HOOK_MARK = "agent-kernel-hook";

const CLIENT = new URL("../hooks/client.ts", import.meta.url);

/** What hooks are installed with. */
export interface HookCommandOptions {
  readonly agent: string;
  /** Whether nothing but the gateway's tools is permitted. @default false */
  readonly onlyGateway?: boolean;
  /** Absolute path of the kernel's socket. */
  readonly socket: string;
  /** Absolute path of `deno`. @default the one that runs this process */
  readonly deno?: string;
  /** Absolute path of `timeout`; `null` if there is none. @default {@link TIMEOUT}, if it is there */
  readonly timeout?: string | null;
}

/** Ends a hook that hangs before it reaches its own deadline. */
export const TIMEOUT = "/usr/bin/timeout";

/**
 * A line for `sh`. INVARIANT: before a call, whatever goes wrong ends with 2 and a text on standard error: the one
 * answer that every agent takes for a no. No program in it is looked up in the `PATH`, which may be another's when
 * the agent runs it: `echo`, `exit` and `true` are of the shell.
 */
export function hookCommand(
  event: HookEventName,
  { agent, socket, onlyGateway = false, deno = Deno.execPath(), timeout = timeoutProgram() }:
    HookCommandOptions,
): string {
  const client = CLIENT.protocol === "file:" ? fromFileUrl(CLIENT) : CLIENT.href;
  const asked: HookEventName = event === "before" && onlyGateway ? "gateway-only" : event;
  const limit = timeout === null ? [] : [quoted(timeout), String(HOOK_TIMEOUT_S - 5)];
  const command = [
    ...limit,
    quoted(deno),
    "run --quiet --no-prompt --no-config --no-lock --cached-only",
    quoted(`--allow-read=${dirname(socket)}`),
    quoted(`--allow-write=${socket}`),
    quoted(`--allow-net=unix:${socket}`),
    "--allow-sys=uid",
    ...[client, agent, asked, socket].map(quoted),
  ].join(" ");
  const otherwise = event === "before"
    ? `|| { echo "agent-kernel: the hook failed, the call is refused" >&2; exit 2; }`
    : "|| true";
  return `${command} ${otherwise} # ${HOOK_MARK}`;
}

function timeoutProgram(): string | null {
  try {
    return Deno.statSync(TIMEOUT).isFile ? TIMEOUT : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** A word of a line for `sh`. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
