/**
 * Where the resident kernel of a log is reached, and what is kept from the agents that it permits.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { PLACE_VARIABLES, type Places, settingsOf } from "../hooks/settings.ts";
import { optional, type Values } from "./command.ts";

/** The folder of the socket: beside the log. */
export function serverFolder(values: Values): string {
  return resolve(`${optional(values, "log-path") ?? "kernel.log"}.server`);
}

/** The socket. */
export function socketOf(values: Values): string {
  return `${serverFolder(values)}/kernel.sock`;
}

/** What a process needs to ask at a socket, and no more: whose the socket and its folder are is looked at. */
export function socketFlags(socket: string): string[] {
  return [
    `--allow-read=${dirname(socket)}`,
    `--allow-write=${socket}`,
    `--allow-net=unix:${socket}`,
    "--allow-sys=uid",
  ];
}

/** The home folder, if the process may know it. */
export function homeFolder(): string | undefined {
  const home = Deno.env.get("HOME");
  return home?.startsWith("/") ? home.replace(/(.)\/+$/, "$1") : undefined;
}

/** Where the user has settings of agents elsewhere than in the home folder. */
export function settingsPlaces(): Places {
  const set = PLACE_VARIABLES.map((name) => [name, Deno.env.get(name) ?? ""] as const);
  return Object.fromEntries(
    set.filter(([, path]) => path.startsWith("/")).map(([name, path]) =>
      [name, path.replace(/(.)\/+$/, "$1")] as const
    ),
  );
}

/**
 * The folder that the socket's folder is in, which could be moved away with it. Not one in which agents work, and
 * none above: commands name those.
 */
export function foldersAboveServer(values: Values): readonly string[] {
  const above = dirname(serverFolder(values));
  const worked = [resolve(optional(values, "base") ?? "."), homeFolder() ?? "/"];
  return worked.some((one) => one === above || one.startsWith(`${above.replace(/\/$/, "")}/`))
    ? []
    : [above];
}

/** The settings of agents, of the user and in the workspace. */
export function agentSettings(values: Values): readonly string[] {
  return settingsOf(homeFolder(), resolve(optional(values, "base") ?? "."), settingsPlaces());
}
