/**
 * Control groups (cgroup v2): bounds of a program together with all that it starts.
 *
 * Deno opens nothing in `/sys` without `--allow-all`, so the shell reads and writes there. Its
 * environment is empty: no variable for programs says which `mkdir` it runs.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/mod.ts";
import type { ResourceLimits } from "./limits.ts";
import { SHELL } from "./shell.ts";

/** A folder in which groups can be made. */
export interface ControlGroups {
  readonly folder: string;
  /** Those that are on for its groups, of `memory` and `pids`. */
  readonly controllers: readonly string[];
}

/** The group of one program, before it is made. */
export interface ProgramGroup {
  readonly path: string;
  /** What is written to its files, in this order. */
  readonly settings: readonly (readonly [file: string, value: number])[];
}

/** Bubblewrap itself: the process that waits outside, and process 1 inside. */
const OWN_PROCESSES = 2;

/** Switches on what it can, says what there is and what is on, removes what dead kernels have left. */
const PREPARE = `
cd -P "$1" && read -r there <cgroup.controllers || exit
[ "$PWD" = "$1" ] || { echo "its real path is $PWD" >&2; exit 1; }
for one in memory pids; do
  case " $there " in *" $one "*) echo "+$one" >cgroup.subtree_control ;; esac
done
read -r on <cgroup.subtree_control
echo "$there"
echo "$on"
for group in program-*; do
  pid=\${group#program-}
  [ -d "/proc/\${pid%%-*}" ] || rmdir "$group" 2>/dev/null
done
exit 0`;

/** A kernel that does not count swap has no file for it. */
const MAKE = `
group=$1
mkdir "$group" && cd "$group" || exit
shift
while [ $# -gt 0 ]; do
  [ "$1" = memory.swap.max ] && [ ! -e "$1" ] || echo "$2" >"$1" || { rmdir "$group"; exit 1; }
  shift 2
done`;

/** Says how many were killed for want of memory. A group cannot be removed before all in it are gone. */
const END = `
cd "$1" || exit
[ ! -e memory.events ] || while read -r event count; do
  [ "$event" != oom_kill ] || echo "$count"
done <memory.events
echo 1 >cgroup.kill
turns=200
while read -r _ populated <cgroup.events && [ "$populated" = 1 ] && [ $((turns -= 1)) -gt 0 ]; do
  sleep 0.01
done
rmdir "$1"`;

/**
 * Makes the folder ready.
 *
 * @returns The groups; or the reason why none can be made there that bounds anything.
 */
export async function findGroups(folder: string): Promise<ControlGroups | string> {
  const { success, stdout, stderr } = await shell(PREPARE, folder);
  const reason = stderr.trim().replaceAll("\n", ", ");
  if (!success) return reason;
  const [there = "", on = ""] = stdout.split("\n");
  const controllers = on.split(" ").filter((one) => one === "memory" || one === "pids");
  if (controllers.length > 0) return { folder, controllers };
  return reason || `the folder above hands down ${there || "no controllers"}`;
}

/** The group for a program within limits; `undefined` if it would bound nothing. */
export function groupFor(
  { folder, controllers }: ControlGroups,
  { memory, processes }: ResourceLimits,
): ProgramGroup | undefined {
  const settings: [file: string, value: number][] = [];
  if (memory !== undefined && controllers.includes("memory")) {
    settings.push(["memory.max", memory], ["memory.swap.max", 0], ["memory.oom.group", 1]);
  }
  if (processes !== undefined && controllers.includes("pids")) {
    settings.push(["pids.max", processes + OWN_PROCESSES]);
  }
  if (settings.length === 0) return undefined;
  // The process tells the next kernel whether it is one of a dead one.
  return { path: `${folder}/program-${Deno.pid}-${crypto.randomUUID()}`, settings };
}

/**
 * Makes the group, has a program run that joins it, and removes it with all that is left in it.
 *
 * @param run Starts the program, and waits for its end.
 * @throws {ProviderError} The group cannot be made, or the program was killed for want of memory.
 */
export async function withGroup<T>(
  { path, settings }: ProgramGroup,
  { run, warn }: { readonly run: () => Promise<T>; readonly warn: (note: string) => void },
): Promise<T> {
  const made = await shell(MAKE, path, ...settings.flat().map(String));
  if (!made.success) {
    throw new ProviderError("CGROUP_FAILED", `Cannot bound the program: ${made.stderr.trim()}`);
  }
  const complain = (why: string) => warn(`the cgroup "${path}" was not removed: ${why}`);
  let result: T;
  try {
    result = await run();
  } catch (error) {
    // Not waited for: a Worker that is late after a deadline is ended, with its other programs.
    shell(END, path).then(
      ({ success, stderr }) => success || complain(stderr.trim()),
      (error) => complain(messageOf(error)),
    );
    throw error;
  }
  const { success, stdout, stderr } = await shell(END, path);
  if (!success) complain(stderr.trim());
  if (Number(stdout) === 0) return result;
  const [, memory] = settings.find(([file]) => file === "memory.max") ?? [];
  throw new ProviderError(
    "MEMORY_EXCEEDED",
    `The program and what it started needed more than the limit "memory" of ${memory} bytes and were killed`,
  );
}

async function shell(
  script: string,
  ...args: readonly string[]
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const command = new Deno.Command(SHELL, {
    args: ["-c", script, "cgroup", ...args],
    clearEnv: true,
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
