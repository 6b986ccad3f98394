/**
 * Servers on loopback, and kernels that may reach them.
 *
 * @module
 */
import { type ActionResult, Kernel } from "@agent-kernel/kernel";
import { type HttpOptions, HttpProvider } from "@agent-kernel/kernel/providers/http";
import { Workspace } from "../../workspace.ts";

/** What a policy allows that names loopback with any port. */
export const LOOPBACK = "http://127.0.0.1:*/**";

/** A server, stopped when the test ends. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  /** Its address, as it stands in policies. */
  readonly origin: string;
}

/** A real HTTP server. */
export function httpServer(handler: (request: Request) => Response | Promise<Response>): Server {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  const { port } = server.addr;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Answers everything with what it got. */
export async function echo(request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const body = await request.text();
  return Response.json({ method, url, headers: Object.fromEntries(headers), body });
}

/** A server that sends what it wants: once the head of a request is there, `answer` has the connection. */
export function rawServer(
  answer: (connection: Deno.TcpConn, head: string) => Promise<void>,
): Server & { readonly heads: readonly string[] } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heads: string[] = [];
  const serve = async (connection: Deno.TcpConn) => {
    try {
      const head = await readHead(connection);
      heads.push(head);
      await answer(connection, head);
    } catch {
      // The client does not have to listen to its end: what it got out of it is what the test asserts.
    } finally {
      connection.close();
    }
  };
  const running = (async () => {
    const connections: Promise<void>[] = [];
    for await (const connection of listener) connections.push(serve(connection));
    await Promise.all(connections);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    port,
    heads,
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await running;
    },
  };
}

/** A server that sends these bytes, whatever it is asked. */
export function sending(text: string | Uint8Array): Server & { readonly heads: readonly string[] } {
  return rawServer((connection) => write(connection, text));
}

/** Writes everything. */
export async function write(
  connection: Deno.TcpConn,
  text: string | Uint8Array,
): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

async function readHead(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return head;
}

/** Submits a request for a URL. */
export type Get = (
  url: string,
  params?: Record<string, unknown>,
) => Promise<HttpActionResult>;

/** A result with the data of `net.http`. */
export interface HttpActionResult extends Omit<ActionResult, "data"> {
  readonly data: {
    readonly status_code: number;
    readonly headers: Record<string, string | string[]>;
    readonly body: string;
    readonly encoding?: string;
    readonly url?: string;
  };
}

/** Rules of a policy, beside what allows the resources. */
export interface HttpPolicy {
  readonly allow: readonly string[];
  readonly capabilities?: readonly object[];
  readonly deny?: readonly object[];
  readonly options?: HttpOptions;
}

/** A kernel that allows `net.http` to these URLs. */
export async function withHttp(
  { allow, capabilities = [], deny = [], options = {} }: HttpPolicy,
  body: (get: Get, log: () => string) => Promise<void>,
): Promise<void> {
  using ws = new Workspace();
  const rules = allow.length === 0 ? [] : [{ id: "allowed", action: "net.http", resource: allow }];
  await using kernel = await Kernel.open({
    policy: { capabilities: [...rules, ...capabilities], deny },
    providers: [new HttpProvider(options)],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
  await body(
    async (target, params = {}) =>
      await kernel.submit({ action: "net.http", target, params }) as HttpActionResult,
    () => Deno.readTextFileSync(ws.path("kernel.log")),
  );
}
