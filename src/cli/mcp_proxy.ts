/**
 * `agent-kernel mcp proxy`: one MCP server behind the gate, as it stands.
 *
 * @module
 */
import { resolve, toFileUrl } from "@std/path";
import { McpProvider } from "../../providers/mcp/mod.ts";
import { McpRelay } from "../../providers/mcp/relay.ts";
import { clientProvider } from "../gateway/client_provider.ts";
import { exposure } from "../gateway/exposure.ts";
import { LineTransport } from "../gateway/line_transport.ts";
import { McpGateway } from "../gateway/mcp_gateway.ts";
import { Kernel } from "../open.ts";
import type { KernelOptions } from "../options.ts";
import { resolveOptions } from "../resolve.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { allowedActions } from "./allowed_actions.ts";
import { EXIT, type Invocation, optional, required, UsageError, type Values } from "./command.ts";
import { launch } from "./launch.ts";
import { inboxFolder, ledgerFolder, tell as tellQuestion } from "./policy_options.ts";
import { policyVariables } from "./request_options.ts";
import { homeFolder } from "./server_options.ts";
import { type HandedOn, SIGNAL_EXITS } from "./signals.ts";
import { complain, escape } from "./terminal.ts";

/** Of files of servers and of programs a proxy knows nothing: these are its options. */
const PROXY_OPTIONS = [
  ...["policy", "log-path", "checkpoint-key", "ledger", "inbox", "base", "var", "search-path"],
  ...["name", "env", "state", "pins", "agent", "verbose"],
];

/** What a proxy that does not say it has: the server's name in the policy. */
const DEFAULT_NAME = "server";
/** How the operating system numbers signals (signal(7)). */
const NUMBERS: Readonly<Record<string, number>> = {
  ...{ SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGBUS: 7, SIGFPE: 8 },
  ...{ SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11, SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15 },
};

/**
 * Starts the second process, or is it.
 *
 * @param command The server's command line.
 * @returns The exit code of the server; 128 and the number of a signal that ended it.
 */
export async function proxyMcp(
  { values, args, underPolicy }: Invocation,
  command: readonly string[],
): Promise<number> {
  if (command.length === 0) {
    throw new UsageError("there is no command: agent-kernel mcp proxy [options] -- COMMAND ARGS");
  }
  const given = Object.keys(values).find((name) => !PROXY_OPTIONS.includes(name));
  if (given !== undefined) throw new UsageError(`--${given} is not for mcp proxy`);
  if (underPolicy) return await serve(values, command);
  const completed = await withDefaults(values, command);
  const end = args.indexOf("--");
  const all = { ...values, ...completed };
  await using relay = new McpRelay();
  const resolved = resolveOptions(optionsOf(all, command, { relay, inherits: false }));
  const added = Object.entries(completed).map(([name, value]) => `--${name}=${value}`);
  return await launch(resolved, [...args.slice(0, end), ...added, ...args.slice(end)], {
    verbose: values["verbose"] === true,
    env: namesOf(all),
    forwardsInput: true,
  });
}

/** What the second process cannot find out: it may read no more than it has to. */
async function withDefaults(
  values: Values,
  command: readonly string[],
): Promise<Record<string, string>> {
  const home = homeFolder();
  const config = Deno.env.get("XDG_CONFIG_HOME") || (home && `${home}/.config`);
  const policy = optional(values, "policy") ?? (config && `${config}/agent-kernel/policy.yaml`);
  if (policy === undefined) required(values, "policy");
  const state = Deno.env.get("XDG_STATE_HOME") || (home && `${home}/.local/state`);
  const folder = optional(values, "state") ?? (state && `${state}/agent-kernel/mcp`);
  if (folder === undefined) required(values, "state");
  const name = optional(values, "name") ?? DEFAULT_NAME;
  // One log has one kernel, and a client starts the same server as often as it likes.
  const log = `${folder}/${name}-${new Date().toISOString().replace(/[:.]/g, "-")}-${Deno.pid}.log`;
  // Another command line is another server, with pins of its own.
  const bytes = new TextEncoder().encode(JSON.stringify(command));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  return {
    policy: resolve(policy as string),
    state: resolve(folder as string),
    name,
    "log-path": resolve(optional(values, "log-path") ?? log),
    pins: `${name}-${digest.slice(0, 16)}.lock.json`,
    env: optional(values, "env") ?? Object.keys(Deno.env.toObject()).filter(isHandedOn).join(","),
    "search-path": optional(values, "search-path") ?? Deno.env.get("PATH") ?? "/usr/bin:/bin",
  };
}

/** Deno starts no program with variables that load code into it; a list of names has no commas in them. */
function isHandedOn(name: string): boolean {
  return /^[^=,\0]+$/.test(name) && !/^(LD|DYLD)_/.test(name);
}

function namesOf(values: Values): string[] {
  return required(values, "env").split(",");
}

function optionsOf(
  values: Values,
  [program = "", ...args]: readonly string[],
  { relay, inherits }: { readonly relay: McpRelay; readonly inherits: boolean },
): KernelOptions {
  const name = required(values, "name");
  const state = required(values, "state");
  const key = optional(values, "checkpoint-key");
  const base = optional(values, "base");
  const searchPath = required(values, "search-path").split(":");
  const command = program.includes("/") ? resolve(program) : program;
  const server = { command, args, inheritEnv: inherits ? namesOf(values) : [] };
  return {
    policy: toFileUrl(required(values, "policy")),
    providers: [
      new McpProvider({
        servers: { [name]: server },
        lockFile: `${state}/${required(values, "pins")}`,
        ...{ relay: relay.config, searchPath },
      }),
      clientProvider({ stores: [state] }),
    ],
    logPath: required(values, "log-path"),
    limits: { path: ledgerFolder(values) },
    approvals: {
      path: inboxFolder(values),
      onQuestion: (question) => tellQuestion(question, values),
    },
    variables: policyVariables(values),
    ...key === undefined ? {} : { checkpoints: { key: resolve(key) } },
    ...base === undefined ? {} : { base: resolve(base) },
    searchPath,
  };
}

/** Serves until its input or the server ends. */
async function serve(values: Values, command: readonly string[]): Promise<number> {
  const name = required(values, "name");
  const agent = optional(values, "agent");
  await using before = new McpRelay();
  const first = optionsOf(values, command, { relay: before, inherits: true });
  await using relay = new McpRelay({ asks: allowedActions(resolveOptions(first).policy) });
  Deno.mkdirSync(required(values, "state"), { recursive: true, mode: 0o700 });
  const ended = Promise.withResolvers<number>();
  let signalled: HandedOn | undefined;
  for (const signal of Object.keys(SIGNAL_EXITS) as HandedOn[]) {
    Deno.addSignalListener(signal, () => {
      signalled ??= signal;
      relay.end(name, signal);
    });
  }
  const tell = (line: string) => complain(`agent-kernel mcp proxy: ${escape(line)}`);
  await using kernel = await Kernel.open({
    ...optionsOf(values, command, { relay, inherits: true }),
    onWarning: (line) => {
      // Who chose the command knows that.
      if (!line.includes('provider "mcp-client" runs in this process')) tell(line);
    },
  });
  const submit: SubmitFn = (request, more) => kernel.submit(request, more);
  const onEnded = (_server: string, { code, signal }: { code: number; signal: string | null }) => {
    if (signalled !== undefined && signal !== null) ended.resolve(SIGNAL_EXITS[signalled]);
    else ended.resolve(signal === null ? code : 128 + (NUMBERS[signal] ?? 0));
  };
  const onStderr = (text: string) => writeAll(text);
  // Heard from the beginning: the server may end before it is served.
  using _early = relay.add({
    isCalling: () => false,
    ask: () => Promise.resolve({ error: { code: -32600, message: "not connected yet" } }),
    told: (message) => {
      if (message.type === "ended") {
        onEnded(message.server, { code: message.code, signal: message.signal });
      }
      if (message.type === "stderr") onStderr(message.text);
    },
  });
  const from = agent === undefined ? {} : { agent };
  const about = await submit({
    ...{ action: "mcp.list", target: name, params: { kind: "server" } },
    ...from,
  });
  if (about.status !== "OK") {
    tell(
      about.status === "DENIED"
        ? `${about.error}; needed is a rule {action: mcp.list, resource: ${name}}`
        : about.error ?? "the server cannot be used",
    );
    const code = about.code === "SERVER_DIED" ? await ended.promise : EXIT.FAILED;
    return about.status === "DENIED" ? EXIT.DENIED : code || EXIT.FAILED;
  }
  const { server, capabilities } = about.data as {
    readonly server: { readonly name: string; readonly version: string };
    readonly capabilities: Readonly<Record<string, unknown>>;
  };
  const gateway = new McpGateway({
    submit,
    tools: [],
    downstream: {
      servers: [name],
      mayAllow: exposure(() => kernel.policy),
      relay,
      as: { ...server, capabilities },
      onWarning: tell,
    },
    ...from,
  });
  const transport = new LineTransport(Deno.stdin.readable, Deno.stdout.writable);
  await gateway.connect(transport);
  await Promise.race([transport.ended, ended.promise]);
  // Calls that the server will never answer end with it.
  relay.end(name, null);
  const code = await ended.promise;
  await gateway.idle();
  return code;
}

function writeAll(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}
