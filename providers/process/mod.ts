/**
 * The process provider: `proc.exec`.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { Provider, type ProviderLimits } from "../../src/worker/provider.ts";
import { childEnvironment } from "../child_environment.ts";
import { limitFlags, type Prlimit, type ResourceLimits } from "./limits.ts";
import type { NetworkMode, ProcessConfig, SandboxMode } from "./config.ts";
import { SHELL } from "./shell.ts";
import { SETPRIV } from "./supervisor.ts";

export type { NetworkMode, SandboxMode } from "./config.ts";
export type { ResourceLimits } from "./limits.ts";

/** What every program gets to see, read-only: its libraries and other programs, nobody's data. */
const SYSTEM_PATHS: readonly string[] = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/etc/ld.so.cache",
  "/etc/alternatives",
];

/** Options of {@linkcode ProcessProvider}. */
export interface ProcessOptions extends ProviderLimits {
  /** The environment of every program. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Variables that programs get as the kernel's process has them now, by their exact names; the
   * process needs `--allow-env` for each. @default []
   */
  readonly inheritEnv?: readonly string[];
  /**
   * Whether programs run in a sandbox of the operating system (bubblewrap, Linux) that shows them the
   * files of the policy only: `"auto"` if there is one, with a warning if not; `"required"` or not
   * at all; `"off"`. @default "auto"
   */
  readonly sandbox?: SandboxMode;
  /** Absolute path of bubblewrap. @default "/usr/bin/bwrap" */
  readonly bubblewrap?: string;
  /**
   * Absolute path of `timeout` of GNU coreutils. Without a sandbox it is what ends a program together
   * with its children; `false` does without, and ends the program only. @default "/usr/bin/timeout"
   */
  readonly supervisor?: string | false;
  /**
   * Absolute paths that a program in the sandbox can read whatever the policy allows; those that do
   * not exist are left out. @default /usr, /bin, /sbin, /lib, /lib32, /lib64, /etc/ld.so.cache,
   * /etc/alternatives
   */
  readonly systemPaths?: readonly string[];
  /**
   * What of the network a program in the sandbox reaches. `"policy"`: through a proxy, what rules
   * for `net.connect` and `net.http` allow. `"none"`: nothing, and without a sandbox no program runs.
   * `"host"`: all that this machine reaches, its own services and private networks among it,
   * whatever the policy says. @default "policy"
   */
  readonly network?: NetworkMode;
  /**
   * Absolute path of the `deno` that runs in the sandbox of a program which may reach the network.
   * @default the one that runs this process
   */
  readonly deno?: string;
  /**
   * Absolute, real path of a folder that is the home of programs in the sandbox: they may read and
   * change it whatever the policy allows, and what one program leaves there the next one finds.
   * @default an empty folder that goes away with the program
   */
  readonly home?: string;
  /** Bounds of what each program uses; `limits` of a rule can only be lower. @default none */
  readonly limits?: ResourceLimits;
  /**
   * Absolute path of `prlimit` of util-linux, for `limits`. Has to be given if only rules have such
   * limits and programs may run without a sandbox: the Worker then gets the permission to start it.
   * @default "/usr/bin/prlimit"
   */
  readonly prlimit?: string;
  /**
   * Absolute, real path of a folder of cgroup v2 that this process may write, like
   * `/sys/fs/cgroup/agent-kernel`. In it each program with a limit of `memory` or `processes` gets a
   * control group of its own, which bounds it together with all that it starts. Needs the sandbox:
   * without one no program runs. @default none
   */
  readonly cgroup?: string;
  /** The part of `maxOutputBytes` that is for stdout, between 0 and 1. @default 0.5 */
  readonly stdoutShare?: number;
  /**
   * Absolute paths of further files that no action may change, like the one that `env` was read from.
   * @default []
   */
  readonly guards?: readonly string[];
  /** How many files are looked at for rules whose patterns no mount can express. @default 10000 */
  readonly maxEntries?: number;
}

/**
 * Programs, started from a list of arguments and never by a shell, with an empty environment, bounded
 * output, and an end at the deadline for all of their children.
 *
 * No Deno permission holds in a program. With the sandbox it sees the files of the policy only; see
 * `docs/process.md` for what that guarantees and what it does not.
 *
 * @example
 * ```ts
 * import { ProcessProvider } from "@agent-kernel/kernel/providers/process";
 * import { assertEquals } from "@std/assert";
 *
 * const provider = new ProcessProvider({ env: { LANG: "C" }, sandbox: "required" });
 * assertEquals(provider.permissions, { run: ["/usr/bin/bwrap", "/bin/sh"] });
 * ```
 */
export class ProcessProvider extends Provider {
  /**
   * Describes the provider.
   *
   * @param options How programs run.
   * @throws {TypeError | RangeError} An option is not of the required form.
   */
  constructor(options: ProcessOptions = {}) {
    const { sandbox = "auto", stdoutShare = 0.5, network = "policy" } = options;
    if (!["auto", "required", "off"].includes(sandbox)) {
      throw wrong(`sandbox is "${sandbox}"`, '"auto", "required" or "off"');
    }
    if (!["policy", "none", "host"].includes(network)) {
      throw wrong(`network is "${network}"`, '"policy", "none" or "host"');
    }
    if (network === "none" && sandbox === "off") {
      throw wrong(
        'network is "none" and sandbox is "off"',
        "a sandbox, which keeps the network away",
      );
    }
    const prlimit = prlimitOf(options);
    const home = options.home === undefined ? undefined : absolute(options.home, "home");
    const cgroup = options.cgroup === undefined ? undefined : absolute(options.cgroup, "cgroup");
    if (cgroup !== undefined && sandbox === "off") {
      throw wrong('cgroup is given and sandbox is "off"', "a sandbox, which programs cannot leave");
    }
    if (!(stdoutShare >= 0 && stdoutShare <= 1)) {
      throw wrong(`stdoutShare is ${stdoutShare}`, "a number between 0 and 1");
    }
    const maxEntries = options.maxEntries ?? 10_000;
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 0) {
      throw wrong(`maxEntries is ${maxEntries}`, "a whole number that is not negative");
    }
    const bubblewrap = absolute(options.bubblewrap ?? "/usr/bin/bwrap", "bubblewrap");
    const { supervisor: named = "/usr/bin/timeout" } = options;
    const supervisor = named === false ? undefined : absolute(named, "supervisor");
    const config: ProcessConfig = {
      env: childEnvironment(options, { whose: "programs", linker: true }),
      sandbox,
      bubblewrap,
      ...(supervisor === undefined ? {} : { supervisor }),
      systemPaths: (options.systemPaths ?? SYSTEM_PATHS).map((path) =>
        absolute(path, "systemPaths")
      ),
      network,
      deno: network === "policy" ? absolute(options.deno ?? Deno.execPath(), "deno") : undefined,
      home,
      prlimit,
      cgroup,
      stdoutShare,
      maxEntries,
      deadlineMs: options.deadlineMs ?? 30_000,
    };
    const { deadlineMs, maxOutputBytes } = options;
    super({
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
      name: "process",
      module: new URL("./worker.ts", import.meta.url),
      actions: { "proc.exec": {} },
      config,
      permissions: {
        run: [
          ...(sandbox === "off" ? [] : [bubblewrap, SHELL]),
          ...(sandbox === "required" || supervisor === undefined ? [] : [supervisor, SETPRIV]),
          ...(sandbox === "required" || !prlimit.isPermitted ? [] : [prlimit.path]),
        ],
        ...(sandbox === "off" || home === undefined ? {} : { read: [home] }),
      },
      changeable: home === undefined ? [] : [home],
      guards: [...(cgroup === undefined ? [] : [cgroup]), ...(options.guards ?? [])],
      readsFiles: sandbox !== "off",
      uses: sandbox === "off" || network !== "policy" ? [] : ["net.connect", "net.http"],
      records: ["net.connect", "net.http"],
      boundsPrograms: true,
    });
  }
}

function prlimitOf({ limits = {}, prlimit }: ProcessOptions): Prlimit {
  const path = absolute(prlimit ?? "/usr/bin/prlimit", "prlimit");
  try {
    return { path, limits, isPermitted: limitFlags(limits).length > 0 || prlimit !== undefined };
  } catch (error) {
    throw new RangeError(`Cannot make provider "process": ${messageOf(error)}`);
  }
}

function absolute(path: string, what: string): string {
  if (/^(\/[^/\0]+)+$/.test(path) && !/\/\.{1,2}(\/|$)/.test(path)) return path;
  throw wrong(`${what} has "${path}"`, "an absolute path without dot segments, other than /");
}

function wrong(what: string, expected: string): RangeError {
  return new RangeError(`Cannot make provider "process": ${what}, expected ${expected}`);
}
