/**
 * Where the resident kernel of a log is reached, and what is kept from the agents that it permits.
 *
 * @module
 */
import { dirname, resolve } from "@std/path";
import { settingsOf } from "../hooks/settings.ts";
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

/** The settings of agents, of the user and in the workspace. */
export function agentSettings(values: Values): readonly string[] {
  return settingsOf(homeFolder(), resolve(optional(values, "base") ?? "."));
}
