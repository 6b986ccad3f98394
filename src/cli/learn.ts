/**
 * `agent-kernel learn`: a policy that allows what was done.
 *
 * @module
 */
import { actionTable } from "../actions/standard.ts";
import { PolicyError } from "../core/policy/problem.ts";
import { denoWorld } from "../core/resource/deno_world.ts";
import { recordBatches } from "../log/record_batches.ts";
import { passes } from "../log/reader.ts";
import { Learner, TooMuchError } from "../policy_tools/learn.ts";
import type { Generalisation } from "../policy_tools/seen.ts";
import type { PastRequest } from "../policy_tools/past_request.ts";
import { checkProposal, proposalText } from "../policy_tools/proposal_text.ts";
import { readPolicy } from "../policy_tools/read.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  optional,
  UsageError,
  type Values,
} from "./command.ts";
import { Progress } from "./progress.ts";
import { complain, escape, printText } from "./terminal.ts";
import { timeOf } from "./time.ts";

/** Proposes a policy. */
export const COMMAND: Command = {
  usage: "LOG... [--from shadow] [--generalise HOW]",
  details:
    `Prints the smallest readable policy that allows what the logs say was done, and nothing that was denied, with the
evidence of each rule as a comment. With "--generalise folder" it allows all in a folder of which several files
were used, with "prefix" all below a folder, with "5-examples" the same from five files on; never over what looks
like a secret, or tells agents and programs what to do. Hashes are not checked: "log verify" does that. Exit
code 1 if it cannot allow all that was done.`,
  options: {
    from: {
      type: "string",
      value: "shadow",
      help: "learn of what shadow mode let through as well",
    },
    generalise: {
      type: "string",
      value: "HOW",
      help: "literal (default), folder, prefix or N-examples",
    },
    agent: { type: "string", value: "NAME", help: "only what this agent did" },
    since: { type: "string", value: "TIME", help: "not before this time" },
    until: { type: "string", value: "TIME", help: "before this time" },
  },
  async run({ values, positionals }: Invocation): Promise<number> {
    if (positionals.length === 0) throw new UsageError("expected a log");
    const actions = actionTable(new Map());
    const from = optional(values, "from");
    if (from !== undefined && from !== "shadow") {
      throw new UsageError(`--from ${from} is unknown, expected shadow`);
    }
    const learner = new Learner({
      actions,
      shadow: from === "shadow",
      generalise: generalisation(optional(values, "generalise") ?? "literal"),
    });
    const damaged = await observeAll(learner, positionals, values);
    const proposal = learner.propose();
    const { records, notes } = proposal;
    const done = Array.from(proposal.done);
    const whole = { ...proposal, done };
    const logs = positionals;
    const text = holds(proposalText(whole, { logs })) ??
      proposalText(whole, { logs, examples: false });
    printText(text);
    for (const note of notes) complain(`agent-kernel: ${escape(note)}`);
    if (damaged > 0) complain(`agent-kernel: ${damaged} damaged lines; "log verify" says which`);
    if (records === 0) complain("agent-kernel: nothing was done, so nothing is allowed");
    const { missed, excess } = checkProposal(text, { done, denied: proposal.denied }, actions);
    complainOf(missed, "was done, and could not be allowed");
    complainOf(
      excess,
      "was denied, and is allowed: with which params is not in the log, or no rule looks at them",
    );
    return missed.length + excess.length + damaged === 0 ? EXIT.OK : EXIT.FAILED;

    /** On this machine; a link, say, can make an example untrue. */
    function holds(text: string): string | undefined {
      try {
        readPolicy({ text }, { world: denoWorld({}), actions });
        return text;
      } catch (error) {
        if (error instanceof PolicyError) return undefined;
        throw error;
      }
    }
  },
};

async function observeAll(
  learner: Learner,
  logs: readonly string[],
  values: Values,
): Promise<number> {
  const agent = optional(values, "agent");
  const time = (name: string) => {
    const text = optional(values, name);
    return text === undefined ? {} : { [name]: timeOf(text) };
  };
  const filter = { ...time("since"), ...time("until"), ...agent === undefined ? {} : { agent } };
  let damaged = 0;
  using progress = new Progress("records read");
  try {
    for (const log of logs) {
      for await (const batch of recordBatches(log)) {
        damaged += batch.damaged;
        for (const record of batch.records) {
          progress.step();
          if (passes(record, filter)) learner.observe(record);
        }
      }
    }
  } catch (error) {
    if (error instanceof TooMuchError) throw new UsageError(error.message);
    throw error;
  }
  return damaged;
}

function generalisation(text: string): Generalisation {
  if (text === "literal" || text === "folder" || text === "prefix") return { by: text };
  const [, digits = ""] = /^(\d{1,6})-examples$/.exec(text) ?? [];
  const examples = Number(digits);
  if (examples >= 2) return { by: "prefix", examples };
  throw new UsageError(
    `--generalise ${text} is unknown, expected literal, folder, prefix or N-examples, like 5-examples`,
  );
}

const MAX_SHOWN = 10;

function complainOf(requests: readonly PastRequest[], what: string): void {
  for (const { action, target } of requests.slice(0, MAX_SHOWN)) {
    complain(`agent-kernel: ${escape(action)} on ${escape(target)} ${what}`);
  }
  if (requests.length > MAX_SHOWN) {
    complain(`agent-kernel: and ${requests.length - MAX_SHOWN} more`);
  }
}
