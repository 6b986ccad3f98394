/**
 * A proposal as the text of a policy, and whether it does what it is for.
 *
 * @module
 */
import type { ActionTable } from "../core/resource/kind.ts";
import type { Proposal } from "./learn.ts";
import { AS_RECORDED, type PastRequest, verdictOnPast } from "./past_request.ts";
import { comment, isPlain, SCHEMA_LINE, section, type WrittenItem } from "./policy_text.ts";
import { readPolicy } from "./read.ts";

/** Most examples in a proposal, for each of allow and deny. */
const MAX_EXAMPLES = 10;

/** Params that say nothing of what is allowed, and may be long or private. */
const CONTENTS = ["content", "body", "stdin", "headers"];

/** What is said at the beginning of a proposal. */
export interface ProposalHeading {
  /** The logs. */
  readonly logs: readonly string[];
  /** Whether requests of the log stand in it as examples. @default true */
  readonly examples?: boolean;
}

/** The text of a proposal: YAML that no text of a record can break out of. */
export function proposalText(
  { capabilities, deny, records, notes, done, denied }: Proposal,
  { logs, examples = true }: ProposalHeading,
): string {
  const lines = [
    SCHEMA_LINE,
    comment(`Proposed by agent-kernel learn from ${records} records of ${logs.join(", ")}`),
    comment(
      "Read each rule before it is enforced: it allows what was done, whether that was right or not",
    ),
    ...notes.map(comment),
    "version: 1",
    ...capabilities.length === 0 ? ["", "capabilities: []"] : section("capabilities", capabilities),
    ...section("deny", deny),
    ...examples ? section("examples", examplesOf(done, denied)) : [],
  ];
  return `${lines.join("\n")}\n`;
}

/** Files only: whether a program or a host is there does not matter for them. */
function examplesOf(done: Iterable<PastRequest>, denied: Iterable<PastRequest>): WrittenItem[] {
  const some = (all: Iterable<PastRequest>, expect: string) => {
    const found: WrittenItem[] = [];
    const actions = new Set<string>();
    for (const { action, target, agent, params: given = {} } of all) {
      const params = Object.fromEntries(
        Object.entries(given).filter(([name]) => !CONTENTS.includes(name)),
      );
      if (found.length >= MAX_EXAMPLES) break;
      if (!/^(fs|mcp)\.|^net\.http$/.test(action) || actions.has(action) || !isShort(params)) {
        continue;
      }
      actions.add(action);
      found.push({
        comments: [],
        entries: [
          ["action", action],
          ["target", target],
          ...Object.keys(params).length === 0 ? [] : [["params", params] as const],
          ...agent === undefined ? [] : [["agent", agent] as const],
          ["expect", expect],
        ],
      });
    }
    return found;
  };
  return [...some(done, "allow"), ...some(denied, "deny")];
}

function isShort(params: unknown): boolean {
  return isPlain(params) && JSON.stringify(params).length < 200;
}

/** Whether a proposal keeps its promise. */
export interface ProposalCheck {
  /** Requests that were done and that it denies, and why; of each kind the first. */
  readonly missed: readonly PastRequest[];
  /** Requests that were denied and that it allows. */
  readonly excess: readonly PastRequest[];
}

/**
 * Decides all that a proposal rests on by its text.
 *
 * @throws {PolicyError} It is no policy: it is larger than one may be.
 */
export function checkProposal(
  text: string,
  { done, denied }: Pick<Proposal, "done" | "denied">,
  actions: ActionTable,
): ProposalCheck {
  const read = readPolicy({ text }, {
    world: AS_RECORDED,
    actions,
    source: "(proposal)",
    enforceExamples: false,
  });
  const context = { policy: read, approvals: read.approvals, world: AS_RECORDED };
  const effectOf = (request: PastRequest) => verdictOnPast(request, context).effect;
  const missed = Array.from(done).filter((one) => effectOf(one) !== "allow");
  // Without params it is not known what was denied.
  const excess = Array.from(denied).filter((one) => effectOf(one) === "allow");
  return { missed, excess };
}
