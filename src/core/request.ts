/**
 * Requests as they come in, checked and copied.
 *
 * @module
 */
import { hash } from "node:crypto";
import { type ActionRequest, isActionName } from "./action.ts";
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

/** The same request, with what its caller found wrong with it; that says more than what is found here. */
export function refused(received: ReceivedRequest, problem: string): ReceivedRequest {
  return { ...received, problem: `malformed request: ${shown(problem)}` };
}

/**
 * Takes over a request, whatever it is; never throws. Each property is read once.
 *
 * @param limits Of the params.
 */
export function receive(request: unknown, limits: JsonLimits = {}): ReceivedRequest {
  let action: unknown, target: unknown, params: unknown, agent: unknown, undoes: unknown;
  try {
    ({ action, target, params, agent, undoes } = request as Record<string, unknown>);
  } catch {
    return invalid("", "", null, "expected an object {action, target, params?, agent?, undoes?}");
  }
  let copy = NO_PARAMS;
  let paramsDigest: string | null = NO_PARAMS_DIGEST;
  try {
    if (params !== undefined) {
      if (params === null || typeof params !== "object" || Array.isArray(params)) {
        throw new JsonError("params: expected an object");
      }
      copy = copyJson(params, "params", limits) as Record<string, unknown>;
      paramsDigest = digest(copy);
    }
  } catch (error) {
    const reason = error instanceof JsonError ? error.message : "params: could not be read";
    return invalid(action, target, null, reason, agent);
  }
  const problem = problemOf(action, target, agent) ?? problemOfUndoes(undoes);
  if (problem !== undefined) return invalid(action, target, paramsDigest, problem, agent);
  const valid: Mutable<ActionRequest> = {
    action: action as string,
    target: target as string,
    params: copy,
  };
  if (agent !== undefined) valid.agent = agent as string;
  if (undoes !== undefined) valid.undoes = undoes as string;
  return { request: valid, paramsDigest };
}

/** While it is being made. */
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function problemOf(action: unknown, target: unknown, agent: unknown): string | undefined {
  if (typeof action !== "string" || !isActionName(action) || action.length > MAX_ACTION) {
    return "action: expected names joined by dots, like fs.read";
  }
  if (typeof target !== "string" || target === "" || target.length > MAX_TARGET) {
    return `target: expected a text of at most ${MAX_TARGET} characters`;
  }
  if (agent === undefined || isAgent(agent)) return undefined;
  return `agent: expected a text of at most ${MAX_AGENT} characters`;
}

function isAgent(agent: unknown): agent is string {
  return typeof agent === "string" && agent !== "" && agent.length <= MAX_AGENT &&
    agent.isWellFormed();
}

function problemOfUndoes(undoes: unknown): string | undefined {
  if (undoes === undefined || typeof undoes === "string" && RECORD_ID.test(undoes)) {
    return undefined;
  }
  return "undoes: expected the id of a record";
}

function invalid(
  action: unknown,
  target: unknown,
  paramsDigest: string | null,
  problem: string,
  agent?: unknown,
): ReceivedRequest {
  const who = isAgent(agent) ? { agent } : {};
  return {
    request: { action: shown(action), target: shown(target), ...who },
    paramsDigest,
    problem: `malformed request: ${problem}`,
  };
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

/** SHA-256 of a text in UTF-8, 64 hexadecimal digits. */
export function sha256(text: string): string {
  return hash("sha256", text);
}
