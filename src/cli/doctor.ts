/**
 * `agent-kernel doctor`: which agents are protected, and whether their hooks hold.
 *
 * @module
 */
import { resolve } from "@std/path";
import { messageOf } from "../core/errors.ts";
import { CANARIES } from "../protect/canary.ts";
import {
  HOOK_SETTINGS,
  type HookEntry,
  httpOrigin,
  TOKEN_VARIABLE,
} from "../protect/installation.ts";
import { differences, installedHooks } from "../protect/settings_file.ts";
import { switchedOff } from "../protect/switches.ts";
import { ask } from "../server/client.ts";
import { type Command, EXIT, noPositionals, type Values } from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { homeFolder, socketOf } from "./server_options.ts";
import { colour, escape, print } from "./terminal.ts";

/** Looks at what is installed, and tries each hook with calls that no policy allows. */
export const COMMAND: Command = {
  usage: "[--log-path FILE]",
  details:
    `Says for each agent whether hooks are installed, whether a file of this folder or of the user switches them off, and what the
installed hook answers to one call of each kind of tool that no policy allows: "gated" is a no, "FAILS OPEN" would let it run.
The tried calls are on record. It runs the hook that is installed, and does not start the agent.`,
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
    const names = ["HOME", "PATH", TOKEN_VARIABLE];
    const socket = socketOf(values);
    return await launchWith(
      [
        ...["--no-prompt", "--allow-read", "--allow-run=/bin/sh", `--allow-env=${names.join(",")}`],
        ...[`--allow-write=${socket}`, `--allow-net=unix:${socket},127.0.0.1,[::1]`],
        "--allow-sys=uid",
      ],
      args,
      names,
    );
  },
};

async function examine(values: Values): Promise<number> {
  const home = homeFolder();
  const listens = await showKernel(socketOf(values));
  let isWell = listens !== undefined;
  for (const [agent, settings] of Object.entries(HOOK_SETTINGS)) {
    const files = [
      ...home === undefined ? [] : [`${home}/${settings.user}`],
      ...settings.project === undefined ? [] : [resolve(settings.project)],
    ];
    const options = { agent, socket: socketOf(values) };
    const entries = settings.entries(options);
    const hooks = files.flatMap((path) => {
      const origin = httpOrigin(read(path) ?? "", agent);
      const there = origin === undefined ? entries : settings.httpEntries?.(options, origin);
      return hooksIn(path, there ?? entries, settings.isStrict).map((one) => ({ ...one, origin }));
    });
    const expected = entries.map(({ path }) => String(path.at(-1)));
    if (hooks.length === 0) {
      print(`${agent.padEnd(8)} ${colour("not protected", "dim")}`);
      continue;
    }
    for (const { path, commands, problems, origin } of hooks) {
      print(escape(`${agent.padEnd(8)} ${path}`));
      if (problems.length > 0) {
        isWell = false;
        const what = `${problems.join(", ")}: run "protect ${agent}" again`;
        print(escape(`         ${colour("BROKEN", "red")}  ${what}`));
      }
      const before = expected.map((name) => commands.get(name)).find((line) =>
        line?.includes(` ${agent} before `)
      );
      if (before === undefined && origin === undefined) continue;
      // INVARIANT: a token goes to the kernel, and to nobody who listens at another port.
      if (origin !== undefined && !listens?.includes(origin.replace("http://", ""))) {
        isWell = false;
        const what = `the hooks go to ${origin}, where this kernel does not listen`;
        print(escape(`         ${colour("BROKEN", "red")}  ${what}`));
        continue;
      }
      if (origin !== undefined && !Deno.env.has(TOKEN_VARIABLE)) {
        print(
          `         ${TOKEN_VARIABLE} is not set here: what follows is answered without a token`,
        );
      }
      for (const { kind, payload } of CANARIES[agent] ?? []) {
        const isGated = origin !== undefined
          ? await refusesOverHttp(`${origin}/v1/hooks/${agent}`, payload)
          : await refuses(before ?? "", payload);
        isWell &&= isGated;
        print(
          `         ${
            isGated ? colour("gated     ", "green") : colour("FAILS OPEN", "red")
          }  ${kind}`,
        );
      }
    }
  }
  for (const line of switchedOff([Deno.cwd(), ...home === undefined ? [] : [home]], read)) {
    isWell = false;
    print(escape(`${colour("SWITCHED OFF", "red")} ${line}`));
  }
  return isWell ? EXIT.OK : EXIT.FAILED;
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
  path: string,
  entries: readonly HookEntry[],
  isStrict: boolean,
): { path: string; commands: ReadonlyMap<string, string>; problems: readonly string[] }[] {
  let commands: ReadonlyMap<string, string> = new Map();
  try {
    const text = read(path);
    if (text === undefined) return [];
    commands = installedHooks(text);
    if (commands.size === 0) return [];
    return [{ path, commands, problems: differences(text, entries, isStrict) }];
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
