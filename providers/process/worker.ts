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
import { type Arguments, argumentsOf } from "./arguments.ts";
import { type CommandLine, type Ended, run } from "./child.ts";
import { Company } from "./company.ts";
import type { ProcessConfig } from "./config.ts";
import { kindOf } from "./file_system.ts";
import { type Mounts, planMounts } from "./mounts.ts";
import { findSandbox, inSandbox, type Sandbox } from "./sandbox.ts";
import { signalOf } from "./signals.ts";
import { supervised, worksAsSupervisor } from "./supervisor.ts";

/** What a result holds beside the output: names, numbers, a signal. */
const RESULT_FRAME = 128;

serveProvider("process", async (request, context) => {
  const config = context.config as ProcessConfig;
  const given = argumentsOf(request.params);
  const sandbox = await sandboxFor(config, context);
  if (sandbox === undefined) {
    const command = await outside(request, given, config, context);
    return await carryOut(command, { request, given, sandboxed: false }, context);
  }
  const { files, decide, signal } = context;
  const { systemPaths, maxEntries } = config;
  const mounts = await company.join(
    () => planMounts({ files, decide, systemPaths, maxEntries, signal }),
    signal,
  );
  try {
    const command = inside(sandbox, request, given, { config, mounts, context });
    return await carryOut(command, { request, given, sandboxed: true }, context);
  } finally {
    company.leave();
  }
});

const company = new Company();

/** Runs what was prepared. */
async function carryOut(
  command: CommandLine,
  { request: { target }, given, sandboxed }: {
    readonly request: ProviderRequest;
    readonly given: Arguments;
    readonly sandboxed: boolean;
  },
  context: ProviderContext,
): Promise<unknown> {
  const config = context.config as ProcessConfig;
  const signals = [context.signal];
  const isBound = given.timeoutMs < config.deadlineMs;
  if (isBound) signals.push(AbortSignal.timeout(given.timeoutMs));
  const room = Math.max(0, context.maxOutputBytes - RESULT_FRAME);
  const bytes = given.encoding === "base64" ? Math.floor(room / 4) * 3 : room;
  const stdout = Math.floor(bytes * config.stdoutShare);
  try {
    const ended = await run(command, {
      stdin: given.stdin,
      maxBytes: { stdout, stderr: bytes - stdout },
      signal: AbortSignal.any(signals),
    });
    return resultOf(ended, given, sandboxed, context);
  } catch (error) {
    if (!isBound || context.signal.aborted || !(error instanceof DOMException)) throw error;
    throw new ProviderError(
      "DEADLINE_EXCEEDED",
      `${target} did not end within ${given.timeoutMs / 1000} s and was ended`,
    );
  }
}

/** One attempt a Worker. */
let found: Promise<Sandbox | string> | undefined;

async function sandboxFor(
  config: ProcessConfig,
  context: ProviderContext,
): Promise<Sandbox | undefined> {
  if (config.sandbox === "off") return undefined;
  const network = config.network && context.network;
  const sandbox = await (found ??= findSandbox(config.bubblewrap, { network }));
  if (typeof sandbox !== "string") return sandbox;
  if (config.sandbox === "required") {
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

function inside(
  sandbox: Sandbox,
  { target }: ProviderRequest,
  { args, cwd = "/" }: Arguments,
  { config: { env, systemPaths }, mounts, context }: {
    readonly config: ProcessConfig;
    readonly mounts: Mounts;
    readonly context: ProviderContext;
  },
): CommandLine {
  for (const note of mounts.notes) context.warn(note);
  if (cwd !== "/" && kindOf(cwd) !== "folder") {
    throw new ProviderError("NOT_A_FOLDER", `The param "cwd" leads to no folder: ${cwd}`);
  }
  return inSandbox(sandbox, { executable: target, args, env, cwd, mounts, systemPaths });
}

let supervisor: Promise<boolean> | undefined;

async function outside(
  { target }: ProviderRequest,
  { args, cwd = "/" }: Arguments,
  config: ProcessConfig,
  { warn }: ProviderContext,
): Promise<CommandLine> {
  const env = { ...config.env, PWD: config.env["PWD"] ?? cwd };
  const plain: CommandLine = { executable: target, args, env, cwd, deadly: "SIGKILL" };
  const path = config.supervisor;
  if (path === undefined) return plain;
  if (await (supervisor ??= worksAsSupervisor(path))) {
    return supervised(plain, path, config.deadlineMs);
  }
  warn(
    `no supervisor, what a program starts outlives it: ${path} is not timeout of GNU coreutils`,
  );
  return plain;
}

function resultOf(
  { code, signal, stdout, stderr }: Ended,
  { encoding }: Arguments,
  sandboxed: boolean,
  context: ProviderContext,
): unknown {
  const errors = stderr.text(encoding);
  if (sandboxed && code === 1 && errors.startsWith("bwrap: ") && stdout.text("utf-8") === "") {
    throw new ProviderError("SANDBOX_FAILED", `The program did not start: ${errors.trim()}`);
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
  };
}
