/**
 * What a route of the API is: how it is served, and how it is described.
 *
 * @module
 */
import type { Caller, Role } from "../caller.ts";
import type { ServedParts } from "../parts.ts";

/** A JSON Schema (2020-12), as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A request whose caller is known and may use the route. */
export interface Call {
  readonly caller: Caller;
  /** What stands in the place of `{name}` in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The JSON of its body. Untrusted. */
  readonly body: unknown;
  readonly headers: Headers;
  /** Aborted when the caller is gone, or the server ends. */
  readonly signal: AbortSignal;
  /** Whether the caller may still do this: tokens are revoked while streams go on. */
  readonly isStillAllowed: () => boolean;
  readonly parts: ServedParts;
}

/** One operation. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** Segments of the form `{name}` stand for one segment of letters, digits, `.`, `_` and `-`. */
  readonly path: string;
  /** `operationId` of its description. */
  readonly id: string;
  readonly summary: string;
  /** Who may use it: callers with one of these roles. `peer`: only at the Unix socket, without a token. */
  readonly roles: readonly Role[] | "peer";
  /** The query parameters that it takes; others are refused. */
  readonly query?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, Schema>>;
  /** `undefined`: it takes none. */
  readonly body?: Schema;
  /** Whether it gets the body as JSON; a body that is none is refused. @default that `body` is given */
  readonly answer: {
    readonly schema: Schema;
    /** @default "application/json" */
    readonly type?: string;
    readonly description: string;
  };
  /** Statuses of refusals beside those of the door. */
  readonly refusals?: readonly number[];
  /** @returns The JSON of the answer, or a whole answer. */
  readonly handle: (call: Call) => unknown;
}

/** A request that cannot be served, for whoever made it. */
export class Refusal extends Error {
  /** The name of this class. */
  override name = "Refusal";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A reference to a named schema. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** The members of a body that has to be an object. @throws {Refusal} It is none. */
export function membersOf(body: unknown, allowed: readonly string[]): Record<string, unknown> {
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    throw new Refusal(400, "INVALID_BODY", "the body has to be a JSON object");
  }
  const unknown = Object.keys(body).find((name) => !allowed.includes(name));
  if (unknown === undefined) return body as Record<string, unknown>;
  throw new Refusal(
    400,
    "INVALID_BODY",
    `the body has "${unknown.slice(0, 64)}", expected ${allowed.join(", ")}`,
  );
}

/** A member of a type, or nothing. @throws {Refusal} It is of another type. */
export function memberOf<T extends "string" | "boolean" | "number">(
  members: Readonly<Record<string, unknown>>,
  name: string,
  type: T,
): { string: string; boolean: boolean; number: number }[T] | undefined {
  const value = members[name];
  if (value === undefined || typeof value === type) return value as never;
  throw new Refusal(400, "INVALID_BODY", `"${name}" has to be a ${type}`);
}

/**
 * Who asks, as the kernel is to know it.
 *
 * INVARIANT: a token is one principal: a request in another's name is refused, not changed.
 *
 * @param claimed What the request says.
 * @throws {Refusal} It claims to be another one.
 */
export function agentOf({ name }: Caller, claimed: unknown): string | undefined {
  if (name === undefined) return typeof claimed === "string" ? claimed : undefined;
  if (claimed === undefined || claimed === name) return name;
  throw new Refusal(
    403,
    "AGENT_REFUSED",
    `the token is of "${name}", and the request says it is of another agent: leave "agent" out`,
  );
}
