/**
 * What programs ask of a proxy: SOCKS5 (RFC 1928), CONNECT and requests in absolute form (RFC 9112,
 * section 3.2).
 *
 * @module
 */
import type { ByteReader } from "./byte_reader.ts";

/** A tunnel to a host and port. */
export interface TunnelRequest {
  readonly kind: "tunnel";
  readonly protocol: "socks" | "http";
  /** As the program wrote it; IPv6 addresses in brackets. */
  readonly authority: string;
}

/** One request by plain HTTP. */
export interface PlainRequest {
  readonly kind: "plain";
  readonly method: string;
  /** As the program wrote it. */
  readonly url: string;
  /** Names in lower case, without those that belong to the connection. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** A request that is refused before it is decided. */
export class BadRequestError extends Error {
  override name = "BadRequestError";
  /** The status of HTTP to answer with. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MAX_HEAD_BYTES = 65_536;
/** A body is decided with the request, so it has to be read first. */
const MAX_BODY_BYTES = 1_048_576;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** What belongs to one connection only (RFC 9110, section 7.6.1), or is set anew. */
const OF_CONNECTION = [
  ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"],
  ...["host", "content-length", "http2-settings"],
];

/**
 * Reads a request of HTTP.
 *
 * @throws {BadRequestError} It is none that this proxy takes.
 */
export async function readHttp(
  reader: ByteReader,
  proceed: () => Promise<void>,
): Promise<TunnelRequest | PlainRequest> {
  const [line = "", ...lines] = (await reader.readHead(MAX_HEAD_BYTES)).split("\r\n");
  const [, method = "", target = ""] = /^(\S+) (\S+) HTTP\/1\.[01]$/.exec(line) ?? [];
  if (!TOKEN.test(method)) throw new BadRequestError(400, "Not a request line of HTTP/1.1");
  if (method === "CONNECT") {
    if (!AUTHORITY.test(target)) throw new BadRequestError(400, "Expected CONNECT host:port");
    return { kind: "tunnel", protocol: "http", authority: target };
  }
  if (!/^http:\/\//i.test(target)) {
    throw new BadRequestError(400, "This is a proxy: expected CONNECT or a URL of http://");
  }
  const fields = fieldsOf(lines);
  // INVARIANT: exactly one request goes out on a connection: the length of its body is known.
  if (fields.has("transfer-encoding")) {
    throw new BadRequestError(411, "Expected a Content-Length instead of a Transfer-Encoding");
  }
  const length = fields.get("content-length") ?? "0";
  if (!/^\d{1,15}$/.test(length)) throw new BadRequestError(400, "Not a Content-Length");
  if (Number(length) > MAX_BODY_BYTES) {
    throw new BadRequestError(413, `A body has at most ${MAX_BODY_BYTES} bytes here; use a tunnel`);
  }
  if (fields.has("expect")) await proceed();
  const named = (fields.get("connection") ?? "").toLowerCase().split(",").map((one) => one.trim());
  const headers = Array.from(fields).filter(([name]) =>
    !OF_CONNECTION.includes(name) && !named.includes(name) && !name.startsWith("proxy-")
  );
  return {
    kind: "plain",
    method,
    url: target,
    headers: Object.fromEntries(headers),
    body: await reader.read(Number(length)),
  };
}

function fieldsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    if (!TOKEN.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
      throw new BadRequestError(400, "Not a header field of HTTP/1.1");
    }
    if (fields.has(name) && name === "content-length") {
      throw new BadRequestError(400, "Two fields Content-Length");
    }
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return fields;
}

/** Answers of SOCKS5 (RFC 1928, section 6). */
export const SOCKS_REPLY = { granted: 0, failed: 1, notAllowed: 2, unreachable: 4, noCommand: 7 };

/** The bytes of an answer. */
export function socksReply(code: number): Uint8Array {
  return Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0);
}

/**
 * Reads a request of SOCKS5 without authentication.
 *
 * @param answer Sends bytes to the program.
 * @returns The request; `undefined` if it is refused, and that was answered.
 */
export async function readSocks(
  reader: ByteReader,
  answer: (bytes: Uint8Array) => Promise<void>,
): Promise<TunnelRequest | undefined> {
  const [, methods = 0] = await reader.read(2);
  if (!(await reader.read(methods)).includes(0)) {
    await answer(Uint8Array.of(5, 0xff));
    return undefined;
  }
  await answer(Uint8Array.of(5, 0));
  const [version, command, , type] = await reader.read(4);
  const host = version === 5 ? await socksHost(reader, type) : undefined;
  if (host === undefined) {
    await answer(socksReply(SOCKS_REPLY.failed));
    return undefined;
  }
  const [high = 0, low = 0] = await reader.read(2);
  const authority = `${host}:${high * 256 + low}`;
  if (command !== 1 || !AUTHORITY.test(authority)) {
    await answer(socksReply(command === 1 ? SOCKS_REPLY.failed : SOCKS_REPLY.noCommand));
    return undefined;
  }
  return { kind: "tunnel", protocol: "socks", authority };
}

async function socksHost(
  reader: ByteReader,
  type: number | undefined,
): Promise<string | undefined> {
  switch (type) {
    case 1:
      return Array.from(await reader.read(4)).join(".");
    case 3: {
      const [length = 0] = await reader.read(1);
      return String.fromCharCode(...await reader.read(length));
    }
    case 4: {
      const bytes = await reader.read(16);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
      return `[${groups.join(":")}]`;
    }
    default:
      return undefined;
  }
}
