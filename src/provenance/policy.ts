/**
 * What a policy says of where values come from: its lists and sources, and the keys of rules that the core does not
 * know. From its document follows another one that the core reads, and conditions for it.
 *
 * @module
 */
import type { ApprovalRule } from "../approval/approval_rule.ts";
import type { Constraint } from "../core/policy/constraint.ts";
import { isMapping } from "../core/policy/shape.ts";
import { type ProvenanceRule, RuleReader } from "./rule_reader.ts";
import { readLists, readSources, type Source, type SourceOptions } from "./source.ts";
import type { SourceKnowledge } from "./source_knowledge.ts";

/** What a policy says of where values come from. */
export interface Provenance {
  readonly lists: ReadonlyMap<string, SourceKnowledge>;
  readonly sources: readonly Source[];
  /** Of allow rules, by their ids. */
  readonly rules: ReadonlyMap<string, ProvenanceRule>;
  /** Keys of the sources whose values some rule asks for. */
  readonly used: ReadonlySet<string>;
  /** Whether files are among the sources. */
  readonly readsFiles: boolean;
}

/** Of a policy that says nothing of it. */
export const NO_PROVENANCE: Provenance = {
  lists: new Map(),
  sources: [],
  rules: new Map(),
  used: new Set(),
  readsFiles: false,
};

/** A document for the core. */
export interface ReadProvenance {
  readonly provenance: Provenance;
  /** The policy in the words of the core; behind its rules stand copies of those that ask a person. */
  readonly document: unknown;
  /** How many rules of the document are not copies. */
  readonly count: number;
  /** The conditions of rules, by their ids. */
  readonly conditions: ReadonlyMap<string, Constraint["conditions"]>;
  /** The approvals of the copies, by their ids, and the rule that each is a copy of. */
  readonly approvals: ReadonlyMap<string, ApprovalRule>;
  readonly copies: ReadonlyMap<string, string>;
}

/**
 * Reads `lists`, `sources`, and the keys of rules.
 *
 * @param source The plain value of a policy.
 * @param options The actions, the machine, and how files of lists are read.
 */
export function readProvenance(source: unknown, options: SourceOptions): ReadProvenance {
  const { problems, actions } = options;
  const nothing = { conditions: new Map(), approvals: new Map(), copies: new Map() };
  if (!isMapping(source)) {
    return { provenance: NO_PROVENANCE, document: source, count: 0, ...nothing };
  }
  const { readList } = options;
  const lists = readLists(source["lists"], { readList, problems: problems.at("lists") });
  const sources = readSources(source["sources"], { ...options, problems: problems.at("sources") });
  for (const { id } of sources) {
    if (lists.has(id)) problems.at("lists", id).add(`There is a source of the name "${id}" too`);
  }
  const used = new Set<string>();
  const reader = new RuleReader({ lists, sources, actions, used });
  const { capabilities, deny } = source;
  const allowing = Array.isArray(capabilities) ? capabilities : [];
  const allow = allowing.map((rule, i) => reader.allow(rule, problems.at("capabilities", i)));
  const denying = Array.isArray(deny)
    ? deny.map((rule, i) => reader.deny(rule, problems.at("deny", i)))
    : deny;
  const copies = allow.flatMap(({ copy }) => copy ?? []);
  const document = {
    ...source,
    ...Array.isArray(capabilities)
      ? { capabilities: [...allow.map(({ rule }) => rule), ...copies] }
      : {},
    ...deny === undefined ? {} : { deny: denying },
  };
  const { conditions, rules, approvals } = reader;
  const readsFiles = sources.some(({ kinds }) => kinds.has("path"));
  const provenance = { lists, sources, rules, used, readsFiles };
  return {
    provenance,
    document,
    count: allowing.length,
    conditions,
    approvals,
    copies: reader.copies,
  };
}
