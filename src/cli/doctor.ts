/**
 * `agent-kernel doctor`: which agents are protected, and whether their hooks hold.
 *
 * @module
 */
import { resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { GATEWAY } from "../hooks/event.ts";
import { PLACE_VARIABLES, userSettings } from "../hooks/settings.ts";
import { type AgentFile, AGENTS, type Given } from "../protect/agent_files.ts";
import { CANARIES, UNSEEN } from "../protect/canary.ts";
import { gatewayOptions } from "../protect/gateway_command.ts";
import { HOOK_SETTINGS, httpOrigin, TOKEN_VARIABLE } from "../protect/installation.ts";
import type { ConfiguredServer } from "../protect/parts.ts";
import { differences, installedHooks } from "../protect/settings_file.ts";
import { switchedOff } from "../protect/switches.ts";
import { tomlAt } from "../protect/toml_edit.ts";
import { ask } from "../server/client.ts";
import { type Command, EXIT, noPositionals, type Values } from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { homeFolder, settingsPlaces, socketOf } from "./server_options.ts";
import { colour, escape, print } from "./terminal.ts";

/** Looks at what is installed, and tries each hook with calls that no policy allows. */
export const COMMAND: Command = {
  usage: "[--log-path FILE]",
  details:
    `Says for each agent what is installed, and for each kind of its tools what the installed hook answers to a call
that no policy allows: "gated" is a no, "FAILS OPEN" would let it run, "NOT SEEN" is a hook that a setting of this
folder, the user or the machine switches off, or that the agent skips; "not seen" are calls of which the agent tells
no hook. Then its MCP servers. The tried calls are on record. It does not start the agent.`,
  options: {
    "log-path": {
      type: "string",
      value: "FILE",
      help: "the log of the kernel (default: kernel.log)",
    },
  },
  async run({ values, positionals, args, underPolicy }): Promise<number> {
    noPositionals(positionals);
    if (underPolicy) return await examine(values);
    // The hook is a line for a shell, which starts what it names: it gets what it has when the agent runs it.
    const names = ["HOME", "PATH", TOKEN_VARIABLE, ...PLACE_VARIABLES];
    const flags = [
      "--no-prompt",
      "--allow-read",
      "--allow-run=/bin/sh",
      `--allow-env=${names.join(",")}`,
    ];
    const socket = socketOf(values);
    return await launchWith(
      [
        ...flags,
        `--allow-write=${socket}`,
        `--allow-net=unix:${socket},127.0.0.1,[::1]`,
        "--allow-sys=uid",
      ],
      args,
      names,
    );
  },
};

async function examine(values: Values): Promise<number> {
  const home = homeFolder();
  const places = settingsPlaces();
  const user = (name: string) => home === undefined ? undefined : userSettings(name, home, places);
  const switches = switchedOff(Deno.cwd(), user, read);
  const listens = await showKernel(socketOf(values));
  let isWell = listens !== undefined;
  for (const [name, agent] of Object.entries(AGENTS)) {
    const files = agent.files.flatMap((file) => [
      ...file.user === undefined ? [] : [{ file, path: user(file.user), isUser: true }],
      ...file.project === undefined ? [] : [{ file, path: resolve(file.project), isUser: false }],
    ]).filter((one): one is Found => one.path !== undefined);
    const off = switches.filter((one) => one.agent === name).map(({ what }) => what);
    isWell = await examineAgent(name, files, { off, listens, socket: socketOf(values) }) &&
      isWell;
    for (const what of off) {
      isWell = false;
      print(escape(`${colour("SWITCHED OFF", "red")} ${what}`));
    }
  }
  return isWell ? EXIT.OK : EXIT.FAILED;
}

/** A settings file of an agent. */
interface Found {
  readonly file: AgentFile;
  readonly path: string;
  readonly isUser: boolean;
}

/** What is known when an agent is looked at. */
interface Circumstances {
  /** What switches its hooks off. */
  readonly off: readonly string[];
  /** Where the kernel listens; `undefined` if none runs. */
  readonly listens: readonly unknown[] | undefined;
  readonly socket: string;
}

/** Says all of one agent. @returns Whether all is well. */
async function examineAgent(
  agent: string,
  files: readonly Found[],
  { off, listens, socket }: Circumstances,
): Promise<boolean> {
  const servers = files.flatMap(({ file, path }) => serversOf(file, path));
  const gateway = servers.map(({ command }) => command && gatewayOptions(command))
    .find((one) => one !== undefined);
  const isStrict = gateway !== undefined;
  const hooks = files.flatMap(({ path }) => hooksIn(agent, path, { socket, isStrict }));
  if (hooks.length === 0 && servers.every(({ kind }) => kind === "by itself")) {
    print(`${agent.padEnd(8)} ${colour("not protected", "dim")}`);
    return true;
  }
  let isWell = true;
  const problem = (what: string, why: string) => {
    isWell = false;
    print(escape(`         ${colour(what, "red")}  ${why}`));
  };
  print(escape(`${agent.padEnd(8)} ${isStrict ? "--strict: only the gateway" : "by hooks"}`));
  for (const { path, commands, problems, origin } of hooks) {
    print(escape(`         ${path}`));
    if (problems.length > 0) {
      problem("BROKEN", `${problems.join(", ")}: run "protect ${agent}" again`);
    }
    const before = Array.from(commands.values()).find((line) =>
      [`${agent} before`, `${agent} gateway-only`].some((words) => line.includes(` ${words} `))
    );
    if (before === undefined && origin === undefined) continue;
    // INVARIANT: a token goes to the kernel, and to nobody who listens at another port.
    if (origin !== undefined && !listens?.includes(origin.replace("http://", ""))) {
      problem("BROKEN", `the hooks go to ${origin}, where this kernel does not listen`);
      continue;
    }
    if (origin !== undefined && !Deno.env.has(TOKEN_VARIABLE)) {
      print(`         ${TOKEN_VARIABLE} is not set here: what follows is answered without a token`);
    }
    const untrusted = agent === "codex" ? trustProblem(files, path) : undefined;
    const unseen = off.length > 0 ? "a setting switches the hooks off, see below" : untrusted;
    for (const { kind, payload } of CANARIES[agent] ?? []) {
      const isRefused = origin !== undefined
        ? await refusesOverHttp(`${origin}/v1/hooks/${agent}`, payload)
        : await refuses(before ?? "", payload);
      if (!isRefused) problem("FAILS OPEN", kind);
      else if (unseen !== undefined) problem("NOT SEEN  ", `${kind}: ${unseen}`);
      else print(escape(`         ${colour("gated     ", "green")}  ${kind}`));
    }
    for (const { kind, shell } of UNSEEN[agent] ?? []) {
      if (isStrict && shell) continue;
      print(escape(`         ${colour("not seen  ", "yellow")}  ${kind}`));
    }
  }
  if (isStrict) {
    for (const { file, path, isUser } of files) {
      const what = isUser ? strictProblem({ agent, socket, gateway }, file, path) : undefined;
      if (what !== undefined) problem("BROKEN", `${path}: ${what}`);
    }
  }
  const isHooked = hooks.length > 0 && off.length === 0;
  for (const { name, kind, path } of servers) {
    const isForeign = isStrict && name === GATEWAY && kind !== "gateway";
    if (isForeign) problem("NOT OURS  ", `MCP server "${name}" in ${path}: it is not the gateway`);
    else if (kind !== "by itself" || isHooked) {
      const how = kind !== "by itself" ? kind : isStrict ? "refused by the hook" : "by the hook";
      print(escape(`         ${colour("gated     ", "green")}  MCP server "${name}": ${how}`));
    } else problem("NOT GATED ", `MCP server "${name}": run "protect ${agent} --policy FILE"`);
  }
  return isWell;
}

/** What of `--strict` is not as it was installed. */
function strictProblem(
  given: Pick<Given, "agent" | "socket" | "gateway">,
  file: AgentFile,
  path: string,
): string | undefined {
  try {
    const text = read(path) ?? file.empty;
    const wanted = file.parts({ ...given, isStrict: true }).filter(({ isWanted }) => isWanted);
    return wanted.every(({ part }) => part.apply(text) === text)
      ? undefined
      : `a part of --strict is missing: run "protect ${given.agent} --strict" again`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Why Codex would skip a hook in silence. */
function trustProblem(files: readonly Found[], hooks: string): string | undefined {
  const config = files.find(({ path }) => path.endsWith("/config.toml"))?.path;
  try {
    const state = tomlAt(read(config ?? "") ?? "", ["hooks", "state"]);
    const isTrusted = Object.entries(Object(state)).some(([key, entry]) =>
      key.startsWith(`${hooks}:pre_tool_use:`) && Object.hasOwn(Object(entry), "trusted_hash")
    );
    return isTrusted ? undefined : "Codex has no trust on record for this hook: see /hooks in it";
  } catch (error) {
    return messageOf(error);
  }
}

function serversOf(
  file: AgentFile,
  path: string,
): readonly (ConfiguredServer & { readonly path: string })[] {
  try {
    return (file.servers?.(read(path) ?? "") ?? []).map((one) => ({ ...one, path }));
  } catch {
    return []; // Hooks in the same file are told to be broken; others start no server from it.
  }
}

/** @returns Where it listens; `undefined` if it does not run. */
async function showKernel(socket: string): Promise<readonly unknown[] | undefined> {
  try {
    const { body } = await ask(socket, "/v1/status");
    const { version, policy, listens } = Object(body) as Record<string, unknown>;
    print(escape(`kernel   runs, version ${version}, policy ${String(policy).slice(0, 12)}`));
    return Array.isArray(listens) ? listens : [];
  } catch (error) {
    const isDown = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    const why = isDown ? "every hook says no" : messageOf(error);
    print(escape(`kernel   ${colour("does not run", "red")} at ${socket}: ${why}`));
    return undefined;
  }
}

function hooksIn(
  agent: string,
  path: string,
  { socket, isStrict }: { readonly socket: string; readonly isStrict: boolean },
): {
  path: string;
  commands: ReadonlyMap<string, string>;
  problems: readonly string[];
  /** Where its hooks go, if they go over HTTP. */
  origin?: string | undefined;
}[] {
  const settings = Object.hasOwn(HOOK_SETTINGS, agent) ? HOOK_SETTINGS[agent] : undefined;
  let commands: ReadonlyMap<string, string> = new Map();
  try {
    const text = read(path);
    if (text === undefined || settings === undefined || !path.endsWith(".json")) return [];
    commands = installedHooks(text);
    if (commands.size === 0) return [];
    const options = { agent, socket, onlyGateway: isStrict };
    const origin = httpOrigin(text, agent);
    const overHttp = origin === undefined ? undefined : settings.httpEntries?.(options, origin);
    const entries = overHttp ?? settings.entries(options);
    return [{ path, commands, origin, problems: differences(text, entries, settings.isStrict) }];
  } catch (error) {
    return [{ path, commands, problems: [messageOf(error)] }];
  }
}

function read(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** Whether the answer of a hook is one that the agent takes for a no. */
async function refuses(line: string, payload: object): Promise<boolean> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", line],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(JSON.stringify(payload)));
    await writer.close();
  } catch {
    // It ended without reading: its answer says what that means.
  }
  const { code, stdout, stderr } = await child.output();
  if (code === 2) return stderr.length > 0;
  return code === 0 &&
    /"(permissionDecision|decision)":"deny"/.test(new TextDecoder().decode(stdout));
}

/** The same for a hook that the agent sends itself: with "onFailure" it takes every failure for a no. */
async function refusesOverHttp(url: string, payload: object): Promise<boolean> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${Deno.env.get(TOKEN_VARIABLE) ?? ""}`,
      },
      body: JSON.stringify(payload),
    });
    const text = await answer.text();
    return !answer.ok || /"permissionDecision":"deny"/.test(text);
  } catch {
    return true; // Nobody listens there.
  }
}

if (import.meta.main) await actAs("doctor", COMMAND);
