/**
 * Kernels with MCP servers that are started by the tests.
 *
 * @module
 */
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import { type McpOptions, McpProvider, type McpServer } from "@agent-kernel/kernel/providers/mcp";
import type { Timer } from "../../../src/core/timer.ts";
import { ROOT, Workspace } from "../../workspace.ts";

const FIXTURES = `${ROOT}/tests/providers/mcp/fixtures`;

/** Our own server that misbehaves. */
export function hostile(mode = "good", toolsFile?: string): McpServer {
  const file = toolsFile === undefined ? [] : [toolsFile];
  return {
    command: "deno",
    args: ["run", "-q", "--no-prompt", "-A", `${FIXTURES}/hostile_server.ts`, mode, ...file],
  };
}

/** A server of the npm registry, pinned in `deno.json`. */
export function npmServer(name: string, ...args: string[]): McpServer & { args: string[] } {
  const specifier = `npm:@modelcontextprotocol/${name}@2026.8.31`;
  const config = `--config=${ROOT}/deno.json`;
  return {
    command: "deno",
    args: ["run", "-q", "--no-prompt", "-A", config, "--no-lock", specifier, ...args],
    // Where Deno keeps packages, told by other means where the home folder is elsewhere.
    inheritEnv: ["DENO_DIR", "HOME", "DENO_TLS_CA_STORE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"],
  };
}

/** Where a program is found. */
export function programPath(name: string): string {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  const found = folders.map((folder) => `${folder}/${name}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error(`There is no ${name} in the PATH`);
  return found;
}

/** What a test works with. */
export interface McpScene {
  readonly ws: Workspace;
  readonly kernel: Kernel;
  /** Has a tool called with arguments; the target is `server/tool`. */
  call(target: string, args?: Record<string, unknown>): Promise<ActionResult>;
  /** Submits any request. */
  submit(action: string, target: string, params?: Record<string, unknown>): Promise<ActionResult>;
}

/** Options of {@linkcode withMcp}. */
export type McpSceneOptions = Partial<McpOptions> & {
  readonly servers: McpOptions["servers"];
  readonly policy?: object;
  /** Of the kernel. @default the platform's */
  readonly timer?: Timer;
  /** @default a new one */
  readonly ws?: Workspace;
};

const EVERYTHING = { capabilities: [{ action: ["mcp.call", "mcp.list"], resource: "**" }] };

/** Runs a test with a kernel whose MCP provider has these servers. */
export async function withMcp<T>(
  { policy = EVERYTHING, ws: given, timer, ...options }: McpSceneOptions,
  body: (scene: McpScene) => Promise<T>,
): Promise<T> {
  const ws = given ?? new Workspace();
  try {
    await using kernel = await Kernel.open({
      policy,
      providers: [new McpProvider({ lockFile: ws.path("mcp.lock.json"), ...options })],
      logPath: ws.path("kernel.log"),
      onWarning: () => {},
      ...(timer === undefined ? {} : { timer }),
    });
    const submit = (action: string, target: string, params: Record<string, unknown> = {}) =>
      kernel.submit({ action, target, params });
    const call = (target: string, args: Record<string, unknown> = {}) =>
      submit("mcp.call", target, { arguments: args });
    return await body({ ws, kernel, call, submit });
  } finally {
    if (given === undefined) ws[Symbol.dispose]();
  }
}

/** The text of the first block of a result. */
export function textOf({ data, error }: ActionResult): string {
  const { content } = (data ?? { content: [] }) as { content: { text?: string }[] };
  return content[0]?.text ?? error ?? "";
}

/** Whether this machine has bubblewrap: without it servers run in no PID namespace. */
export const HAS_BUBBLEWRAP: boolean = isFile("/usr/bin/bwrap");

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
