/**
 * An explained request, with what beside the policy will refuse it.
 *
 * @module
 */
import { foresee, type Foresight } from "../../providers/http/denial.ts";
import { namedHosts } from "../launch/named_hosts.ts";
import { explainedJson, type ExplainedRequest } from "../policy_tools/explained_request.ts";

/** The actions whose target is connected to, and whose policy names the hosts. */
const CONNECTING = ["net.http", "net.connect"];

/** What beside the policy will refuse an allowed request, and what will be checked. */
export function foresightOf({ explanation: { authorized }, policy }: ExplainedRequest): Foresight {
  if (authorized?.decision.effect !== "allow") return {};
  const { action, target } = authorized.request;
  if (!CONNECTING.includes(action)) return {};
  const isHttp = action === "net.http";
  const named = namedHosts(policy, isHttp ? [action] : ["proc.exec", ...CONNECTING]);
  return foresee(new URL(target), { named, isHttp });
}

/** As `agent-kernel explain --json` prints it. */
export function foreseenJson(explained: ExplainedRequest): object {
  const { denied, checked } = foresightOf(explained);
  return {
    ...explainedJson(explained),
    ...denied === undefined ? {} : { decision: "deny", ...denied },
    ...checked === undefined ? {} : { checked },
  };
}
