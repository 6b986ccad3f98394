/**
 * The resident kernel: one process that holds kernel, log and stores for everything on a machine that is no
 * Deno program. It listens on a Unix socket, which only its user can reach.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import { messageOf } from "../core/errors.ts";
import type { HookDesk } from "../hooks/desk.ts";
import { HOOK_EVENTS, type HookEventName } from "../hooks/event.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { VERSION } from "../version.ts";
import { readBody } from "./body.ts";

/** The longest body of a request, in bytes. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Linux has room for 107 bytes, macOS for 103 (`sun_path` of unix(7)). */
const MAX_SOCKET_PATH = 103;

/** What a resident kernel serves. */
export interface ResidentOptions {
  readonly kernel: { readonly submit: SubmitFn };
  readonly hooks: HookDesk;
  /** What `GET /v1/health` says beside the version and the time since the start. */
  readonly status: () => Readonly<Record<string, unknown>>;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Gets what failed while an answer was made. */
  readonly onWarning: (line: string) => void;
}

type Handler = (body: unknown, url: URL) => Promise<Response> | Response;

/** Serves one kernel at one socket. */
export class ResidentServer implements AsyncDisposable {
  readonly #options: ResidentOptions;
  readonly #startedAt: number;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #server: Deno.HttpServer<Deno.UnixAddr>;

  /**
   * Listens.
   *
   * @param path Absolute path of the socket, in a folder that only this user can enter. One that an earlier
   * server left is replaced: whoever holds the lock of the log is the only one.
   * @throws {RangeError} The path is too long for a socket.
   */
  constructor(path: string, options: ResidentOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    const length = new TextEncoder().encode(path).length;
    if (length > MAX_SOCKET_PATH) {
      throw new RangeError(
        `Cannot listen at "${path}": it has ${length} bytes, a socket has at most ${MAX_SOCKET_PATH}; put the log into a folder with a shorter path`,
      );
    }
    removeSocket(path);
    this.#server = Deno.serve({ path, onListen: () => {} }, (request) => this.#answer(request));
    Deno.chmodSync(path, 0o600);
  }

  /** Resolves when somebody has asked it to stop. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Refuses further requests and waits for those under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const route = this.#routes[url.pathname] ?? this.#hookRoute(url.pathname);
    if (route === undefined) return failure(404, "NOT_FOUND", `there is no ${url.pathname}`);
    const [method, handler] = route;
    if (request.method !== method) {
      return failure(405, "WRONG_METHOD", `${url.pathname} takes ${method}`);
    }
    try {
      const body = method === "GET" ? undefined : await readBody(request, MAX_BODY_BYTES);
      if (body !== undefined && "problem" in body) {
        return failure(body.status, "INVALID_BODY", body.problem);
      }
      return await handler(body?.value, url);
    } catch (error) {
      this.#options.onWarning(`agent-kernel: ${url.pathname}: ${messageOf(error)}`);
      return failure(
        500,
        "SERVER_ERROR",
        "the request failed; the kernel's standard error says why",
      );
    }
  }

  readonly #routes: Readonly<Record<string, readonly [method: "GET" | "POST", Handler]>> = {
    "/v1/health": ["GET", () => {
      const { now, status } = this.#options;
      const uptimeS = Math.floor((now() - this.#startedAt) / 1000);
      return Response.json({ version: VERSION, uptime_s: uptimeS, ...status() });
    }],
    "/v1/submit": ["POST", async (body) =>
      // INVARIANT: it is a request, and nothing else: options of a submit are for code of the host.
      Response.json(asJson(await this.#options.kernel.submit(body as ActionRequest)))],
    "/v1/invalid": ["POST", async (body) => {
      const { request, problem } = Object(body) as Record<string, unknown>;
      const result = await this.#options.kernel.submit(request as ActionRequest, {
        problem: String(problem),
      });
      return Response.json(asJson(result));
    }],
    "/v1/stop": ["POST", () => {
      this.#stopped.resolve();
      return Response.json({ stopping: true });
    }],
  };

  /** `/v1/hooks/AGENT/EVENT` */
  #hookRoute(path: string): readonly ["POST", Handler] | undefined {
    const [, agent = "", event] = /^\/v1\/hooks\/([a-z]+)\/([a-z-]+)$/.exec(path) ?? [];
    const name = HOOK_EVENTS.find((one) => one === event);
    return name && ["POST", async (body) => Response.json(await this.#hook(agent, name, body))];
  }

  async #hook(agent: string, name: HookEventName, body: unknown): Promise<object> {
    const { stdout, stderr, exitCode } = await this.#options.hooks.answer(agent, name, body);
    return { stdout, stderr, exit_code: exitCode };
  }
}

/** The names of the command line: those of the log. */
function asJson({ status, data, error, recordId, ...rest }: ActionResult): object {
  const texts = { data: data ?? null, error: error ?? null };
  return { status, ...texts, ...recordId !== undefined && { record_id: recordId }, ...rest };
}

function failure(status: number, code: string, error: string): Response {
  return Response.json({ code, error }, { status });
}

function removeSocket(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
