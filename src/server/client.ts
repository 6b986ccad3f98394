/**
 * One request to the resident kernel.
 *
 * @module
 */

import { checkSocket } from "./folder.ts";

/** What the kernel answered. */
export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Sends a request to the socket of a resident kernel. HTTP/1.1, one request a connection.
 *
 * @param socket Absolute path of the socket.
 * @param body JSON; `undefined` makes it a `GET`.
 * @param uid The user of this process; by default it is asked for, which takes `--allow-sys=uid`.
 * @throws {Error} Nothing listens there, somebody else could, or the answer is none.
 */
export async function ask(
  socket: string,
  path: string,
  body?: string,
  uid: number | null = Deno.uid(),
): Promise<ServerAnswer> {
  checkSocket(socket, uid);
  using connection = await Deno.connect({ transport: "unix", path: socket });
  const bytes = new TextEncoder().encode(body ?? "");
  const head = [
    `${body === undefined ? "GET" : "POST"} ${path} HTTP/1.1`,
    "host: kernel",
    "connection: close",
    `content-length: ${bytes.length}`,
  ].join("\r\n");
  await writeAll(connection, new TextEncoder().encode(`${head}\r\n\r\n`));
  await writeAll(connection, bytes);
  const answer = await readAll(connection);
  const end = answer.indexOf("\r\n\r\n");
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(`${answer.slice(0, end)}\r\n`)?.[1]);
  const text = answer.slice(end + 4);
  if (status === undefined || end === -1 || new TextEncoder().encode(text).length !== length) {
    throw new Error("the answer of the kernel was cut");
  }
  return { status: Number(status), body: JSON.parse(text) };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

async function readAll(connection: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let size; (size = await connection.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, size), { stream: true });
    if (text.length > MAX_ANSWER_BYTES) throw new Error("the answer of the kernel is too long");
  }
  return text + decoder.decode();
}
