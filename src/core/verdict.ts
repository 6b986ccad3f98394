/**
 * What the gate makes of a request: a refusal, or the leave to have it carried out.
 *
 * @module
 */
import { type ActionRequest, type ActionResult, type CanonicalRequest, CODES } from "./action.ts";
import type { Installation } from "../installation.ts";
import { judge } from "./policy/judge.ts";
import type { Policy } from "./policy/policy.ts";
import type { ProviderHost } from "./isolation/host.ts";
import type { ReceivedRequest } from "./request.ts";
import { CanonicalError } from "./resource/world.ts";

/** What is known of a request once it is decided. */
interface Judged {
  /** SHA-256 of the canonical JSON of the params; `null` if they are no JSON. */
  readonly paramsDigest: string | null;
  /** The policy that decided. */
  readonly policy: Policy;
  /** Id of the rule that decided. */
  readonly rule: string | undefined;
}

/** A request that ends here. */
export interface Refused extends Judged {
  /** In canonical form as far as it came. */
  readonly request: ActionRequest;
  readonly refusal: Refusal;
}

/** A request that may be carried out. */
export interface Permitted extends Judged {
  readonly request: CanonicalRequest;
  readonly host: ProviderHost;
  readonly refusal: undefined;
}

/** A request with the verdict on it. */
export type Decided = Refused | Permitted;

/** Why a provider is not called. */
export interface Refusal {
  readonly status: "INVALID" | "DENIED" | "NO_PROVIDER";
  readonly error: string;
  readonly code: string;
  readonly rule: string | undefined;
}

/** What a refusal is to the caller. */
export function resultOf({ status, error, code, rule }: Refusal): ActionResult {
  const result = { status: status === "DENIED" ? status : "ERROR", error, code } as const;
  return rule === undefined ? result : { ...result, rule };
}

/** Everything up to the verdict; never throws. */
export function verdictOn(received: ReceivedRequest, installation: Installation): Decided {
  const { request: given, problem, paramsDigest } = received;
  const { policy } = installation;
  const refused = (
    status: Refusal["status"],
    code: string,
    error: string,
    { request = given, rule }: { request?: ActionRequest; rule?: string | undefined } = {},
  ) => ({ request, paramsDigest, policy, rule, refusal: { status, error, code, rule } });

  if (problem !== undefined) return refused("INVALID", CODES.INVALID_REQUEST, problem);
  const authorisation = judge(given, installation);
  if (authorisation instanceof CanonicalError) {
    const error = `malformed request: ${authorisation.message}`;
    return refused("INVALID", CODES.INVALID_TARGET, error);
  }
  const { request, decision: { effect, ruleId: rule, code, reason } } = authorisation;
  if (effect !== "allow") return refused("DENIED", code, reason, { request, rule });
  const host = installation.hostOf(request.action);
  if (host === undefined) {
    const error =
      `no provider: ${request.action} is allowed, but no provider of this kernel carries it out`;
    return refused("NO_PROVIDER", CODES.NO_PROVIDER, error, { request, rule });
  }
  return { request, paramsDigest, policy, rule, host, refusal: undefined };
}
