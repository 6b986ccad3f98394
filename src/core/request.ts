/**
 * Requests as they come in, checked and copied.
 *
 * @module
 */
import { hash } from "node:crypto";
import { type ActionRequest, isActionName } from "./action.ts";
import { isInstance } from "./errors.ts";
import { canonicalJson, copyJson, JsonError, type JsonLimits } from "./json.ts";

/** What a request turned out to be. */
export interface ReceivedRequest {
  /** A private copy; of an invalid request, what can be shown of it. */
  readonly request: ActionRequest;
  /** SHA-256 of the canonical JSON of the params; `null` if they are no JSON. */
  readonly paramsDigest: string | null;
  /** Why the request is invalid; `undefined` if it is valid. */
  readonly problem?: string;
}

/** Most characters of an invalid action or target that are put on record. */
const MAX_SHOWN = 1024;
const MAX_ACTION = 128;
/** The longest target of any kind, a URL, has as many characters. */
const MAX_TARGET = 16_384;
const MAX_AGENT = 256;
const RECORD_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NO_PARAMS: Readonly<Record<string, unknown>> = Object.freeze({});
const NO_PARAMS_DIGEST = digest(NO_PARAMS);

/** How a request is received. */
export interface ReceiveOptions {
  /** What the caller found wrong with it: it is then invalid with this reason. */
  readonly problem?: string | undefined;
  /** Bounds of the params. */
  readonly limits?: JsonLimits;
}

/**
 * Takes over a request, whatever it is.
 *
 * INVARIANT: each property is read once, so that what is decided, executed and recorded is one thing.
 *
 * @param request Untrusted.
 * @returns A private copy, or what is wrong with it. Never throws.
 */
export function receive(
  request: unknown,
  { problem: found, limits = {} }: ReceiveOptions = {},
): ReceivedRequest {
  let action: unknown, target: unknown, params: unknown, agent: unknown, undoes: unknown;
  try {
    ({ action, target, params, agent, undoes } = request as Record<string, unknown>);
  } catch {
    // Anything can be thrown by a getter: there is nothing to show of it.
    return invalid({}, "expected an object {action, target, params?, agent?, undoes?}", null);
  }
  const given = { action, target, agent };
  let copy = NO_PARAMS;
  let paramsDigest: string | null = NO_PARAMS_DIGEST;
  try {
    if (params !== undefined) {
      if (params === null || typeof params !== "object" || Array.isArray(params)) {
        throw new JsonError("params: expected an object");
      }
      copy = copyJson(params, "params", { ...limits, exactIntegers: true }) as typeof copy;
      paramsDigest = digest(copy);
    }
  } catch (error) {
    const reason = isInstance(error, JsonError) ? error.message : "params: could not be read";
    return invalid(given, found ?? reason, null);
  }
  const problem = problemOf(given) ?? problemOfUndoes(undoes);
  if (problem !== undefined) return invalid(given, found ?? problem, paramsDigest);
  const valid: Mutable<ActionRequest> = {
    action: action as string,
    target: target as string,
    params: copy,
  };
  if (agent !== undefined) valid.agent = agent as string;
  if (undoes !== undefined) valid.undoes = undoes as string;
  if (found === undefined) return { request: valid, paramsDigest };
  return { request: valid, paramsDigest, problem: malformed(found) };
}

/** A private copy of a request that was received: it is bounded already. */
export function clone<T extends ActionRequest>(request: T): T {
  return copyJson(request, "", { depth: Infinity, nodes: Infinity, characters: Infinity }) as T;
}

/** What is looked at of a request. */
interface Given {
  readonly action?: unknown;
  readonly target?: unknown;
  readonly agent?: unknown;
}

/** While it is being made. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function problemOf({ action, target, agent }: Given): string | undefined {
  if (typeof action !== "string" || !isActionName(action) || action.length > MAX_ACTION) {
    return "action: expected names joined by dots, like fs.read";
  }
  if (typeof target !== "string" || target === "" || target.length > MAX_TARGET) {
    return `target: expected 1 to ${MAX_TARGET} characters`;
  }
  if (agent === undefined || isAgent(agent)) return undefined;
  return `agent: expected 1 to ${MAX_AGENT} characters`;
}

function isAgent(agent: unknown): agent is string {
  return typeof agent === "string" && agent !== "" && agent.length <= MAX_AGENT &&
    agent.isWellFormed();
}

function problemOfUndoes(undoes: unknown): string | undefined {
  const isId = undoes === undefined || typeof undoes === "string" && RECORD_ID.test(undoes);
  return isId ? undefined : "undoes: expected the id of a record";
}

function invalid(
  { action, target, agent }: Given,
  problem: string,
  paramsDigest: string | null,
): ReceivedRequest {
  const request = { action: shown(action), target: shown(target) };
  return {
    request: isAgent(agent) ? { ...request, agent } : request,
    paramsDigest,
    problem: malformed(problem),
  };
}

function malformed(problem: string): string {
  return `malformed request: ${shown(problem)}`;
}

/** What of an untrusted value is put on record. */
export function shown(value: unknown): string {
  if (typeof value !== "string") return "";
  if (value.length <= MAX_SHOWN) return value;
  return `${value.slice(0, MAX_SHOWN)}… (${value.length} characters)`;
}

function digest(params: Readonly<Record<string, unknown>>): string {
  return sha256(canonicalJson(params));
}

/** SHA-256 of a string in UTF-8, 64 hexadecimal digits. */
export function sha256(text: string): string {
  return hash("sha256", text);
}
