/**
 * The hosts that a policy names.
 *
 * @module
 */
import type { Policy } from "../core/policy/policy.ts";

/**
 * The hosts that allow rules name in full, without a wildcard.
 *
 * @param actions Only rules for one of these actions count, and only actions on URLs.
 * @returns Sorted: `host:port`, or `host` where the rule takes any port.
 */
export function namedHosts(policy: Policy, actions: readonly string[]): readonly string[] {
  const isOnUrls = (action: string) =>
    actions.includes(action) && Object.hasOwn(policy.actions, action) &&
    policy.actions[action]?.kind === "url";
  const hosts = policy.rules
    .filter((rule) => rule.effect === "allow" && rule.actions.some(isOnUrls))
    .flatMap((rule) => rule.patterns.get("url") ?? [])
    .map(({ reach }) => reach)
    .filter((host) => host !== "" && !host.startsWith("*."));
  return Array.from(new Set(hosts)).sort();
}
