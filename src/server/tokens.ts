/**
 * The tokens by which callers are known over TCP. They are kept as digests: whoever reads the file has none of them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { Caller, Role } from "./caller.ts";
import { ROLES } from "./caller.ts";

/** By this a token is known for one, for example where it must not stand. */
export const TOKEN_START = "ak_";

/** 256 bits, as RFC 4648 §5 writes them. */
const TOKEN = /^ak_[A-Za-z0-9_-]{43}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const MODE = 0o600;
/** Most tokens: each wrong one is compared with all of them. */
const MAX_TOKENS = 1000;

/** The file of the tokens of a kernel, in the folder of its socket: no action may read or change it. */
export function tokenFileOf(socket: string): string {
  return `${socket.slice(0, socket.lastIndexOf("/"))}/tokens.json`;
}

/** What is kept of a token. */
export interface Token {
  /** The principal: `agent` in rules and records. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** The agents whose hooks it may send. */
  readonly agents: readonly string[];
  /** RFC 3339, UTC. */
  readonly created: string;
  /** SHA-256 of the token's text, 64 hexadecimal digits. */
  readonly digest: string;
}

/** The file of the tokens, or what is asked of it, cannot be used. */
export class TokenError extends Error {
  /** The name of this class. */
  override name = "TokenError";
}

/** What a new token is for. */
export interface TokenOptions {
  /** @default ["act"] */
  readonly roles?: readonly Role[];
  /** @default none */
  readonly agents?: readonly string[];
  /** Wall clock. */
  readonly now: Date;
}

/**
 * The tokens of one resident kernel, in a file of its user alone (mode 0600). A digest without salt is enough: the
 * secret has 256 random bits, so nobody finds it by trying (OWASP Session Management).
 */
export class TokenFile {
  readonly #path: string;
  #tokens: readonly Token[] = [];
  #seen: string | undefined;

  /** @param path Absolute. The file need not exist: then there are no tokens. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes a token.
   *
   * @returns Its text, which is kept nowhere: it is told once.
   * @throws {TokenError} The name is taken or of a wrong form, or the roles do not go together.
   */
  add(name: string, { roles = ["act"], agents = [], now }: TokenOptions): string {
    if (!NAME.test(name)) {
      throw new TokenError(
        `Cannot make the token "${name}": expected letters, digits, ".", "_" and "-", at most 64`,
      );
    }
    if (roles.includes("act") && roles.includes("approve")) {
      throw new TokenError(
        "Cannot make a token that acts and approves: who asks could answer itself; make two",
      );
    }
    if (agents.length > 0 && !roles.includes("act")) {
      throw new TokenError("Cannot make the token: hooks are for tokens with the role act");
    }
    const text = newToken();
    this.#change((tokens) => {
      if (tokens.some((one) => one.name === name)) {
        throw new TokenError(`Cannot make the token "${name}": there is one; revoke it first`);
      }
      if (tokens.length >= MAX_TOKENS) {
        throw new TokenError(`Cannot make the token "${name}": there are ${MAX_TOKENS} already`);
      }
      const digest = digestOf(text).toString("hex");
      return [...tokens, { name, roles, agents, created: now.toISOString(), digest }];
    });
    return text;
  }

  /** Takes a token back: the next request with it is refused. @returns Whether there was one. */
  revoke(name: string): boolean {
    let wasThere = false;
    this.#change((tokens) => {
      wasThere = tokens.some((one) => one.name === name);
      return tokens.filter((one) => one.name !== name);
    });
    return wasThere;
  }

  /** All tokens, the oldest first. @throws {TokenError} The file is not one of ours. */
  list(): readonly Token[] {
    const seen = this.#state();
    if (seen !== this.#seen) {
      this.#tokens = seen === "" ? [] : this.#read();
      this.#seen = seen;
    }
    return this.#tokens;
  }

  /**
   * Whose token a text is.
   *
   * @throws {TokenError} The file is not one of ours. INVARIANT: then no token counts.
   */
  find(text: string): Caller | undefined {
    const tokens = this.list();
    if (!TOKEN.test(text)) return undefined;
    const given = digestOf(text);
    let found: Token | undefined;
    // INVARIANT: all are compared, in constant time each: how long it takes tells nothing of how much was right.
    for (const token of tokens) {
      if (timingSafeEqual(Buffer.from(token.digest, "hex"), given)) found = token;
    }
    return found && { name: found.name, roles: found.roles, agents: found.agents };
  }

  /** What changes when the file does; empty if there is none. */
  #state(): string {
    try {
      const { ino, size, mtime, mode } = Deno.lstatSync(this.#path);
      return `${ino} ${size} ${mtime?.getTime()} ${mode}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  #read(): readonly Token[] {
    const refuse = (why: string) => {
      return new TokenError(`Cannot use the tokens in "${this.#path}": ${why}`);
    };
    const { isFile, mode } = Deno.lstatSync(this.#path);
    if (!isFile) throw refuse("it is no file");
    if (mode !== null && (mode & 0o777) !== MODE) {
      throw refuse(`others may use it (mode ${(mode & 0o777).toString(8)}), expected mode 600`);
    }
    let tokens: unknown;
    try {
      ({ tokens } = Object(JSON.parse(Deno.readTextFileSync(this.#path))));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    if (Array.isArray(tokens) && tokens.every(isToken)) return tokens;
    throw refuse("it is no list of tokens");
  }

  /** One process after the other; whoever reads meanwhile sees the file from before or after. */
  #change(change: (tokens: readonly Token[]) => readonly Token[]): void {
    using lock = Deno.openSync(`${this.#path}.lock`, { write: true, create: true, mode: MODE });
    lock.lockSync(true);
    const tokens = change(this.list());
    const draft = `${this.#path}.new`;
    try {
      Deno.removeSync(draft);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const text = `${JSON.stringify({ version: 1, tokens }, null, 2)}\n`;
    Deno.writeTextFileSync(draft, text, { mode: MODE, createNew: true });
    Deno.renameSync(draft, this.#path);
  }
}

function newToken(): string {
  const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(32)));
  return TOKEN_START + bytes.toString("base64url");
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isToken(value: unknown): value is Token {
  const { name, roles, agents, created, digest } = Object(value) as Readonly<
    Record<string, unknown>
  >;
  return typeof name === "string" && NAME.test(name) && typeof created === "string" &&
    typeof digest === "string" && DIGEST.test(digest) &&
    Array.isArray(roles) && roles.every((role) => ROLES.includes(role)) &&
    Array.isArray(agents) && agents.every((agent) => typeof agent === "string");
}
