/**
 * What a process holds, seen from outside: Deno lets nobody but `--allow-all` look into `/proc`, so a
 * process of its own does it, and the one under test needs no more than it has.
 *
 *     deno run --allow-all census.ts PID
 *
 * @module
 */

/** What a process holds. */
export interface Census {
  /** Open file descriptors. */
  readonly files: number;
  /** Threads of Workers. */
  readonly workers: number;
}

/** Counts what this process holds; `undefined` where there is no `/proc`. */
export async function census(): Promise<Census | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const args = ["run", "-q", "--no-prompt", "--allow-all", import.meta.url, String(Deno.pid)];
  const { success, stdout, stderr } = await new Deno.Command("deno", { args }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot count what the process holds: ${text.decode(stderr)}`);
  return JSON.parse(text.decode(stdout));
}

function count(pid: string): Census {
  const names = Array.from(Deno.readDirSync(`/proc/${pid}/task`), ({ name }) => nameOf(pid, name));
  return {
    files: Array.from(Deno.readDirSync(`/proc/${pid}/fd`)).length,
    workers: names.filter((name) => name.startsWith("worker-")).length,
  };
}

function nameOf(pid: string, thread: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${thread}/comm`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // It has just ended.
    throw error;
  }
}

if (import.meta.main) console.log(JSON.stringify(count(Deno.args[0] ?? "self")));
