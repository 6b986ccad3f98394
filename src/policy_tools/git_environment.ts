/**
 * Warnings of rules for git whose programs lack the variables that switch off what git runs.
 *
 * @module
 */
import { basename } from "@std/path";
import type { Policy } from "../core/policy/policy.ts";

/** Without them git obeys the user's configuration, and all of the repository's. */
const NEEDED = ["GIT_CONFIG_COUNT", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"];

/**
 * Looks for rules that run git.
 *
 * @param policy Without problems.
 * @param env The variables of programs; `undefined` if they are not known.
 * @returns A sentence for each rule.
 */
export function gitWithoutEnvironment({ rules }: Policy, env: unknown): string[] {
  if (env === null || typeof env !== "object") return [];
  const missing = NEEDED.filter((name) => !Object.hasOwn(env, name));
  if (missing.length === 0) return [];
  return rules.filter(({ effect, actions, resources, patterns }) =>
    effect === "allow" && actions.includes("proc.exec") &&
    [...resources, ...(patterns.get("command") ?? []).map(({ reach }) => reach)]
      .some((one) => basename(one) === "git")
  ).map(({ id }) =>
    `${id}: runs git, which runs what the configuration of a repository names (core.fsmonitor, gpg.program): programs do not get ${
      missing.join(", ")
    }; policies/recipes/git.env has what switches that off, for --program-env-file or the option env of the provider`
  );
}
