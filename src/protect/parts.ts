/**
 * What `protect` puts into a settings file, piece by piece, and how each piece is taken out again.
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
import {
  canonical,
  checkReadable,
  inserted,
  isEmpty,
  listAt,
  removed,
  replaced,
  rootOf,
  SettingsError,
  treeOf,
  valueOf,
  withMember,
} from "./json_edit.ts";

/** An MCP server among an agent's settings, and what stands before it. */
export interface ConfiguredServer {
  readonly name: string;
  readonly kind: "gateway" | "behind the kernel" | "by itself";
  /** Missing if it is not started by a command. */
  readonly command?: McpCommand | undefined;
}

/** One piece. Both functions change nothing if there is nothing to change. */
export interface Part {
  /** Puts it in. @throws {SettingsError} The file is not of the form that the agent documents. */
  apply(text: string): string;
  /**
   * Takes out what is still ours.
   *
   * @param original The file as it was before; `undefined` if nobody knows, `null` if there was none.
   */
  remove(text: string, original: string | null | undefined): string;
  /** What could not be done, for the operator. */
  notes?(text: string): readonly string[];
}

/** How the MCP servers of an agent are written in its JSON. */
export interface ServerForm {
  /** Where they stand. */
  readonly path: readonly string[];
  /** Whether `command` is a list with the arguments in it (opencode). @default false */
  readonly isList?: boolean;
  /** What an entry needs besides. @default nothing */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Whether the agent ignores a file with comments. @default false */
  readonly isStrict?: boolean;
}

/** The MCP servers in a file. */
export function serversIn(text: string, form: ServerForm): ConfiguredServer[] {
  if (isEmpty(text)) return [];
  return (treeOf(text, form.path)?.children ?? []).map(({ children }) =>
    configured(String(children?.[0]?.value), commandOf(valueOf(children?.[1]), form))
  );
}

/** What stands before a server. */
export function configured(name: string, command: McpCommand | undefined): ConfiguredServer {
  const kind = command !== undefined && isGateway(command)
    ? "gateway"
    : command !== undefined && proxied(command) !== undefined
    ? "behind the kernel"
    : "by itself";
  return { name, kind, command };
}

/** A member with one value. */
export function member(
  path: readonly string[],
  value: unknown,
  isStrict = false,
): Part {
  return {
    apply(text) {
      checkReadable(text, isStrict, path.slice(0, 1));
      const node = treeOf(text, path);
      if (node !== undefined && canonical(valueOf(node)) === canonical(value)) return text;
      return withMember(text, path, value);
    },
    remove(text, original) {
      const node = isEmpty(text) ? undefined : treeOf(text, path);
      // What nobody knows to be ours stays: it may be the user's, and it only ever narrows.
      if (node === undefined || original === undefined) return text;
      if (canonical(valueOf(node)) !== canonical(value)) return text;
      const before = original === null || isEmpty(original) ? undefined : treeOf(original, path);
      return before === undefined
        ? withoutEmpty(removed(text, path), path.slice(0, -1), original)
        : replaced(text, path, valueOf(before));
    },
  };
}

/** Members of a list of texts, which may have others. */
export function listed(
  path: readonly string[],
  items: readonly string[],
  isStrict = false,
): Part {
  return {
    apply(text) {
      checkReadable(text, isStrict, path.slice(0, 1));
      const there = listAt(text, path);
      let result = there === undefined ? withMember(text, path, []) : text;
      for (const item of items) {
        if (there?.includes(item) !== true) result = inserted(result, path, JSON.stringify(item));
      }
      return result;
    },
    remove(text, original) {
      if (isEmpty(text) || original === undefined) return text;
      const before = original === null || isEmpty(original) ? undefined : listAt(original, path);
      let result = text;
      for (const item of items.filter((one) => before?.includes(one) !== true)) {
        const at = listAt(result, path)?.indexOf(item) ?? -1;
        if (at !== -1) result = removed(result, [...path, at]);
      }
      return before === undefined ? withoutEmpty(result, path, original) : result;
    },
  };
}

/** The gateway among the MCP servers. */
export function gateway(form: ServerForm, options: GatewayOptions): Part {
  const path = [...form.path, GATEWAY];
  const ours = entryOf(gatewayCommand(options), form);
  const current = (text: string) => {
    const node = treeOf(text, path);
    return node === undefined ? undefined : commandOf(valueOf(node), form);
  };
  return {
    apply(text) {
      checkReadable(text, form.isStrict ?? false, form.path.slice(0, 1));
      const node = treeOf(text, path);
      if (node === undefined) return withMember(text, path, ours);
      const there = current(text);
      if (there === undefined || !isGateway(there)) {
        throw new SettingsError(
          `there is an MCP server "${GATEWAY}" already, which is not agent-kernel: give it another name`,
        );
      }
      return canonical(valueOf(node)) === canonical(ours) ? text : replaced(text, path, ours);
    },
    remove(text, original) {
      const there = isEmpty(text) ? undefined : current(text);
      return there !== undefined && isGateway(there)
        ? withoutEmpty(removed(text, path), form.path, original)
        : text;
    },
  };
}

/** The kernel in front of each MCP server that is started by a command. */
export function wrapping(form: ServerForm, options: GatewayOptions | undefined): Part {
  const each = (text: string) =>
    isEmpty(text) ? [] : (treeOf(text, form.path)?.children ?? []).flatMap(({ children }) => {
      const name = String(children?.[0]?.value);
      const command = commandOf(valueOf(children?.[1]), form);
      return [{ name, command }];
    });
  const written = (text: string, name: string, server: McpCommand) => {
    const path = [...form.path, name];
    if (form.isList === true) {
      return replaced(text, [...path, "command"], [server.command, ...server.args]);
    }
    const commanded = replaced(text, [...path, "command"], server.command);
    return server.args.length === 0 && treeOf(commanded, [...path, "args"]) === undefined
      ? commanded
      : withMember(commanded, [...path, "args"], server.args);
  };
  return {
    apply(text) {
      const servers = each(text);
      if (options === undefined || servers.length === 0) return text;
      checkReadable(text, form.isStrict ?? false, form.path.slice(0, 1));
      let result = text;
      for (const { name, command } of servers) {
        if (command === undefined || isGateway(command)) continue;
        const wrapped = proxyCommand(proxied(command) ?? command, { ...options, name });
        if (canonical(wrapped) === canonical(command)) continue;
        result = written(result, name, wrapped);
      }
      return result;
    },
    remove(text, original) {
      let result = text;
      for (const { name, command } of each(text)) {
        const server = command && proxied(command);
        if (server === undefined) continue;
        result = written(result, name, server);
        const args = [...form.path, name, "args"];
        const had = typeof original === "string" && !isEmpty(original)
          ? treeOf(original, args) !== undefined
          : true;
        if (server.args.length === 0 && form.isList !== true && !had) {
          result = removed(result, args);
        }
      }
      return result;
    },
    notes: (text) =>
      each(text).filter(({ command }) => command === undefined).map(({ name }) =>
        `the MCP server "${name}" is not started by a command, so nothing is put in front of it`
      ),
  };
}

function entryOf({ command, args }: McpCommand, { isList, more = {} }: ServerForm): object {
  return isList === true ? { ...more, command: [command, ...args] } : { ...more, command, args };
}

function commandOf(entry: unknown, { isList }: ServerForm): McpCommand | undefined {
  const { command, args = [] } = Object(entry) as Record<string, unknown>;
  const words = isList === true ? command : [command, ...Array.isArray(args) ? args : [null]];
  if (!Array.isArray(words) || words.length === 0) return undefined;
  if (words.some((word) => typeof word !== "string")) return undefined;
  const [program, ...rest] = words as [string, ...string[]];
  return { command: program, args: rest };
}

/** Takes out objects and lists that are empty and were not there before. */
function withoutEmpty(
  text: string,
  path: readonly string[],
  original: string | null | undefined,
): string {
  let result = text;
  for (let at = path; at.length > 0; at = at.slice(0, -1)) {
    const node = treeOf(result, at);
    const was = typeof original === "string" && !isEmpty(original) &&
      treeOf(original, at) !== undefined;
    if (node === undefined || was || (node.children?.length ?? 0) > 0) break;
    result = removed(result, at);
  }
  rootOf(result);
  return result;
}
