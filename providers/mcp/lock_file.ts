/**
 * The file in which tools are pinned, `mcp.lock.json`.
 *
 * @module
 */
import { messageOf } from "../../src/core/errors.ts";
import { copyJson } from "../../src/core/json.ts";
import { stagingPath } from "../../src/core/isolation/worker_permissions.ts";
import { ProviderError } from "../../src/worker/provider_error.ts";
import type { Pin, Pins } from "./pin.ts";
import { digestOf, toolDefinition } from "./tool_definition.ts";

const VERSION = 1;
/** Most bytes of the file. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Most bytes for one server, so that it cannot use up the space of the others. */
const MAX_SERVER_BYTES = 4 * 1024 * 1024;
/** The size of the file bounds the values; the default of 100,000 would be too few. */
const LIMITS = { nodes: MAX_BYTES };

type Servers = Readonly<Record<string, { readonly tools: readonly Pin[] }>>;

/**
 * The pins of a server; none if there is no file.
 *
 * @param options `now`: the time, in milliseconds since 1970.
 * @returns The same object as long as the file is the same.
 * @throws {ProviderError} `PINS_INVALID`: it is not of the required form; `PINS_UNREADABLE`.
 */
export function readPins(
  path: string,
  server: string,
  { now = Date.now() }: { readonly now?: number } = {},
): Pins {
  const servers = readServers(path, now);
  const byServer = pinsOf.get(servers) ?? new Map<string, Pins>();
  pinsOf.set(servers, byServer);
  const tools = Object.hasOwn(servers, server) ? servers[server]?.tools ?? [] : [];
  const pins = byServer.get(server) ?? new Map(tools.map((pin) => [pin.definition.name, pin]));
  byServer.set(server, pins);
  return pins;
}

const pinsOf = new WeakMap<Servers, Map<string, Pins>>();

/**
 * Replaces the pins of a server, and keeps those of the others. A reader sees the old file or the
 * new one.
 *
 * @throws {ProviderError} `PINS_TOO_LARGE`: the server has more than 4 MiB of them, or all servers
 * more than 64 MiB; the file stays as it is. `PINS_UNWRITABLE`, and as {@linkcode readPins}.
 */
export function writePins(path: string, server: string, pins: Pins): void {
  const others = Object.entries(readServers(path)).filter(([name]) => name !== server);
  const tools = Array.from(pins.values()).sort((a, b) =>
    a.definition.name < b.definition.name ? -1 : 1
  ).map(({ sha256, definition }) => ({ sha256, definition }));
  const own = [server, { tools }] as const;
  if (encoded([own]).length > MAX_SERVER_BYTES) {
    throw new ProviderError(
      "PINS_TOO_LARGE",
      `The tools of MCP server "${server}" cannot be pinned: their definitions, with those ` +
        `that are pinned already, take more than ${MAX_SERVER_BYTES} bytes`,
    );
  }
  const all = encoded([...others, own]);
  // INVARIANT: a file that cannot be read again would make every server unusable.
  if (all.length > MAX_BYTES) {
    throw new ProviderError(
      "PINS_TOO_LARGE",
      `The tools of MCP server "${server}" cannot be pinned: with those of the others, "${path}" ` +
        `would have more than ${MAX_BYTES} bytes`,
    );
  }
  replace(path, all);
}

/** The text of a file with these servers. */
function encoded(servers: readonly (readonly [name: string, pins: Servers[string]])[]): Uint8Array {
  const sorted = Object.fromEntries(servers.toSorted(([a], [b]) => a < b ? -1 : 1));
  const text = JSON.stringify({ version: VERSION, servers: sorted }, null, 2);
  return new TextEncoder().encode(`${text}\n`);
}

/** The file that was read last: every call needs it, and its digests take time. */
let last:
  | { readonly path: string; readonly identity: string; readonly servers: Servers }
  | undefined;

function readServers(path: string, now = Date.now()): Servers {
  // Before the file is read: one that is replaced meanwhile is read again the next time.
  const identity = identityOf(path, now);
  if (identity !== undefined && last?.path === path && last.identity === identity) {
    return last.servers;
  }
  const text = readRegular(path);
  const servers = text === undefined ? {} : parsed(path, text);
  last = identity === undefined ? undefined : { path, identity, servers };
  return servers;
}

/** A file that changed so lately could change again without another time. */
const SETTLED_MS = 2_000;

/** What changes with a file; `undefined` if that cannot be said of it. */
function identityOf(path: string, now: number): string | undefined {
  try {
    const { isFile, dev, ino, size, mtime, ctime } = Deno.lstatSync(path);
    if (!isFile || mtime === null || ctime === null) return undefined;
    if (now - Math.max(mtime.getTime(), ctime.getTime()) < SETTLED_MS) return undefined;
    return [dev, ino, size, mtime.getTime(), ctime.getTime()].join(":");
  } catch {
    return undefined; // The file is read then, which says what is wrong.
  }
}

function parsed(path: string, text: string): Servers {
  try {
    const pins = copyJson(JSON.parse(text), "pins", LIMITS);
    const { version, servers } = pins as Record<string, unknown>;
    if (version !== VERSION) throw new Error(`its version is ${version}, expected ${VERSION}`);
    return Object.fromEntries(
      Object.entries(servers as Servers).map(([name, { tools }]) => [name, {
        tools: tools.map(({ sha256, definition }) => {
          const checked = toolDefinition(definition);
          // A definition that was edited by hand would show something else than what is pinned.
          if (digestOf(checked) !== sha256) {
            throw new Error(`the hash of "${checked.name}" of "${name}" does not fit`);
          }
          return { sha256, definition: checked };
        }),
      }]),
    );
  } catch (error) {
    throw new ProviderError(
      "PINS_INVALID",
      `The pins in "${path}" cannot be used: ${messageOf(error)}; mend the file or remove it`,
    );
  }
}

/** INVARIANT: no link is followed: it could lead to a file that somebody else controls. */
function readRegular(path: string): string | undefined {
  const unreadable = (why: string) =>
    new ProviderError("PINS_UNREADABLE", `The pins in "${path}" cannot be read: ${why}`);
  try {
    const named = Deno.lstatSync(path);
    if (!named.isFile) throw unreadable("expected a regular file");
    if (named.size > MAX_BYTES) throw unreadable(`it has more than ${MAX_BYTES} bytes`);
    using file = Deno.openSync(path);
    const opened = file.statSync();
    if (opened.dev !== named.dev || opened.ino !== named.ino) {
      throw unreadable("it was replaced while it was opened");
    }
    const bytes = new Uint8Array(opened.size);
    let length = 0;
    for (let n = 1; n > 0 && length < bytes.length; length += n) {
      n = file.readSync(bytes.subarray(length)) ?? 0;
    }
    return new TextDecoder().decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof ProviderError) throw error;
    throw unreadable(messageOf(error));
  }
}

function replace(path: string, bytes: Uint8Array): void {
  const staging = stagingPath(path);
  try {
    try {
      Deno.removeSync(staging); // Left by a process that was killed.
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    using file = Deno.openSync(staging, { write: true, createNew: true, mode: 0o600 });
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
    // Replaces a link, does not follow it.
    Deno.renameSync(staging, path);
  } catch (error) {
    throw new ProviderError(
      "PINS_UNWRITABLE",
      `The pins could not be written to "${path}": ${messageOf(error)}`,
    );
  }
}
