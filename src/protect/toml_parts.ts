/**
 * What `protect` puts into the configuration of Codex.
 *
 * @module
 */
import { GATEWAY } from "../hooks/event.ts";
import {
  gatewayCommand,
  type GatewayOptions,
  isGateway,
  type McpCommand,
  proxied,
  proxyCommand,
} from "./gateway_command.ts";
import { canonical, SettingsError } from "./json_edit.ts";
import { configured, type ConfiguredServer, type Part } from "./parts.ts";
import {
  quotedToml,
  tomlAt,
  type TomlPath,
  withKey,
  withoutKey,
  withoutTable,
} from "./toml_edit.ts";

const SERVERS = "mcp_servers";

/** The MCP servers in a file. */
export function tomlServersIn(text: string): ConfiguredServer[] {
  return Object.entries(Object(tomlAt(text, [SERVERS]))).map(([name, entry]) =>
    configured(name, commandOf(entry))
  );
}

/** A key with one value: a text or a truth value. */
export function tomlKey(path: TomlPath, value: string | boolean): Part {
  const source = sourceOf(value);
  return {
    apply: (text) => tomlAt(text, path) === value ? text : withKey(text, path, source),
    remove(text, original) {
      if (original === undefined || tomlAt(text, path) !== value) return text;
      const before = original === null ? undefined : tomlAt(original, path);
      if (typeof before === "string" || typeof before === "boolean") {
        return before === value ? text : withKey(text, path, sourceOf(before));
      }
      const table = path.slice(0, -1);
      const without = withoutKey(text, path);
      const isLeft = table.length === 0 || Object.keys(Object(tomlAt(without, table))).length > 0 ||
        (original !== null && tomlAt(original, table) !== undefined);
      return isLeft ? without : withoutTable(without, table);
    },
  };
}

/** The gateway among the MCP servers. */
export function tomlGateway(options: GatewayOptions): Part {
  const path = [SERVERS, GATEWAY];
  const ours = gatewayCommand(options);
  return {
    apply(text) {
      const there = tomlAt(text, path);
      const command = commandOf(there);
      if (there !== undefined && (command === undefined || !isGateway(command))) {
        throw new SettingsError(
          `there is an MCP server "${GATEWAY}" already, which is not agent-kernel: give it another name`,
        );
      }
      if (command && canonical(command) === canonical(ours)) return text;
      // No session starts without it, nor before it is there.
      const needed = withKey(written(text, GATEWAY, ours), [...path, "required"], "true");
      return withKey(needed, [...path, "startup_timeout_sec"], "60");
    },
    remove(text) {
      const command = commandOf(tomlAt(text, path));
      return command !== undefined && isGateway(command) ? withoutTable(text, path) : text;
    },
  };
}

/** The kernel in front of each MCP server that is started by a command. */
export function tomlWrapping(options: GatewayOptions | undefined): Part {
  const each = (text: string) =>
    Object.entries(Object(tomlAt(text, [SERVERS]))).map(([name, entry]) => ({
      name,
      command: commandOf(entry),
    }));
  return {
    apply(text) {
      if (options === undefined) return text;
      return each(text).reduce((result, { name, command }) => {
        if (command === undefined || isGateway(command)) return result;
        const wrapped = proxyCommand(proxied(command) ?? command, { ...options, name });
        return canonical(wrapped) === canonical(command) ? result : written(result, name, wrapped);
      }, text);
    },
    remove(text, original) {
      return each(text).reduce((result, { name, command }) => {
        const server = command && proxied(command);
        if (server === undefined) return result;
        const back = written(result, name, server);
        const had = typeof original !== "string" ||
          tomlAt(original, [SERVERS, name, "args"]) !== undefined;
        return server.args.length === 0 && !had ? withoutKey(back, [SERVERS, name, "args"]) : back;
      }, text);
    },
    notes: (text) =>
      each(text).filter(({ command }) => command === undefined).map(({ name }) =>
        `the MCP server "${name}" is not started by a command, so nothing is put in front of it`
      ),
  };
}

function written(text: string, name: string, { command, args }: McpCommand): string {
  const path = [SERVERS, name];
  const commanded = withKey(text, [...path, "command"], quotedToml(command));
  if (args.length === 0 && tomlAt(commanded, [...path, "args"]) === undefined) return commanded;
  const list = `[${args.map(quotedToml).join(", ")}]`;
  return withKey(commanded, [...path, "args"], list);
}

function commandOf(entry: unknown): McpCommand | undefined {
  const { command, args = [] } = Object(entry) as Record<string, unknown>;
  if (typeof command !== "string" || !Array.isArray(args)) return undefined;
  return args.every((arg) => typeof arg === "string") ? { command, args } : undefined;
}

function sourceOf(value: string | boolean): string {
  return typeof value === "string" ? quotedToml(value) : String(value);
}
