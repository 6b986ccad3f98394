/**
 * Who may come in: decided from the head of a request, before its body is read.
 *
 * @module
 */
import { type Caller, PEER } from "./caller.ts";
import { failure, type Incoming } from "./incoming.ts";
import { TOKEN_START, type TokenFile } from "./tokens.ts";

/** What the door goes by. */
export interface FrontDoorOptions {
  readonly tokens: TokenFile;
  /** Values of `Host` that are answered over TCP. */
  readonly hosts: readonly string[];
  /** Values of `Origin` that are answered; they get no CORS headers. @default [] */
  readonly origins?: readonly string[];
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly onWarning: (line: string) => void;
}

/** Wrong tokens that are answered in a minute; further ones are turned away until it is over. */
const MAX_WRONG = 10;
const MINUTE_MS = 60_000;
/** Names of query parameters by which people hand over tokens. */
const TOKEN_PARAMETERS =
  /^(access_?token|token|auth(orization)?|api_?key|key|bearer|password|secret)$/i;
/** A path as the API has them: nothing that could be read as another one. */
const PLAIN_PATH = /^(\/|(\/[A-Za-z0-9_.-]+)+)$/;

/** Lets callers in, or says why not. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  #wrong = 0;
  #minute = -Infinity;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** @returns Who asks, or the refusal. */
  admit(incoming: Incoming): Caller | Response {
    return this.#refusal(incoming) ?? this.#callerOf(incoming);
  }

  #refusal({ way, method, target, headers }: Incoming): Response | undefined {
    const { hosts, origins = [] } = this.#options;
    if (hasTokenInUrl(target)) {
      return failure(
        400,
        "TOKEN_IN_URL",
        'a token does not belong into a URL, which is kept in logs: send it as "Authorization: Bearer TOKEN", and revoke this one',
      );
    }
    const [path = ""] = target.split("?");
    if (!PLAIN_PATH.test(path) || /\/\.{1,2}(\/|$)/.test(path)) {
      return failure(400, "INVALID_PATH", "the path has something that no path of the API has");
    }
    // A web page sends these by itself, and cannot leave them out (Fetch §3.2, Fetch Metadata).
    const origin = headers.get("origin");
    if (origin !== null && !origins.includes(origin)) {
      return failure(
        403,
        "ORIGIN_REFUSED",
        "requests of web pages are refused unless their origin is listed (--allow-origin)",
      );
    }
    const site = headers.get("sec-fetch-site");
    if (origin === null && site !== null && site !== "none") {
      return failure(403, "ORIGIN_REFUSED", "requests of web pages are refused");
    }
    if (headers.has("upgrade")) {
      return failure(400, "NO_UPGRADE", "there is no other protocol here, and no WebSocket");
    }
    if (way === "socket") return undefined;
    // A name that leads here by DNS is another one (DNS rebinding).
    const host = headers.get("host") ?? "";
    if (!hosts.includes(host.toLowerCase())) {
      return failure(421, "HOST_REFUSED", `the header Host has to be ${hosts.join(" or ")}`);
    }
    const type = headers.get("content-type") ?? "";
    // Others are what a form of a web page can send without being asked for (CSRF).
    if (method === "POST" && !/^application\/json\s*(;|$)/i.test(type)) {
      return failure(415, "WRONG_TYPE", "the header Content-Type has to be application/json");
    }
    return undefined;
  }

  #callerOf({ way, headers }: Incoming): Caller | Response {
    const given = headers.get("authorization");
    if (given === null && way === "socket") return PEER;
    if (given === null) return unauthorized("a token is missing");
    const [, token = ""] = /^Bearer +(\S+)$/i.exec(given) ?? [];
    const found = this.#options.tokens.find(token);
    if (found !== undefined) return found;
    const wait = this.#countWrong();
    if (wait === 0) return unauthorized("there is no such token, or it was revoked");
    return failure(429, "TOO_MANY_WRONG_TOKENS", "too many wrong tokens came in this minute", {
      "retry-after": String(wait),
    });
  }

  /** INVARIANT: it only counts wrong ones: who floods the door does not lock out those who have a token. */
  #countWrong(): number {
    const { now, onWarning } = this.#options;
    const at = now();
    if (at - this.#minute >= MINUTE_MS) {
      this.#minute = at;
      this.#wrong = 0;
    }
    this.#wrong++;
    if (this.#wrong <= MAX_WRONG) return 0;
    if (this.#wrong === MAX_WRONG + 1) {
      onWarning(`agent-kernel: more than ${MAX_WRONG} wrong tokens came in a minute`);
    }
    return Math.max(1, Math.ceil((this.#minute + MINUTE_MS - at) / 1000));
  }
}

function unauthorized(why: string): Response {
  return failure(
    401,
    "UNAUTHORIZED",
    `${why}: send "Authorization: Bearer TOKEN", made with "agent-kernel token add NAME"`,
    { "www-authenticate": 'Bearer realm="agent-kernel"' },
  );
}

function hasTokenInUrl(target: string): boolean {
  const query = target.includes("?") ? target.slice(target.indexOf("?") + 1) : "";
  const names = Array.from(new URLSearchParams(query).keys());
  return names.some((name) => TOKEN_PARAMETERS.test(name)) ||
    new RegExp(`${TOKEN_START}[A-Za-z0-9_-]{43}`).test(unescaped(target));
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // No text at all; it is refused for its form.
  }
}
