/**
 * Real coding agents from npm, behind the kernel and against a scripted model; no network but loopback.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { dirname } from "@std/path";
import type { AuditRecord } from "@agent-kernel/kernel";
import { untilShown } from "../shown.ts";
import { ROOT, Workspace } from "../workspace.ts";
import { recordsOf } from "../records.ts";
import { ScriptedAgentModel, type ScriptedCall } from "./scripted_models.ts";

/** An agent, in the version whose behaviour `docs/hooks.md` tells. */
interface Client {
  readonly spec: string;
  readonly also?: readonly string[];
  readonly program: string;
  args(prompt: string): readonly string[];
  env(baseURL: string, home: string): Readonly<Record<string, string>>;
  /** Writes what it needs into its home. */
  prepare?(ws: Workspace, baseURL: string): void;
}

/** By the name that `protect` takes. */
export const CLIENTS: Readonly<Record<string, Client>> = {
  claude: {
    spec: "@anthropic-ai/claude-code@2.1.332",
    program: "claude",
    args: (prompt) => ["-p", prompt, "--dangerously-skip-permissions"],
    env: (baseURL) => ({
      ...{ ANTHROPIC_BASE_URL: baseURL, ANTHROPIC_API_KEY: "dummy", IS_SANDBOX: "1" },
      ...{ CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", DISABLE_AUTOUPDATER: "1" },
    }),
  },
  codex: {
    spec: "@openai/codex@0.171.0",
    program: "codex",
    args: (prompt) => [
      ...["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-hook-trust"],
      prompt,
    ],
    env: (_, home) => ({ CODEX_HOME: `${home}/.codex`, LOOP_KEY: "dummy", TMPDIR: `${home}/tmp` }),
    prepare: (ws, baseURL) => {
      ws.folder("home/tmp");
      ws.file(
        "home/.codex/config.toml",
        [
          'model = "gpt-5.5"',
          'model_provider = "loop"',
          'approval_policy = "never"',
          'sandbox_mode = "danger-full-access"',
          "[model_providers.loop]",
          'name = "loop"',
          `base_url = "${baseURL}/v1"`,
          'wire_api = "responses"',
          'env_key = "LOOP_KEY"',
        ].join("\n"),
      );
    },
  },
  gemini: {
    spec: "@google/gemini-cli@0.61.0",
    program: "gemini",
    args: (prompt) => ["-p", prompt, "-m", "gemini-2.5-flash", "--approval-mode", "yolo"],
    env: (baseURL) => ({
      ...{ GOOGLE_GEMINI_BASE_URL: baseURL, GEMINI_API_KEY: "dummy" },
      GEMINI_CLI_TRUST_WORKSPACE: "true",
    }),
    prepare: (ws) => {
      ws.file(
        "home/.gemini/settings.json",
        JSON.stringify({
          security: { auth: { selectedType: "gemini-api-key" } },
          privacy: { usageStatisticsEnabled: false },
          telemetry: { enabled: false },
          general: { enableAutoUpdate: false },
        }),
      );
    },
  },
  qwen: {
    spec: "@qwen-code/qwen-code@0.24.4",
    // It needs a later Node than others.
    also: ["node@22"],
    program: "qwen",
    args: (prompt) => ["-p", prompt, "--approval-mode", "yolo"],
    env: (baseURL) => ({
      ...{ OPENAI_BASE_URL: `${baseURL}/v1`, OPENAI_API_KEY: "dummy", OPENAI_MODEL: "scripted" },
    }),
    prepare: (ws) => {
      ws.file(
        "home/.qwen/settings.json",
        JSON.stringify({
          security: { auth: { selectedType: "openai" } },
          privacy: { usageStatisticsEnabled: false },
          telemetry: { enabled: false },
          general: { enableAutoUpdate: false },
        }),
      );
    },
  },
  copilot: {
    spec: "@github/copilot@1.0.102",
    program: "copilot",
    args: (prompt) => ["-p", prompt, "--allow-all-tools"],
    env: (baseURL) => ({
      ...{ COPILOT_OFFLINE: "true", COPILOT_PROVIDER_BASE_URL: `${baseURL}/v1` },
      ...{ COPILOT_PROVIDER_API_KEY: "dummy", COPILOT_MODEL: "scripted" },
      COPILOT_AUTO_UPDATE: "false",
    }),
  },
  opencode: {
    spec: "opencode-ai@1.18.33",
    program: "opencode",
    args: (prompt) => ["run", prompt],
    env: (_, home) => ({
      ...{ OPENCODE_DISABLE_MODELS_FETCH: "1", XDG_CONFIG_HOME: `${home}/.config` },
      ...{ XDG_DATA_HOME: `${home}/.local/share`, XDG_STATE_HOME: `${home}/.local/state` },
      XDG_CACHE_HOME: `${home}/.cache`,
    }),
    prepare: (ws, baseURL) => {
      ws.file(
        "home/.config/opencode/opencode.json",
        JSON.stringify({
          ...{ autoupdate: false, share: "disabled" },
          ...{ model: "loop/scripted", small_model: "loop/scripted" },
          provider: {
            loop: {
              npm: "@ai-sdk/openai-compatible",
              name: "loop",
              options: { baseURL: `${baseURL}/v1`, apiKey: "dummy" },
              models: {
                scripted: {
                  name: "scripted",
                  tool_call: true,
                  limit: { context: 100000, output: 4000 },
                },
              },
            },
          },
        }),
      );
    },
  },
};

/** The policy for agents that write code. */
export const CODING_POLICY = `${ROOT}/policies/agents/coding.yaml`;

/** Installs an agent from npm, once. @returns Its program. */
export async function installed(name: string): Promise<string> {
  const { spec, also = [], program } = CLIENTS[name] as Client;
  const folder = `${ROOT}/.clients/${name}`;
  const path = `${folder}/node_modules/.bin/${program}`;
  const version = `${folder}/installed`;
  if (read(version) !== spec) {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.writeTextFileSync(`${folder}/package.json`, "{}");
    const { code, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-fund", "--no-audit", "--silent", spec, ...also],
      cwd: folder,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    Deno.writeTextFileSync(version, spec);
  }
  return path;
}

/** What a run left. */
export interface ClientRun {
  readonly model: ScriptedAgentModel;
  readonly records: readonly AuditRecord[];
  readonly output: string;
}

/** How a run differs from the ordinary one. */
export interface ClientOptions {
  /** @default true */
  readonly serves?: boolean;
  /** Whether the agent sends its hooks over HTTP itself. @default false */
  readonly http?: boolean;
  /** The token that the agent is started with. @default one that was made for it */
  readonly token?: string;
  /** Runs after the hooks are installed. */
  readonly meddle?: () => void;
  /** With `http`, the address and the token are known. @default none */
  readonly args?: readonly string[] | ((address: string, token: string) => readonly string[]);
  /** Further arguments of `protect`. */
  readonly protect?: readonly string[];
  /** The policy of the kernel. @default that for coding agents */
  readonly policy?: string;
  /** Further arguments of `serve`. */
  readonly serve?: readonly string[];
}

/** A user with an agent that is protected, and a repository. */
export class ClientScene implements Disposable {
  readonly ws = new Workspace();
  readonly repo = this.ws.folder("repo");
  readonly home = this.ws.folder("home");
  readonly log = this.ws.path("k.log");
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.ws.folder("repo/.git");
    // The packages that are loaded already, for what the agent starts.
    this.ws.link("home/.cache/deno", denoDir());
  }

  /** Runs `agent-kernel` in the repository. */
  async kernel(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const { code, stdout, stderr } = await this.#command(args).output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }

  /** Has the agent play a list of calls. */
  async play(
    calls: readonly ScriptedCall[],
    {
      serves = true,
      meddle = () => {},
      args = [],
      http = false,
      token,
      protect = [],
      policy,
      serve = [],
    }: ClientOptions = {},
  ): Promise<ClientRun & AsyncDisposable> {
    const client = CLIENTS[this.#name] as Client;
    const program = await installed(this.#name);
    const model = new ScriptedAgentModel(calls);
    client.prepare?.(this.ws, model.baseURL);
    const address = `127.0.0.1:${freePort()}`;
    const where = ["--log-path", this.log];
    const over = http ? ["--http", address] : [];
    const { code, stderr } = await this.kernel(
      ...["protect", this.#name, ...where, ...over, ...protect],
    );
    assertEquals(code, 0, stderr);
    const made = http
      ? await this.kernel("token", "add", `my-${this.#name}`, "--agent", this.#name, ...where)
      : undefined;
    meddle();
    const listens = http ? ["--listen", address] : [];
    const server = serves ? await this.#serve(policy, [...listens, ...serve]) : undefined;
    const ended = await new Deno.Command("timeout", {
      args: [
        ...["120", program, ...client.args("Go on.")],
        ...typeof args === "function" ? args(address, made?.stdout.trim() ?? "") : args,
      ],
      cwd: this.repo,
      clearEnv: true,
      env: {
        ...{
          PATH: `${dirname(program)}:${Deno.env.get("PATH") ?? ""}`,
          HOME: this.home,
          NO_COLOR: "1",
        },
        ...client.env(model.baseURL, this.home),
        ...made === undefined ? {} : { AGENT_KERNEL_TOKEN: token ?? made.stdout.trim() },
      },
      stdin: "null",
    }).output();
    await server?.();
    const text = new TextDecoder();
    const output = text.decode(ended.stdout) + text.decode(ended.stderr);
    const records = read(this.log) === undefined ? [] : await recordsOf(this.log);
    return { model, records, output, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
  }

  /** The names of the files of the repository, without those of git. */
  files(): string[] {
    return Array.from(Deno.readDirSync(this.repo), ({ name }) => name)
      .filter((name) => name !== ".git").sort();
  }

  [Symbol.dispose](): void {
    this.ws[Symbol.dispose]();
  }

  async #serve(
    policy = CODING_POLICY,
    more: readonly string[] = [],
  ): Promise<() => Promise<void>> {
    const child = this.#command([
      ...["serve", "--policy", policy, "--var", `REPO=${this.repo}`, "--base", this.repo],
      ...["--log-path", this.log, ...more],
    ]).spawn();
    const { rest } = await untilShown(child, "serving ");
    return async () => {
      child.kill("SIGTERM");
      await rest();
      await child.stdout.cancel();
      await child.status;
    };
  }

  #command(args: readonly string[]): Deno.Command {
    const start = ["run", "-q", "--no-prompt", "--allow-read", "--allow-env", "--allow-run=deno"];
    return new Deno.Command("deno", {
      args: [...start, `${ROOT}/src/cli/main.ts`, ...args],
      cwd: this.repo,
      env: { NO_COLOR: "1", HOME: this.home, DENO_DIR: denoDir() },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The packages that are loaded already: a new home has none. */
function denoDir(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
