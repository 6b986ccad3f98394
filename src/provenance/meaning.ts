/**
 * What a condition on where values come from says, whatever its lists and sources are called: so that conditions of
 * two policies can be compared.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import type { Constraint } from "../core/policy/constraint.ts";
import { isMapping } from "../core/policy/shape.ts";
import { sha256 } from "../core/request.ts";
import type { Source } from "./source.ts";
import type { SourceKnowledge } from "./source_knowledge.ts";

/** Where conditions on all params stand, and on the target: no param has this name. */
export const WHOLE_PARAM = "(params)";

/** What a condition says. Two that say the same hold for the same requests of the same sessions. */
export interface Meaning {
  /** The key of the rule that it stands in; `constraint` also of deny rules. */
  readonly key: "constraint" | "target" | "optional" | "params" | "together";
  /** Whether a person is asked about what it does not hold for. */
  readonly isRelaxed: boolean;
  /** The rule whose values a person said yes to before, where they are remembered. */
  readonly remembered?: string | undefined;
  /** The condition, with definitions instead of names. */
  readonly value: unknown;
}

/** A condition that the core does not know. */
export type OwnCondition = Constraint["conditions"][number] & {
  readonly meaning: Meaning;
  /** Values of its lists, at most 20 of each. */
  readonly samples: readonly unknown[];
};

/** The lists and sources that names stand for. */
export interface Definitions {
  readonly lists: ReadonlyMap<string, SourceKnowledge>;
  readonly sources: readonly Source[];
}

/** Whether a condition of a rule is about where values come from; then only its meaning says what it is. */
export function isOwnCondition(
  condition: Constraint["conditions"][number],
): condition is OwnCondition {
  return "meaning" in condition;
}

/** A condition with the definitions of what it names. */
export function resolved(source: unknown, definitions: Definitions): unknown {
  if (Array.isArray(source)) return source.map((one) => resolved(one, definitions));
  if (!isMapping(source)) return source;
  return Object.fromEntries(
    Object.entries(source).map(([word, operand]) => {
      if (word === "from") return [word, [operand].flat().map((name) => ofName(name, definitions))];
      if (word === "in" && typeof operand === "string") {
        return [word, ofName(operand.replace(/^list:/, ""), definitions)];
      }
      return [word, resolved(operand, definitions)];
    }),
  );
}

/** All lists and sources, for conditions that look into each of them. */
export function allDefinitions({ lists, sources }: Definitions): unknown {
  return [
    Array.from(lists.values(), entriesOf).toSorted(),
    sources.map(({ key }) => key).toSorted(),
  ];
}

/** Some values of the lists that a condition names. */
export function samplesOf(source: unknown, { lists }: Definitions): unknown[] {
  const text = JSON.stringify(source) ?? "";
  return Array.from(lists).filter(([name]) => text.includes(name))
    .flatMap(([, { values }]) => values.slice(0, 20).map(([value]) => value));
}

function ofName(name: unknown, { lists, sources }: Definitions): unknown {
  const list = lists.get(String(name));
  if (list !== undefined) {
    const values = new Set(list.values.map(([value]) => value));
    return `list ${sha256(canonicalJson(Array.from(values).toSorted()))}`;
  }
  const source = sources.find(({ id }) => id === name);
  return source === undefined ? name : `source ${source.key}`;
}

/** With what stands together in it. */
function entriesOf({ values }: SourceKnowledge): string {
  const entries = Map.groupBy(values, ([, entry]) => entry);
  const texts = Array.from(entries.values(), (all) => canonicalJson(all.map(([value]) => value)));
  return sha256(canonicalJson(texts.toSorted()));
}
