/**
 * The Worker of the process provider.
 *
 * @module
 */
import {
  type ProviderContext,
  ProviderError,
  type ProviderRequest,
  serveProvider,
} from "../../src/worker/mod.ts";
import {
  type ControlGroups,
  findGroups,
  groupFor,
  type ProgramGroup,
  withGroup,
} from "./cgroup.ts";
import { type Arguments, argumentsOf } from "./arguments.ts";
import { type CommandLine, type Ended, run, type Stdio } from "./child.ts";
import { ConcurrencyGroup } from "./concurrency_group.ts";
import type { ProcessConfig } from "./config.ts";
import { kindOf } from "./file_system.ts";
import { behindGate, GATE_NAME } from "./gate.ts";
import { isAtOrBelow, type Mounts, planMounts } from "./mounts.ts";
import { findSandbox, inSandbox, type Sandbox } from "./sandbox.ts";
import { SHELL } from "./shell.ts";
import { type Prlimit, type ResourceLimits, strictest, withinLimits } from "./limits.ts";
import { PROGRAM_LIMITS } from "../../src/limits/program_limits.ts";
import { SYSTEM_TIMER } from "../../src/system_timer.ts";
import { Multiplexer } from "./multiplexer.ts";
import { ProgramSlots } from "./program_slots.ts";
import { Proxy } from "./proxy.ts";
import { STDIO, underRelay } from "./relay.ts";
import { signalOf } from "./signals.ts";
import { findSupervisor, SETPRIV, supervised, type Supervisor } from "./supervisor.ts";

/** What a result holds besides output and lists: names, numbers, a signal. In bytes. */
const RESULT_FRAME = 128;

/** How a call runs: the command, and what the result says of it. */
interface Prepared {
  readonly command: CommandLine;
  readonly sandboxed: boolean;
  /** Of the result, besides what the program did. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What it reaches the network through, if it reaches any of it. */
  readonly proxy?: Proxy | undefined;
  /** What bounds it together with all that it starts. */
  readonly cgroup?: ProgramGroup | undefined;
}

serveProvider("process", async (request, context) => {
  const config = context.config as ProcessConfig;
  const given = argumentsOf(request.params);
  using _slot = await slots.take(request.target, context.signal);
  const sandbox = await sandboxFor(config, context);
  if (sandbox === undefined) {
    const command = await outside(request, given, config, context);
    return await carryOut({ command, sandboxed: false, facts: {} }, { request, given }, context);
  }
  const groups = await groupsFor(config, context);
  const { files, decide, signal } = context;
  const { systemPaths, maxEntries, home } = config;
  const mounts = await group.join(
    () => planMounts({ files, decide, systemPaths, home, maxEntries, signal }),
    signal,
  );
  try {
    const proxy = config.network === "policy" && context.network ? new Proxy(context) : undefined;
    const { limits } = limitsOn(request, config.prlimit);
    const cgroup = groups && groupFor(groups, limits);
    const command = inside(sandbox, request, given, { config, mounts, proxy, cgroup, context });
    const facts = boundedList("hidden", mounts.hidden, context.maxOutputBytes * LIST_SHARE);
    const prepared = { command, sandboxed: true, facts, proxy, cgroup };
    return await carryOut(prepared, { request, given }, context);
  } finally {
    group.leave();
  }
});

const slots = new ProgramSlots(SYSTEM_TIMER);
const group = new ConcurrencyGroup();

/** Runs what was prepared. */
async function carryOut(
  prepared: Prepared,
  { request: { target }, given }: {
    readonly request: ProviderRequest;
    readonly given: Arguments;
  },
  context: ProviderContext,
): Promise<unknown> {
  const config = context.config as ProcessConfig;
  const signals = [context.signal];
  const isBound = given.timeoutMs < config.deadlineMs;
  if (isBound) signals.push(AbortSignal.timeout(given.timeoutMs));
  const { proxy, cgroup } = prepared;
  const listBytes = proxy === undefined ? 0 : context.maxOutputBytes * LIST_SHARE;
  const frame = RESULT_FRAME + Math.ceil(listBytes) + JSON.stringify(prepared.facts).length -
    "{}".length;
  const room = Math.max(0, context.maxOutputBytes - frame);
  const bytes = given.encoding === "base64" ? Math.floor(room / 4) * 3 : room;
  const stdout = Math.floor(bytes * config.stdoutShare);
  const start = () =>
    run(prepared.command, {
      stdin: given.stdin,
      maxBytes: { stdout, stderr: bytes - stdout },
      signal: AbortSignal.any(signals),
      ...(proxy === undefined ? {} : { unwrap: (stdio, fail) => unwrap(stdio, proxy, fail) }),
    });
  try {
    const ended = cgroup === undefined
      ? await start()
      : await withGroup(cgroup, { run: start, warn: context.warn });
    const connections = boundedList("connections", proxy?.connections ?? [], listBytes);
    const facts = { ...prepared.facts, ...connections };
    return resultOf(ended, given, { ...prepared, facts }, context);
  } catch (error) {
    if (!isBound || context.signal.aborted || !(error instanceof DOMException)) throw error;
    throw new ProviderError(
      "DEADLINE_EXCEEDED",
      `${target} did not end within ${given.timeoutMs / 1000} s and was ended`,
    );
  } finally {
    await proxy?.close();
  }
}

/** The program's own streams; what else comes from the sandbox is for the proxy. */
function unwrap({ stdin, stdout }: Stdio, proxy: Proxy, fail: () => void): Stdio {
  const channels = new Multiplexer(stdin, { accept: (channel) => proxy.accept(channel) });
  const own = channels.open(STDIO, { silent: true });
  // The program has put itself in the place of its relay, and does not keep to the protocol.
  channels.run(stdout).catch(fail);
  return { stdin: own.writable, stdout: own.readable };
}

/** Found once a Worker. */
let found: Promise<Sandbox | string> | undefined;

async function sandboxFor(
  config: ProcessConfig,
  context: ProviderContext,
): Promise<Sandbox | undefined> {
  if (config.sandbox === "off") return undefined;
  const hostNetwork = config.network === "host";
  const sandbox = await (found ??= findSandbox(config.bubblewrap, { hostNetwork }));
  if (typeof sandbox !== "string") {
    if (hostNetwork) {
      context.warn("programs have the whole network of this machine (network: host)");
    }
    if (sandbox.ofDevices === "") {
      context.warn(
        "programs run as the owner of /dev/null and can change its mode for the whole machine: unshare and mount do not work here; run the kernel as another user than root",
      );
    }
    return sandbox;
  }
  // INVARIANT: without a sandbox nothing keeps a program off the network, or in its control group.
  const isNeeded = config.network === "none" || config.cgroup !== undefined;
  if (config.sandbox === "required" || isNeeded) {
    throw new ProviderError(
      "SANDBOX_UNAVAILABLE",
      `There is no sandbox, and it is required: ${config.bubblewrap} does not work (${sandbox})`,
    );
  }
  context.warn(
    `no sandbox, programs can do all that this user can: ${config.bubblewrap} does not work (${sandbox})`,
  );
  return undefined;
}

/** Found once a Worker. */
let foundGroups: Promise<ControlGroups | string> | undefined;

async function groupsFor(
  { cgroup }: ProcessConfig,
  { warn }: ProviderContext,
): Promise<ControlGroups | undefined> {
  if (cgroup === undefined) return undefined;
  const groups = await (foundGroups ??= findGroups(cgroup));
  // INVARIANT: what should be bounded as a whole does not run where nothing can be.
  if (typeof groups === "string") {
    throw new ProviderError(
      "CGROUP_UNAVAILABLE",
      `Cannot bound programs by the cgroup "${cgroup}" (${groups}): expected a folder of cgroup v2 that this process may write and no process is in, with "memory" or "pids" in its cgroup.controllers: write "+memory +pids" to cgroup.subtree_control of the folder above`,
    );
  }
  for (const one of ["memory", "pids"].filter((one) => !groups.controllers.includes(one))) {
    warn(
      `the cgroup "${cgroup}" has no controller "${one}": the limit "${
        one === "pids" ? "processes" : one
      }" holds as prlimit sets it, not for a program as a whole`,
    );
  }
  return groups;
}

function inside(
  sandbox: Sandbox,
  request: ProviderRequest,
  { args, cwd = "/", stdin }: Arguments,
  { config: { env, home, systemPaths, deno, prlimit }, mounts, proxy, cgroup, context }: {
    readonly config: ProcessConfig;
    readonly mounts: Mounts;
    readonly proxy: Proxy | undefined;
    readonly cgroup: ProgramGroup | undefined;
    readonly context: ProviderContext;
  },
): CommandLine {
  for (const note of mounts.notes) context.warn(note);
  if (cwd !== "/" && kindOf(cwd) !== "folder") {
    throw new ProviderError("NOT_A_FOLDER", `The param "cwd" leads to no folder: ${cwd}`);
  }
  const { target } = request;
  const program = [target, ...args];
  const command = withinLimits(program, limitsOn(request, prlimit));
  const plain = {
    command,
    env: home === undefined ? env : { HOME: home, ...env },
  };
  const tools = [target, ...(command === program ? [] : [prlimit.path])];
  const network = proxy !== undefined && deno !== undefined;
  // The relay ends by itself at the end of its input. Where there is no shell, nothing can wait.
  const isGated = !network && systemPaths.some((path) => isAtOrBelow(SHELL, path));
  const gated = () => behindGate(command, { hasInput: stdin !== undefined, inSandbox: true });
  const line = inSandbox(sandbox, {
    ...(network ? underRelay(deno, plain) : isGated ? { ...plain, command: gated() } : plain),
    tools,
    cwd,
    mounts,
    systemPaths,
    network,
    group: cgroup?.path,
  });
  return { ...line, isGated };
}

/** What the provider is configured with, and the rule says. */
function limitsOn(
  { preparation }: ProviderRequest,
  { path, limits }: Prlimit,
): Pick<Prlimit, "path" | "limits"> {
  const own = preparation?.[PROGRAM_LIMITS] as ResourceLimits | undefined;
  return { path, limits: own === undefined ? limits : strictest(limits, own) };
}

let supervisor: Promise<Supervisor | undefined> | undefined;

async function outside(
  request: ProviderRequest,
  { args, cwd = "/", stdin }: Arguments,
  config: ProcessConfig,
  { warn }: ProviderContext,
): Promise<CommandLine> {
  const env = { ...config.env, PWD: config.env["PWD"] ?? cwd };
  const { prlimit } = config;
  const program = [request.target, ...args];
  const command = withinLimits(program, limitsOn(request, prlimit));
  // INVARIANT: a program that should be within limits does not run without.
  if (command !== program && !prlimit.isPermitted) {
    throw new ProviderError(
      "LIMITS_UNAVAILABLE",
      `The rule has limits on programs, and without a sandbox only "${prlimit.path}" can set them, which may not be started: give the provider the option prlimit`,
    );
  }
  const [executable = "", ...words] = command;
  const isGated = false;
  const plain: CommandLine = { executable, args: words, env, cwd, deadly: "SIGKILL", isGated };
  const path = config.supervisor;
  if (path === undefined) return plain;
  const known = await (supervisor ??= findSupervisor(path));
  if (known === undefined) {
    warn(
      `no supervisor, what a program starts outlives it: ${path} is not timeout of GNU coreutils`,
    );
    return plain;
  }
  if (!known.isBound) {
    warn(
      `programs outlive a kernel that is killed, by ${
        Math.ceil(config.deadlineMs / 1000) + 1
      } s at most: ${SETPRIV} of util-linux does not work`,
    );
  }
  const { deadlineMs } = config;
  return supervised(plain, known, { deadlineMs, hasInput: stdin !== undefined });
}

function resultOf(
  { code, signal, stdout, stderr }: Ended,
  { encoding }: Arguments,
  { sandboxed, facts }: Prepared,
  context: ProviderContext,
): unknown {
  const errors = stderr.text(encoding);
  if (sandboxed && stdout.text("utf-8") === "") {
    const why = whyNotStarted(code, errors);
    if (why !== undefined) {
      throw new ProviderError("SANDBOX_FAILED", `The program did not start: ${why}`);
    }
  }
  if (stdout.cut || stderr.cut) context.markTruncated();
  const killed = signal ?? (sandboxed ? signalOf(code) : undefined);
  return {
    returncode: killed === undefined ? code : 128 - code,
    stdout: stdout.text(encoding),
    stderr: errors,
    ...(killed === undefined ? {} : { signal: killed }),
    ...(stdout.cut ? { stdout_truncated: true } : {}),
    ...(stderr.cut ? { stderr_truncated: true } : {}),
    sandboxed,
    ...facts,
  };
}

/** Why there was no program, if this is how a shell, bubblewrap, or `prlimit` ends that cannot start one. */
function whyNotStarted(code: number, errors: string): string | undefined {
  if (code === 1 && /^(bwrap|cgroup): /.test(errors)) return errors.trim();
  if (code !== 126 && code !== 127) return undefined;
  if (errors.startsWith("prlimit: failed to execute ")) return errors.trim();
  if (!errors.startsWith(`${GATE_NAME}: `)) return undefined;
  return code === 126
    ? "Permission denied, or it is no executable of this machine"
    : "No such file, in the sandbox, of it or of its interpreter";
}

/** The part of a result that a list may take. */
const LIST_SHARE = 1 / 8;
const MAX_LISTED = 100;

/** A list of the result under its name, if it has entries, as far as it fits into so many bytes. */
function boundedList(
  name: string,
  all: readonly unknown[],
  maxBytes: number,
): Readonly<Record<string, unknown>> {
  if (all.length === 0) return {};
  let left = maxBytes;
  const listed = all.slice(0, MAX_LISTED).filter((entry) =>
    (left -= new TextEncoder().encode(JSON.stringify(entry)).length + 1) >= 0
  );
  return {
    [name]: listed,
    ...(listed.length < all.length ? { [`${name}_more`]: all.length - listed.length } : {}),
  };
}
