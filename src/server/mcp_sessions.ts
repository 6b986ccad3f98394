/**
 * The MCP gateway over streamable HTTP: one session of the protocol is one session of an agent.
 *
 * @module
 */
import { WebStandardStreamableHTTPServerTransport as HttpTransport } from "npm:@modelcontextprotocol/sdk@^1.32.2/server/webStandardStreamableHttp.js";
import { McpGateway } from "../gateway/mcp_gateway.ts";
import type { SubmitFn } from "../stages/submit.ts";
import type { Caller } from "./caller.ts";
import { failure } from "./incoming.ts";
import type { ServedParts } from "./parts.ts";

interface Session {
  readonly transport: HttpTransport;
  readonly gateway: McpGateway;
  /** Whose it is. */
  readonly caller: string | undefined;
  /** On the clock of the timer. */
  usedAt: number;
  /** Requests that have no answer yet, and streams. */
  open: number;
}

/** A request of an MCP client. */
export interface McpRequest {
  readonly method: string;
  readonly headers: Headers;
  /** The JSON of a `POST`. */
  readonly body: unknown;
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/** Most sessions at a time; the one that was not used for longest, and is not in use, gives way. */
const MAX_SESSIONS = 200;
/** Most sessions of one principal: its own that was not used for longest gives way. */
const MAX_OF_CALLER = 50;
/** As MCP has it: the client begins anew when it is told that its session is gone. */
const IDLE_MS = 3_600_000;

/** The sessions of one server. */
export class McpSessions implements AsyncDisposable {
  readonly #parts: ServedParts;
  readonly #sessions = new Map<string, Session>();

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Answers one request, by the rules of the SDK's transport. */
  async answer({ method, headers, body, caller, signal }: McpRequest): Promise<Response> {
    const id = headers.get("mcp-session-id");
    const session = id === null ? await this.#begin(caller) : this.#sessions.get(id);
    // INVARIANT: a session is its principal's: another one's is not there.
    if (session === undefined || session.caller !== caller.name) {
      return Response.json({
        jsonrpc: "2.0",
        id: null,
        error: { code: -32001, message: "Session not found" },
      }, { status: 404 });
    }
    session.usedAt = this.#parts.timer.now();
    session.open++;
    const request = new Request("http://kernel/mcp", { method, headers });
    let answered: Response;
    try {
      answered = await session.transport.handleRequest(
        request,
        method === "POST" ? { parsedBody: body } : {},
      );
    } catch (error) {
      session.open--;
      throw error;
    }
    const isNew = id === null;
    // What was no beginning of a session leaves none.
    if (isNew && session.transport.sessionId === undefined) {
      session.open--;
      await session.transport.close();
      return answered;
    }
    return this.#tracked(answered, session, signal);
  }

  /** Ends all sessions, after their calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    const all = Array.from(this.#sessions.values());
    this.#sessions.clear();
    await Promise.all(all.map(({ gateway }) => gateway.idle()));
    await Promise.all(all.map(({ transport }) => transport.close()));
  }

  async #begin(caller: Caller): Promise<Session | undefined> {
    const { kernel, tools: toolsOf, downstream, timer } = this.#parts;
    const submit: SubmitFn = (request, more = {}) =>
      kernel.submit(request, { ...more, stages: [stage, ...more.stages ?? []] });
    // By this the records of one session are found.
    const stage = {
      name: "mcp",
      enter: () => ({ fields: { conversation: transport.sessionId ?? "" } }),
    };
    const agent = caller.name;
    const transport = new HttpTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id: string) => this.#keep(id, session),
      onsessionclosed: (id: string) => void this.#sessions.delete(id),
    });
    const gateway = new McpGateway({
      ...{ submit, tools: await toolsOf?.() ?? [] },
      ...agent === undefined ? {} : { agent },
      ...downstream === undefined ? {} : { downstream },
    });
    const session: Session = {
      ...{ transport, gateway, caller: agent, usedAt: timer.now(), open: 0 },
    };
    await gateway.connect(transport);
    return session;
  }

  #keep(id: string, session: Session): void {
    const now = this.#parts.timer.now();
    const all = Array.from(this.#sessions.values());
    const idle = Array.from(this.#sessions).filter(([, { open }]) => open === 0)
      .toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    // INVARIANT: who begins many sessions ends its own, before those of others.
    const isOwn = ({ caller }: Session) => caller === session.caller;
    const hasMany = all.filter(isOwn).length >= MAX_OF_CALLER;
    const isFull = all.length >= MAX_SESSIONS;
    const [gone] = hasMany || isFull
      ? [...idle.filter(([, one]) => isOwn(one)), ...isFull ? idle : []]
      : [];
    for (const [other, one] of idle) {
      if (now - one.usedAt < IDLE_MS && one !== gone?.[1]) continue;
      this.#sessions.delete(other);
      void one.transport.close();
    }
    this.#sessions.set(id, session);
  }

  /** The same answer; the session is in use until its end. */
  #tracked(answered: Response, session: Session, signal: AbortSignal): Response {
    const done = () => {
      session.open--;
      session.usedAt = this.#parts.timer.now();
    };
    if (answered.body === null) {
      done();
      return answered;
    }
    const reader = answered.body.getReader();
    let isDone = false;
    const end = () => {
      if (isDone) return;
      isDone = true;
      signal.removeEventListener("abort", stop);
      done();
    };
    const stop = () => void reader.cancel().catch(() => {}).finally(end); // It has ended.
    signal.addEventListener("abort", stop);
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await reader.read();
        if (value !== undefined) controller.enqueue(value);
        if (!done) return;
        end();
        controller.close();
      },
      cancel: () => reader.cancel().finally(end),
    });
    return new Response(body, { status: answered.status, headers: answered.headers });
  }
}

/** What a client is told whose kernel offers no tools. */
export function noGateway(): Response {
  return failure(404, "NOT_FOUND", "this kernel serves no MCP");
}
