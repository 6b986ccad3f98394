/**
 * A program from its start to the end of all that it started.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";
import { BoundedOutput } from "./output.ts";

/** What is really started: the program, or what the program runs in. */
export interface CommandLine {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it is started. */
  readonly cwd: string;
  /** The signal by which it and all its children end. */
  readonly deadly: Deno.Signal;
}

/** What a program is run with. */
export interface RunOptions {
  readonly stdin: string | undefined;
  /** Bounds of what is kept, in bytes. */
  readonly maxBytes: { readonly stdout: number; readonly stderr: number };
  /** Ends it. */
  readonly signal: AbortSignal;
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
  const child = start(command, options.stdin !== undefined);
  const end = () => kill(child, command.deadly);
  signal.addEventListener("abort", end);
  const stdout = new BoundedOutput(child.stdout, maxBytes.stdout);
  const stderr = new BoundedOutput(child.stderr, maxBytes.stderr);
  const fed = options.stdin === undefined ? undefined : feed(child, options.stdin);
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
    const message = error instanceof Error ? error.message : String(error);
    throw new ProviderError("CANNOT_START", `Cannot start ${executable}: ${message}`, {
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
function feed(child: Deno.ChildProcess, text: string): { giveUp(): Promise<void> } {
  const writer = child.stdin.getWriter();
  const written = (async () => {
    try {
      await writer.write(new TextEncoder().encode(text));
      await writer.close();
    } catch {
      // It does not want to read on; that is its own matter.
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
