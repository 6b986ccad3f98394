/**
 * Processes that are killed (SIGKILL) at chosen moments.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { ROOT } from "../workspace.ts";

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When to kill: so long after its start, or after so many answers. */
export type Moment<Answer> =
  | { readonly ms: number }
  | { readonly due: (answers: readonly Answer[]) => boolean };

/**
 * Runs a victim until its moment has come.
 *
 * @param victim Path of its module; it writes a JSON line for each submit that was answered.
 * @returns What was answered.
 */
export async function kill<Answer>(
  victim: string,
  args: readonly string[],
  { write, moment }: { readonly write: string; readonly moment: Moment<Answer> },
): Promise<Answer[]> {
  const child = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "--allow-read", `--allow-write=${write}`, victim, ...args],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  if ("ms" in moment) setTimeout(() => child.kill("SIGKILL"), moment.ms);
  const answers: Answer[] = [];
  let killed = "ms" in moment;
  let line = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (line + text).split("\n");
    // The last one may be torn: its submit was not answered as far as anybody knows.
    line = lines.pop() ?? "";
    // An empty line says that the kernel is open.
    answers.push(...lines.filter((line) => line !== "").map((line) => JSON.parse(line)));
    if (killed || !("due" in moment) || !moment.due(answers)) continue;
    killed = true;
    child.kill("SIGKILL");
  }
  const { signal } = await child.status;
  assertEquals([signal, await errors], ["SIGKILL", ""]);
  return answers;
}
