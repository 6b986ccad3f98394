/**
 * The sandbox of the operating system: the command line of bubblewrap.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";
import type { CommandLine } from "./child.ts";
import { realPathOf } from "./file_system.ts";
import { isAtOrBelow, type Mounts } from "./mounts.ts";

/** A sandbox that was seen to work. */
export interface Sandbox {
  readonly bubblewrap: string;
  /** The namespaces that this machine lets it have. */
  readonly flags: readonly string[];
  /** A folder of its own for temporary files. */
  readonly temporary: readonly string[];
  readonly network: boolean;
}

/** What runs in a sandbox, and with what around it. */
export interface Inside {
  readonly executable: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mounts: Mounts;
  readonly systemPaths: readonly string[];
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

/** What is kept in memory by programs that write there, in bytes. */
const TEMPORARY_BYTES = 64 * 1024 * 1024;

const TEMPORARY = ["--tmpfs", "/tmp"];

/** What name resolution and TLS need where the network is shared. */
const NETWORK_PATHS = [
  "/etc/resolv.conf",
  "/etc/hosts",
  "/etc/nsswitch.conf",
  "/etc/ssl/certs",
  "/etc/pki/tls/certs",
];

/**
 * Finds out by trying whether there is a sandbox: bubblewrap may be missing, and user namespaces may
 * be forbidden, as they are in many containers.
 *
 * @returns Why there is none, as a text.
 */
export async function findSandbox(
  bubblewrap: string,
  { network }: { readonly network: boolean },
): Promise<Sandbox | string> {
  const basic = {
    ...{ bubblewrap, network, temporary: TEMPORARY },
    flags: [...FLAGS, ...(network ? ["--share-net"] : [])],
  };
  const hardened = {
    ...basic,
    flags: [...basic.flags, "--disable-userns"],
    temporary: ["--size", String(TEMPORARY_BYTES), ...TEMPORARY],
  };
  let reason = "";
  // Older versions do not know all of it.
  for (const sandbox of [hardened, basic]) {
    const root = ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"];
    const args = [...sandbox.flags, ...root, ...sandbox.temporary, "--", bubblewrap, "--version"];
    try {
      const command = new Deno.Command(bubblewrap, { args, clearEnv: true, stdin: "null" });
      const { success, stderr } = await command.output();
      if (success) return sandbox;
      reason = new TextDecoder().decode(stderr).split("\n")[0] ?? "";
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
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
  const { executable, mounts, systemPaths, cwd } = inside;
  const modes = new Map(mounts.modes);
  const isSeen = (path: string) =>
    Array.from(modes).some(([at, mode]) => mode !== "folder" && isAtOrBelow(path, at));
  if (sandbox.network) {
    for (const path of NETWORK_PATHS) if (!isSeen(path)) modes.set(path, "ro");
  }
  if (!isSeen(executable)) modes.set(executable, "ro");
  if (!isSeen(cwd) && cwd !== "/") modes.set(cwd, "folder");
  const ofSystem = new Set([...systemPaths, ...NETWORK_PATHS]);
  const root = modes.get("/");
  const args = [
    ...sandbox.flags,
    ...(root === undefined ? [] : [root === "rw" ? "--bind" : "--ro-bind", "/", "/"]),
    ...["--proc", "/proc", "--dev", "/dev"],
    ...sandbox.temporary,
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
            if (path !== executable) assertReal(path);
            return [mode === "rw" ? "--bind" : "--ro-bind", path, path];
        }
      }),
    ...Array.from(mounts.links).filter(([path]) => !isSeen(path))
      .flatMap(([path, goal]) => ["--symlink", goal, path]),
    ...(root === undefined ? ["--remount-ro", "/"] : []),
    ...["--chdir", cwd],
    ...Object.entries(inside.env).filter(([name]) => isForLoader(name))
      .flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--", executable, ...inside.args],
  ];
  // Not as arguments, which every user of the machine can read.
  const env = Object.fromEntries(Object.entries(inside.env).filter(([name]) => !isForLoader(name)));
  return { executable: sandbox.bubblewrap, args, env, cwd: "/", deadly: "SIGKILL" };
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
