/**
 * A program from its start to the end of all that it started.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/mod.ts";
import { openGate } from "./gate.ts";
import { BoundedOutput } from "./output.ts";

/** The command that is started: the program, or what the program runs in. */
export interface CommandLine {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it is started. */
  readonly cwd: string;
  /** The signal by which it and all its children end. */
  readonly deadly: Deno.Signal;
  /** Whether it waits at its gate to be let go on. */
  readonly isGated: boolean;
}

/** What a program is run with. */
export interface RunOptions {
  readonly stdin: string | undefined;
  /** Bounds of what is kept, in bytes. */
  readonly maxBytes: { readonly stdout: number; readonly stderr: number };
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Gives the program's own input and output, where the command's are used for more than those. */
  readonly unwrap?: (stdio: Stdio, fail: () => void) => Stdio;
}

/** The standard input and output of a program. */
export interface Stdio {
  readonly stdin: WritableStream<Uint8Array>;
  readonly stdout: ReadableStream<Uint8Array>;
}

/** How a program ended by itself. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: BoundedOutput;
  readonly stderr: BoundedOutput;
}

/** How long a deadly signal may take to work before the plain one follows. */
const GRACE_MS = 100;

/** How long after a program's end its output may be held open by processes that it left behind. */
const LEFT_BEHIND_MS = 250;

/**
 * Runs a program to its end.
 *
 * @throws {unknown} The reason of the signal, after the program was ended.
 */
export async function run(command: CommandLine, options: RunOptions): Promise<Ended> {
  const { signal, maxBytes } = options;
  signal.throwIfAborted();
  const { isGated } = command;
  const hasInput = options.stdin !== undefined || options.unwrap !== undefined || isGated;
  const child = start(command, hasInput);
  const end = () => kill(child, command.deadly);
  signal.addEventListener("abort", end);
  const stderr = new BoundedOutput(child.stderr, maxBytes.stderr);
  if (isGated) await openGate(child, signal);
  const stdio = options.unwrap?.(child, end) ?? child;
  const stdout = new BoundedOutput(stdio.stdout, maxBytes.stdout);
  const fed = hasInput ? feed(stdio.stdin, options.stdin ?? "") : undefined;
  try {
    const status = await child.status;
    const all = Promise.all([stdout.ended, stderr.ended]);
    if (!signal.aborted) await within(LEFT_BEHIND_MS, all);
    signal.throwIfAborted();
    return { code: status.code, signal: status.signal, stdout, stderr };
  } finally {
    signal.removeEventListener("abort", end);
    await Promise.all([stdout.giveUp(), stderr.giveUp(), fed?.giveUp()]);
  }
}

function start({ executable, args, env, cwd }: CommandLine, stdin: boolean): Deno.ChildProcess {
  try {
    return new Deno.Command(executable, {
      args: [...args],
      // INVARIANT: nothing of the kernel's environment reaches a program but what was named.
      clearEnv: true,
      env: { ...env },
      cwd,
      stdin: stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new ProviderError("CANNOT_START", `Cannot start ${executable}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  const send = (one: Deno.Signal) => {
    try {
      child.kill(one);
    } catch {
      // It has ended by itself.
    }
  };
  send(signal);
  if (signal === "SIGKILL") return;
  const timer = setTimeout(() => send("SIGKILL"), GRACE_MS);
  child.status.then(() => clearTimeout(timer));
}

/** Writes all of the text, as fast as it is read. */
function feed(stdin: WritableStream<Uint8Array>, text: string): { giveUp(): Promise<void> } {
  const writer = stdin.getWriter();
  const written = (async () => {
    try {
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
    } catch {
      // The program has closed its input: it may do that.
    }
  })();
  return {
    async giveUp() {
      await writer.abort().catch(() => {/* it was closed before */});
      await written;
    },
  };
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, ms));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
