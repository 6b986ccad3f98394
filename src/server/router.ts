/**
 * From a request to its route: the door, the table, the body, the answer.
 *
 * @module
 */
import { messageOf } from "../core/errors.ts";
import { Refusal, type Route } from "./api/route.ts";
import { BodyBudget, readBody } from "./body.ts";
import { type Caller, hasRole, PEER } from "./caller.ts";
import type { FrontDoor } from "./front_door.ts";
import { failure, type Incoming } from "./incoming.ts";
import type { ServedParts } from "./parts.ts";

/** The longest body of a request, in bytes. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** All bodies that come in at the same time. */
const BUDGET_BYTES = 4 * MAX_BODY_BYTES;
/** Streams that are open at the same time, all clients together. */
const MAX_STREAMS = 64;

/** What a router serves, and by which rules. */
export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly parts: ServedParts;
  readonly door: FrontDoor;
  /** Whether a caller's token is still as it was. */
  readonly isCurrent: (caller: Caller) => boolean;
  /** Aborted when the server ends. */
  readonly ending: AbortSignal;
}

/** Serves routes. */
export class Router {
  readonly #options: RouterOptions;
  readonly #budget = new BodyBudget(BUDGET_BYTES);
  #streams = 0;

  constructor(options: RouterOptions) {
    this.#options = options;
  }

  /** How many streams are open. */
  get streams(): number {
    return this.#streams;
  }

  /** Answers a request. Never rejects. */
  async answer(incoming: Incoming): Promise<Response> {
    const { parts: { onWarning }, door } = this.#options;
    try {
      const caller = door.admit(incoming);
      return caller instanceof Response ? caller : await this.#serve(incoming, caller);
    } catch (error) {
      if (error instanceof Refusal) return failure(error.status, error.code, error.message);
      const [path = ""] = incoming.target.split("?");
      onWarning(`agent-kernel: ${path.slice(0, 200)}: ${messageOf(error)}`);
      return failure(
        500,
        "SERVER_ERROR",
        "the request failed; the kernel's standard error says why",
      );
    }
  }

  async #serve(incoming: Incoming, caller: Caller): Promise<Response> {
    const { routes, ending, parts, isCurrent } = this.#options;
    const { method, headers, target } = incoming;
    const [path = "", search = ""] = target.split("?");
    const found = routes.flatMap((route) => {
      const params = matched(route.path, path);
      return params === undefined ? [] : [{ route, params }];
    });
    if (found.length === 0) throw new Refusal(404, "NOT_FOUND", `there is no ${path}`);
    const here = found.find(({ route }) => route.method === method);
    if (here === undefined) {
      const methods = found.map(({ route }) => route.method).join(", ");
      return failure(405, "WRONG_METHOD", `${path} takes ${methods}`, { allow: methods });
    }
    const { route, params } = here;
    assertMay(caller, route);
    const query = new URLSearchParams(search);
    const unknown = Array.from(query.keys()).find((name) =>
      !Object.hasOwn(route.query ?? {}, name)
    );
    if (unknown !== undefined) {
      throw new Refusal(400, "INVALID_QUERY", `there is no parameter "${unknown.slice(0, 64)}"`);
    }
    const signal = AbortSignal.any([incoming.signal, ending]);
    const isStream = route.answer.type === "text/event-stream" && method === "GET";
    if (isStream && this.#streams >= MAX_STREAMS) {
      throw new Refusal(503, "TOO_MANY_STREAMS", `there are ${MAX_STREAMS} streams already`);
    }
    const body = route.body === undefined ? undefined : await this.#bodyOf(incoming);
    const answered = await route.handle({
      ...{ caller, params, query, body, headers, signal, parts },
      isStillAllowed: () => isCurrent(caller),
    });
    if (!(answered instanceof Response)) return Response.json(answered);
    return isStream && answered.body !== null
      ? this.#counted(answered, answered.body, caller)
      : answered;
  }

  async #bodyOf({ headers, body }: Incoming): Promise<unknown> {
    const read = await readBody(body, {
      maxBytes: MAX_BODY_BYTES,
      budget: this.#budget,
      announced: Number(headers.get("content-length") ?? 0),
    });
    if ("problem" in read) throw new Refusal(read.status, "INVALID_BODY", read.problem);
    return read.value;
  }

  /** The same stream, counted. INVARIANT: nothing more goes to whose token was revoked. */
  #counted(answered: Response, body: ReadableStream<Uint8Array>, caller: Caller): Response {
    const { isCurrent } = this.#options;
    this.#streams++;
    let isOpen = true;
    const end = () => {
      if (isOpen) this.#streams--;
      isOpen = false;
    };
    const reader = body.getReader();
    const counted = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await reader.read();
        const ends = done || !isCurrent(caller);
        if (value !== undefined && !ends) controller.enqueue(value);
        if (!ends) return;
        end();
        controller.close();
        if (!done) await reader.cancel();
      },
      async cancel(reason) {
        end();
        await reader.cancel(reason);
      },
    });
    return new Response(counted, { status: answered.status, headers: answered.headers });
  }
}

function assertMay(caller: Caller, { roles }: Route): void {
  if (roles === "peer") {
    if (caller === PEER) return;
    throw new Refusal(403, "ROLE_MISSING", "this is for the Unix socket, without a token");
  }
  if (hasRole(caller, roles)) return;
  const who = caller.name === undefined ? "the Unix socket without a token" : `"${caller.name}"`;
  throw new Refusal(
    403,
    "ROLE_MISSING",
    `this is for a token with the role ${
      roles.join(" or ")
    }, which ${who} has not: agent-kernel token add NAME --role ${roles[0]}`,
  );
}

/** What stands in the places of `{name}`; `undefined` if the path is another one. */
function matched(pattern: string, path: string): Record<string, string> | undefined {
  const names = pattern.split("/");
  const segments = path.split("/");
  if (names.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, name] of names.entries()) {
    const segment = segments[i] ?? "";
    if (name.startsWith("{")) params[name.slice(1, -1)] = segment;
    else if (name !== segment) return undefined;
  }
  return params;
}
