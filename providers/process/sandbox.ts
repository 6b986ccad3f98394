/**
 * The sandbox of the operating system: the command line of bubblewrap.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { ProviderError } from "../../src/worker/mod.ts";
import type { CommandLine } from "./child.ts";
import { realPathOf } from "./file_system.ts";
import { isAtOrBelow, isContent, type Mounts } from "./mounts.ts";
import { seccompFilter } from "./seccomp.ts";
import { SHELL } from "./shell.ts";

/** A sandbox that was seen to work. */
export interface Sandbox {
  readonly bubblewrap: string;
  /** The namespaces that this machine lets it have. */
  readonly flags: readonly string[];
  /**
   * How `unshare` makes the namespace in which the machine's devices are read-only; empty if it cannot,
   * so that programs of their owner (root) can change the mode of `/dev/null`.
   */
  readonly ofDevices: string;
  /** Bounds the next `--tmpfs`, if this version of bubblewrap can. */
  readonly size: readonly string[];
  /** The seccomp filter, as an argument of `printf`. */
  readonly filter: string;
  /** What hides the machine's files in `/proc`. */
  readonly masks: readonly string[];
  /** Whether programs have the network of the host. */
  readonly hostNetwork: boolean;
}

/** What runs in a sandbox, and with what around it. */
export interface Inside {
  /** The words of the command; the first one is the absolute path of an executable. */
  readonly command: readonly string[];
  /** Further executables that the command needs, absolute. */
  readonly tools: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mounts: Mounts;
  readonly systemPaths: readonly string[];
  /** Whether the command reaches a part of the network, and so needs certificates. */
  readonly network: boolean;
  /** The path of the control group that it joins. @default none */
  readonly group?: string | undefined;
}

const FLAGS = [
  "--unshare-all",
  "--unshare-user",
  "--die-with-parent",
  "--new-session",
  "--cap-drop",
  "ALL",
  "--hostname",
  "sandbox",
];

/** What is kept in memory by programs that write to a temporary folder, in bytes. */
const TEMPORARY_BYTES = 64 * 1024 * 1024;

/** The private home of a program. In `/tmp`, because a folder can be made there in every sandbox. */
const HOME = "/tmp/home";

/** What TLS needs. */
const CERTIFICATES = ["/etc/ssl/certs", "/etc/pki/tls/certs"];

/** What name resolution needs where the network is that of the host. */
const RESOLVER = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/**
 * Hands bubblewrap its filter as file 9 and becomes bubblewrap. A here-document is the only pipe (or
 * deleted file) that a POSIX shell holds itself: the process that Deno has started stays the one that
 * it can kill, and no file has to be written. Its first line is read away, then the filter is put in.
 *
 * INVARIANT: whoever owns the machine's devices (root) cannot change their mode or times, which needs
 * no capability: they are bound into the sandbox from a mount that is read-only. Bubblewrap itself can
 * only make such a mount one without devices.
 */
const START = `exec 9<<END
.
END
read -r _ <&9 && printf "$0" >>/proc/self/fd/9 || exit 1
how=$1 keep=$2
shift 2
[ -n "$how" ] && [ -O /dev/null ] || exec "$@"
unshare=/usr/bin/unshare
[ -x $unshare ] || unshare=/bin/unshare
exec $unshare $how ${SHELL} -c "$keep" sh "$@"`;

/** The environment is that of the program, and `mount` may not see it. */
const KEEP_DEVICES =
  `/usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin mount -o remount,bind,ro /dev && exec "$@"`;

/** Run in a sandbox to try it. */
const LIST = "echo /proc/*";

/** Whether the devices are what they should be, where this user owns them. */
const CHECK = `[ ! -O /dev/null ] || while read -r _ _ _ _ at how _; do
  case "$at $how" in
    /dev/full\\ rw*|/dev/null\\ rw*|/dev/random\\ rw*|/dev/tty\\ rw*|/dev/urandom\\ rw*|/dev/zero\\ rw*)
      echo "the device $at of the machine could be changed" >&2; exit 1;;
  esac
done </proc/self/mountinfo
`;

/**
 * INVARIANT: the shell is in the group before it becomes bubblewrap, so nothing of the program is
 * outside; if it cannot join, nothing runs. With what the shell has built in: `PATH` is the program's.
 */
const JOIN = `{ echo 0 >"$1/cgroup.procs"; } 2>/dev/null ||
  { echo "cgroup: cannot join $1" >&2; exit 1; }
shift
`;

/** Folders in `/proc` that are about the machine. */
const MACHINE_FOLDERS = ["acpi", "asound", "bus", "dynamic_debug", "fs", "irq", "scsi"];

/** Files in `/proc` that are about the machine; root could read them without a capability. */
// deno-fmt-ignore -- a list
const MACHINE_FILES = [
  "config.gz", "iomem", "ioports", "kallsyms", "kcore", "key-users", "keys", "kmsg", "kpagecgroup",
  "kpagecount", "kpageflags", "latency_stats", "mtrr", "pagetypeinfo", "sched_debug", "slabinfo",
  "sysrq-trigger", "timer_list", "timer_stats", "vmallocinfo",
];

/**
 * Finds out by trying whether there is a sandbox: bubblewrap may be missing, and user namespaces may
 * be forbidden, as they are in many containers.
 *
 * @param bubblewrap Its absolute path.
 * @returns The sandbox, or the reason why there is none.
 */
export async function findSandbox(
  bubblewrap: string,
  { hostNetwork = false }: { readonly hostNetwork?: boolean } = {},
): Promise<Sandbox | string> {
  const bytes = seccompFilter(Deno.build.arch);
  if (bytes === undefined) return `there is no seccomp filter for ${Deno.build.arch}`;
  const filter = Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const basic: Sandbox = {
    bubblewrap,
    flags: [...FLAGS, ...(hostNetwork ? ["--share-net"] : [])],
    size: [],
    filter,
    ofDevices: "-m",
    masks: [],
    hostNetwork,
  };
  const hardened: Sandbox = {
    ...basic,
    flags: [...basic.flags, "--disable-userns"],
    size: ["--size", String(TEMPORARY_BYTES)],
  };
  let reason = "";
  // Older versions do not know all of it.
  const versions = [hardened, basic];
  // Root in a container may need a user namespace for a mount namespace, or have none.
  const all = ["-m", "-Urm", ""].flatMap((ofDevices) =>
    versions.map((version) => ({ ...version, ofDevices }))
  );
  for (const sandbox of all) {
    const args = [
      ...["--ro-bind", "/", "/"],
      ...ownFolders(sandbox),
      ...["--", SHELL, "-c", sandbox.ofDevices === "" ? LIST : CHECK + LIST],
    ];
    try {
      const { executable, args: words } = started(sandbox, args);
      const command = new Deno.Command(executable, {
        args: [...words],
        clearEnv: true,
        stdin: "null",
      });
      const { success, stdout, stderr } = await command.output();
      if (success) return { ...sandbox, masks: masks(new TextDecoder().decode(stdout)) };
      reason = new TextDecoder().decode(stderr).split("\n")[0] ?? "";
    } catch (error) {
      reason = messageOf(error);
    }
  }
  return reason;
}

/**
 * The command line that runs a program in the sandbox.
 *
 * @throws {ProviderError} What would be mounted is not what was decided any more.
 */
export function inSandbox(sandbox: Sandbox, inside: Inside): CommandLine {
  const { command, tools, mounts, systemPaths, cwd } = inside;
  const modes = new Map(mounts.modes);
  const isSeen = (path: string) =>
    Array.from(modes).some(([at, mode]) => mode !== "folder" && isAtOrBelow(path, at));
  const network = [
    ...(inside.network || sandbox.hostNetwork ? CERTIFICATES : []),
    ...(sandbox.hostNetwork ? RESOLVER : []),
  ];
  const executables = [command[0] as string, ...tools];
  for (const path of [...network, ...executables]) if (!isSeen(path)) modes.set(path, "ro");
  if (!isSeen(cwd) && cwd !== "/") modes.set(cwd, "folder");
  const ofSystem = new Set([...systemPaths, ...network]);
  const root = modes.get("/");
  const env = { HOME: isContent(modes.get("/tmp")) ? "/tmp" : HOME, ...inside.env };
  const args = [
    ...(root === undefined ? [] : [root === "rw" ? "--bind" : "--ro-bind", "/", "/"]),
    // INVARIANT: as root, a program could write to what is the machine's in there.
    ...(isContent(root) ? ["--tmpfs", "/sys", "--remount-ro", "/sys"] : []),
    ...ownFolders(sandbox),
    ...["--dir", HOME],
    ...Array.from(modes).filter(([path]) => path !== "/").sort(([a], [b]) => a < b ? -1 : 1)
      .flatMap(([path, mode]) => {
        switch (mode) {
          case "folder":
            return ["--dir", path];
          case "hidden folder":
            return ["--tmpfs", path, "--remount-ro", path];
          case "hidden file":
            // Mounted without devices, so that it cannot even be opened.
            return ["--ro-bind", "/dev/null", path];
          default:
            if (mode === "ro" && ofSystem.has(path)) return ["--ro-bind-try", path, path];
            if (!executables.includes(path)) assertReal(path);
            return [mode === "rw" ? "--bind" : "--ro-bind", path, path];
        }
      }),
    ...Array.from(mounts.links).filter(([path]) => !isSeen(path))
      .flatMap(([path, goal]) => ["--symlink", goal, path]),
    ...(root === undefined ? ["--remount-ro", "/"] : []),
    ...["--chdir", cwd],
    ...Object.entries(env).filter(([name]) => isForLoader(name))
      .flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--", ...command],
  ];
  // Not as arguments, which every user of the machine can read.
  const plain = Object.entries(env).filter(([name]) => !isForLoader(name));
  return { ...started(sandbox, args, inside.group), env: Object.fromEntries(plain) };
}

/** The command line that starts bubblewrap with the filter, in the control group. */
function started(sandbox: Sandbox, args: readonly string[], group?: string): CommandLine {
  const { filter, bubblewrap, flags, ofDevices } = sandbox;
  const join = group === undefined ? [] : [group];
  const start = [
    ...[group === undefined ? START : JOIN + START, filter, ...join],
    ...[ofDevices, KEEP_DEVICES],
  ];
  return {
    executable: SHELL,
    args: ["-c", ...start, bubblewrap, "--seccomp", "9", ...flags, ...args],
    env: {},
    cwd: "/",
    deadly: "SIGKILL",
    isGated: false,
  };
}

/** The folders that a sandbox has of its own. */
function ownFolders({ size, masks }: Sandbox): readonly string[] {
  return [
    // INVARIANT: nothing in it can be written. A file there that is the machine's is written by who
    // owns it, and that is root: no capability is asked for (kernel/core_pattern, sysrq-trigger).
    ...["--proc", "/proc", ...masks, "--remount-ro", "/proc"],
    ...["--dev", "/dev", ...size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"],
    ...[...size, "--tmpfs", "/tmp"],
  ];
}

/** Hides what is listed of the machine's files. */
function masks(listed: string): readonly string[] {
  const there = new Set(listed.trim().split(" "));
  const paths = (names: readonly string[]) =>
    names.map((name) => `/proc/${name}`).filter((path) => there.has(path));
  return [
    ...paths(MACHINE_FOLDERS).flatMap((path) => ["--tmpfs", path, "--remount-ro", path]),
    ...paths(MACHINE_FILES).flatMap((path) => ["--ro-bind", "/dev/null", path]),
  ];
}

/** Deno starts nothing with these, and bubblewrap itself is not meant by them. */
function isForLoader(name: string): boolean {
  return name.startsWith("LD_");
}

/** INVARIANT: no link was put in the place of what was decided; bubblewrap itself would follow it. */
function assertReal(path: string): void {
  if (realPathOf(path) === path) return;
  throw new ProviderError("PATH_CHANGED", `"${path}" is not what it was when it was decided`);
}
