/**
 * The command line as a user starts it.
 *
 * @module
 */
import { ROOT, type Workspace } from "../workspace.ts";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How `agent-kernel` is started, as documented. */
export const START: readonly string[] = [
  "run",
  "-q",
  "--no-prompt",
  "--allow-read",
  "--allow-env",
  "--allow-run=deno",
  "src/cli/main.ts",
];

/** Runs `agent-kernel`. */
export function agentKernel(...args: string[]): Promise<Ended> {
  return denoRun([...START, ...args]);
}

/** Runs the second process of a command that acts by itself, with `--allow-read` alone. */
export async function secondProcess(name: string, ...args: string[]): Promise<Ended> {
  const child = new Deno.Command("deno", {
    args: ["run", "-q", "--no-prompt", "--allow-read", `src/cli/${name}.ts`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { code, stdout, stderr } = await child.output();
  await child.stdin.close().catch(() => {});
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs `deno`, from the root of the package unless told otherwise. */
export async function denoRun(
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("deno", {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** A workspace with a policy over the folder `data` of it. */
export interface Scene {
  readonly policy: string;
  readonly log: string;
  /** The file that may be read. */
  readonly note: string;
}

/** Line by line as in the places that the tests expect. */
const POLICY = `version: 1
capabilities:
  - id: read-data
    action: fs.read
    resource: ./data/**
  - action: fs.write
    resource: ./data/out/*.txt
    constraint: { content: { max_length: 10 } }
deny:
  - id: no-secrets
    action: fs.*
    resource: ./data/secret*
    reason: Secrets stay where they are
examples:
  - { action: fs.read, target: ./data/note.txt, expect: allow, rule: read-data }
  - { action: fs.read, target: ./data/secret.txt, expect: deny, rule: no-secrets }
`;

/** Makes the files of a scene. */
export function scene(ws: Workspace): Scene {
  ws.file("data/secret.txt", "s3cret");
  ws.folder("data/out");
  return {
    policy: ws.file("policy.yaml", POLICY),
    log: ws.path("kernel.log"),
    note: ws.file("data/note.txt", "hello"),
  };
}

/** Submits one request and gives the printed result. */
export async function submit(
  { policy, log }: Scene,
  action: string,
  target: string,
  ...more: string[]
): Promise<Ended> {
  const request = ["--action", action, "--target", target, ...more];
  return await agentKernel("submit", "--policy", policy, "--log-path", log, ...request);
}
