/**
 * Real programs under a kernel, for the tests of the process provider.
 *
 * @module
 */
import { type ActionResult, Kernel, type KernelOptions } from "@agent-kernel/kernel";
import { type ProcessOptions, ProcessProvider } from "@agent-kernel/kernel/providers/process";
import { findSandbox } from "../../../providers/process/sandbox.ts";
import { Workspace } from "../../workspace.ts";

/** The shell, as the policy sees it. */
export const SH: string = Deno.realPathSync("/bin/sh");

/** Why this machine has no sandbox; `undefined` if it has one. */
export const NO_SANDBOX: string | undefined = await reasonAgainstSandbox();

async function reasonAgainstSandbox(): Promise<string | undefined> {
  const sandbox = await findSandbox("/usr/bin/bwrap");
  return typeof sandbox === "string" ? sandbox : undefined;
}

/** A test of what needs the sandbox; where there is none, it says why it does not run. */
export function testInSandbox(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({
    name: NO_SANDBOX === undefined ? name : `${name} (not run: no bubblewrap here, ${NO_SANDBOX})`,
    ignore: NO_SANDBOX !== undefined,
    fn,
  });
}

/** What a program said. */
export interface Said {
  readonly returncode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly signal?: string;
  readonly stdout_truncated?: true;
  readonly stderr_truncated?: true;
  readonly sandboxed: boolean;
  readonly hidden?: readonly string[];
  readonly connections?: readonly object[];
}

/** A kernel whose policy allows the shell, and what else a test gives. */
export class Programs implements AsyncDisposable {
  readonly ws: Workspace;
  readonly warnings: string[];
  readonly #kernel: Kernel;

  private constructor(ws: Workspace, kernel: Kernel, warnings: string[]) {
    this.ws = ws;
    this.#kernel = kernel;
    this.warnings = warnings;
  }

  /** @param rules Beside the one for the shell; made once the workspace is there. */
  static async open(
    rules: (ws: Workspace) => { allow?: readonly object[]; deny?: readonly object[] },
    options: ProcessOptions = {},
    more: (ws: Workspace) => Partial<KernelOptions> = () => ({}),
  ): Promise<Programs> {
    const ws = new Workspace();
    const { allow = [], deny = [] } = rules(ws);
    ws.folder("log");
    const warnings: string[] = [];
    const kernel = await Kernel.open({
      policy: { capabilities: [{ action: "proc.exec", resource: SH }, ...allow], deny },
      providers: [new ProcessProvider(options)],
      logPath: ws.path("log/kernel.log"),
      onWarning: (line) => warnings.push(line),
      ...more(ws),
    });
    return new Programs(ws, kernel, warnings);
  }

  /** Runs a script; its words after the first are `$1`, `$2`, … */
  sh(script: string, params: Record<string, unknown> = {}): Promise<ActionResult> {
    const { words = [], ...rest } = params as { words?: readonly string[] };
    return this.submit(SH, { args: ["-c", script, "sh", ...words], ...rest });
  }

  /** Runs a script that has to end well enough to have said something. */
  async said(script: string, params: Record<string, unknown> = {}): Promise<Said> {
    const { status, data, error } = await this.sh(script, params);
    if (status === "OK") return data as Said;
    throw new Error(`${status}: ${error}`);
  }

  submit(target: string, params: Record<string, unknown> = {}): Promise<ActionResult> {
    return this.act("proc.exec", target, params);
  }

  act(action: string, target: string, params: Record<string, unknown>): Promise<ActionResult> {
    return this.#kernel.submit({ action, target, params });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernel.close();
    this.ws[Symbol.dispose]();
  }
}
