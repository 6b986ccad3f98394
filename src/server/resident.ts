/**
 * The resident kernel: one process that holds kernel, log and stores for everything on a machine that is no
 * Deno program. It listens on a Unix socket, which only its user can reach, and if asked for on loopback.
 *
 * @module
 */
import { VERSION } from "../version.ts";
import { ACTION_ROUTES } from "./api/actions.ts";
import { APPROVAL_ROUTES } from "./api/approvals.ts";
import { HOOK_ROUTES } from "./api/hooks.ts";
import { mcpRoutes } from "./api/mcp.ts";
import { openApi } from "./api/openapi.ts";
import { RECORD_ROUTES } from "./api/records.ts";
import { ROLLBACK_ROUTES } from "./api/rollback.ts";
import type { Route } from "./api/route.ts";
import { serverRoutes } from "./api/server.ts";
import type { Caller } from "./caller.ts";
import { FrontDoor } from "./front_door.ts";
import type { Incoming } from "./incoming.ts";
import type { McpSessions } from "./mcp_sessions.ts";
import type { ServedParts } from "./parts.ts";
import { PermitOwners } from "./permit_owners.ts";
import { Router } from "./router.ts";
import { type ListenAddress, shownAddress } from "./listen_address.ts";
import { type TcpBounds, TcpListener } from "./tcp_listener.ts";
import { TokenFile, tokenFileOf } from "./tokens.ts";

/** Linux has room for 107 bytes, macOS for 103 (`sun_path` of unix(7)). */
const MAX_SOCKET_PATH = 103;

/** What a resident kernel serves, and where. */
export interface ResidentOptions extends Omit<ServedParts, "permits"> {
  /** Loopback, for callers with a token. @default none */
  readonly listen?: ListenAddress | undefined;
  /** Origins of web pages that are answered. @default none */
  readonly origins?: readonly string[];
  /** @default those of {@linkcode TcpBounds} */
  readonly bounds?: TcpBounds;
}

/** Serves one kernel at one socket, and on loopback. */
export class ResidentServer implements AsyncDisposable {
  readonly #options: ResidentOptions;
  readonly #startedAt: number;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #ending = new AbortController();
  readonly #permits = new PermitOwners();
  #sessions: Promise<McpSessions> | undefined;
  #sessionCount = () => 0;
  readonly #tokens: TokenFile;
  readonly #socket: string;
  readonly #server: Deno.HttpServer<Deno.UnixAddr>;
  #router: Router;
  #listener: TcpListener | undefined;

  /**
   * Listens.
   *
   * @param socket Absolute path of the socket, in a folder that only this user can enter. One that an earlier
   * server left is replaced: whoever holds the lock of the log is the only one.
   * @throws {RangeError} (as a rejection) The path is too long for a socket.
   * @throws {Error} (as a rejection) It cannot listen there.
   */
  static async open(socket: string, options: ResidentOptions): Promise<ResidentServer> {
    const server = new ResidentServer(socket, options);
    try {
      await server.#listen();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(socket: string, options: ResidentOptions) {
    const length = new TextEncoder().encode(socket).length;
    if (length > MAX_SOCKET_PATH) {
      throw new RangeError(
        `Cannot listen at "${socket}": it has ${length} bytes, a socket has at most ${MAX_SOCKET_PATH}; put the log into a folder with a shorter path`,
      );
    }
    this.#options = options;
    this.#socket = socket;
    this.#startedAt = options.timer.now();
    this.#tokens = new TokenFile(tokenFileOf(socket));
    removeSocket(socket);
    this.#router = this.#routerFor([]);
    this.#server = Deno.serve(
      { path: socket, onListen: () => {} },
      (request, { completed }) => this.#answerPeer(request, completed),
    );
    Deno.chmodSync(socket, 0o600);
  }

  /** Resolves when somebody has asked it to stop. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Where it listens on loopback; `undefined` if it does not. */
  get address(): ListenAddress | undefined {
    return this.#listener?.address;
  }

  /** Refuses further requests, ends streams, and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await Promise.all([
      this.#listener?.[Symbol.asyncDispose](),
      this.#server.shutdown(),
    ]);
    await (await this.#sessions)?.[Symbol.asyncDispose]();
  }

  async #listen(): Promise<void> {
    const { listen, bounds } = this.#options;
    if (listen === undefined) return;
    // A wrong file of tokens is told at the start, not to the first caller.
    this.#tokens.list();
    this.#listener = await TcpListener.open(listen, (incoming) => this.#answer(incoming), bounds);
    const { port } = this.#listener.address;
    const names = ["127.0.0.1", "localhost", "[::1]"].map((name) => `${name}:${port}`);
    this.#router = this.#routerFor(names);
  }

  #routerFor(hosts: readonly string[]): Router {
    const { origins = [], timer, onWarning } = this.#options;
    return new Router({
      routes: this.#routes,
      parts: this.#parts,
      door: new FrontDoor({
        ...{ tokens: this.#tokens, hosts, origins, onWarning },
        now: () => timer.now(),
      }),
      isCurrent: (caller) => this.#isCurrent(caller),
      ending: this.#ending.signal,
    });
  }

  #answer(incoming: Incoming): Promise<Response> {
    return this.#router.answer(incoming);
  }

  async #answerPeer(request: Request, completed: Promise<void>): Promise<Response> {
    const gone = new AbortController();
    completed.catch(() => gone.abort()); // The answer could not be sent: the peer is gone.
    const { method, url, headers, body } = request;
    // What stands before the path is of no meaning here.
    const target = url.replace(/^[a-z+]+:\/\/[^/]*/, "");
    return await this.#answer({
      way: "socket",
      method,
      target,
      headers,
      body,
      signal: gone.signal,
    });
  }

  #mcpSessions(): Promise<McpSessions> {
    return this.#sessions ??= (async () => {
      const { McpSessions } = await import("./mcp_sessions.ts");
      const sessions = new McpSessions(this.#parts);
      this.#sessionCount = () => sessions.size;
      return sessions;
    })();
  }

  #isCurrent({ name, roles }: Caller): boolean {
    if (name === undefined) return true;
    try {
      const token = this.#tokens.list().find((one) => one.name === name);
      return token !== undefined && roles.every((role) => token.roles.includes(role));
    } catch {
      return false; // INVARIANT: a file that cannot be read allows nobody.
    }
  }

  get #parts(): ServedParts {
    return { ...this.#options, permits: this.#permits };
  }

  get #routes(): readonly Route[] {
    const { status, timer, inbox, undo } = this.#options;
    const uptime = () => Math.floor((timer.now() - this.#startedAt) / 1000);
    const routes: readonly Route[] = routesOf(() => this.#mcpSessions(), {
      health: () => ({ version: VERSION, uptime_s: uptime(), ...status() }),
      status: () => ({
        version: VERSION,
        uptime_s: uptime(),
        policy: status()["policy"],
        listens: [
          this.#socket,
          ...this.#listener === undefined ? [] : [shownAddress(this.#listener.address)],
        ],
        mcp_sessions: this.#sessionCount(),
        streams: this.#router.streams,
        questions: inbox.list().length,
        rollback: undo !== undefined,
      }),
      stop: () => this.#stopped.resolve(),
      description: () => openApi(routes),
    });
    return routes;
  }
}

/** All routes that are served. */
function routesOf(
  sessions: () => Promise<McpSessions>,
  server: Parameters<typeof serverRoutes>[0],
): readonly Route[] {
  return [
    ...ACTION_ROUTES,
    ...APPROVAL_ROUTES,
    ...RECORD_ROUTES,
    ...ROLLBACK_ROUTES,
    ...HOOK_ROUTES,
    ...mcpRoutes(sessions),
    ...serverRoutes(server),
  ];
}

/** The description of the API, without a server. */
export function describeApi(): object {
  const nothing = () => ({});
  return openApi(
    routesOf(() => Promise.reject(new Error("It is only described")), {
      ...{ health: nothing, status: nothing, stop: nothing, description: nothing },
    }),
  );
}

function removeSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
