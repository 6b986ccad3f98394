/**
 * A session of which nothing is known but that it was there.
 *
 * @module
 */
import type { AskedSession } from "./condition.ts";
import { linksIn } from "./links.ts";
import { normaliseValue } from "./normalise.ts";
import type { Provenance } from "./policy.ts";
import { approvedKey } from "./rule_reader.ts";
import type { Found } from "./source_knowledge.ts";

/**
 * The session that knows every value from every source: no rule that does not hold in it holds in any other.
 * Conditions on origin stand in allow rules alone and not below `not`, so that more knowledge never denies.
 */
export function allKnowing({ rules }: Provenance): AskedSession {
  const remembered = new Set(
    rules.values().filter(({ remembers }) => remembers).map(({ of }) => approvedKey(of)),
  );
  return {
    fields: {},
    lacks: () => "",
    isComplete: true,
    find: (source): Found | undefined =>
      source.startsWith(approvedKey("")) && !remembered.has(source)
        ? undefined
        : { source, entries: ["any"] },
    whereSeen: () => undefined,
    normal: normaliseValue,
    links: linksIn,
  };
}
