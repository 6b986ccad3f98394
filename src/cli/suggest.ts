/**
 * `agent-kernel suggest`: what a policy would need for what was denied.
 *
 * @module
 */
import type { AuditRecord } from "../core/record/record.ts";
import { readAuditLog } from "../log/reader.ts";
import { yamlLines } from "../policy_tools/rule_yaml.ts";
import { ruleKey, type SuggestedRule, suggestionFor } from "../policy_tools/suggestion.ts";
import { type Command, EXIT, noPositionals, optional, type Values } from "./command.ts";
import { complain, escape, escapedJson, print } from "./terminal.ts";
import { timeOf } from "./time.ts";

/** Reads a log, and prints rules. Changes nothing. */
export const COMMAND: Command = {
  usage: "[--since TIME] [--agent NAME] [--log-path FILE]",
  details:
    `For each request that was denied because no rule allows it: the rule that would allow exactly that, without a
wildcard, to be put under "capabilities" by a person who has read it. A denial is not always a gap in a policy: an agent
that was misled asks too. Each rule says what it risks. What a rule cannot lift is listed with the reason. What was
denied is recorded with its params by "serve" and "mcp serve"; without them the rule for a program or a request to a
host is not known.`,
  options: {
    "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
    since: {
      type: "string",
      value: "TIME",
      help: "not before a time (2026-01-31T12:00:00Z) or an age (10m, 2h, 7d; default: 24h)",
    },
    agent: { type: "string", value: "NAME", help: "only what this agent asked for" },
    json: { type: "boolean", help: "as JSON lines" },
  },
  async run({ values, positionals }): Promise<number> {
    noPositionals(positionals);
    const found = await suggestions(values);
    for (const line of values["json"] === true ? jsonLines(found) : textLines(found)) print(line);
    return EXIT.OK;
  },
};

/** A rule or a reason, and the denials that it stands for. */
interface Found {
  readonly rule?: SuggestedRule;
  readonly also?: readonly SuggestedRule[];
  readonly risks: readonly string[];
  /** Why there is no rule, with what was asked. */
  readonly why?: string;
  readonly what: string;
  count: number;
  last: string;
}

async function suggestions(values: Values): Promise<Found[]> {
  const agent = optional(values, "agent");
  const filter = {
    status: "DENIED" as const,
    since: timeOf(optional(values, "since") ?? "24h"),
    ...agent === undefined ? {} : { agent },
  };
  const found = new Map<string, Found>();
  for await (const line of readAuditLog(optional(values, "log-path") ?? "kernel.log", filter)) {
    if ("damage" in line) {
      complain(`agent-kernel suggest: line ${line.line} cannot be read: ${escape(line.damage)}`);
      continue;
    }
    const { record } = line;
    const suggestion = suggestionFor(deniedBy(record));
    const what = `${record.action} ${record.target}`;
    const key = "rule" in suggestion ? ruleKey(suggestion.rule) : `${suggestion.why} ${what}`;
    const earlier = found.get(key);
    if (earlier === undefined) {
      found.set(key, { risks: [], ...suggestion, what, count: 1, last: record.timestamp });
    } else {
      earlier.count++;
      earlier.last = record.timestamp;
    }
  }
  return Array.from(found.values());
}

function deniedBy(record: AuditRecord) {
  const { action, target, agent, code, params_values: params, target_digest } = record;
  return {
    ...{ action, target, agent, code, isRedacted: target_digest !== undefined },
    params: params === undefined ? undefined : Object(params) as Record<string, unknown>,
  };
}

function* textLines(found: readonly Found[]): Generator<string> {
  const rules = found.filter(({ rule }) => rule !== undefined);
  const others = found.filter(({ rule }) => rule === undefined);
  if (found.length === 0) yield "# Nothing was denied in this time.";
  if (rules.length > 0) {
    yield '# Read each of them before you put it under "capabilities" of the policy.';
  }
  for (const { rule, also = [], risks, count, last } of rules) {
    yield "";
    yield* comment(`${count} time${count === 1 ? "" : "s"}, last ${last}; ${risks.join("; ")}`);
    for (const one of [rule, ...also]) {
      const [first = "", ...more] = yamlLines(one, 4);
      yield `  - ${first.trimStart()}`;
      yield* more;
    }
  }
  if (others.length > 0) {
    yield "";
    yield "# Not to be allowed by a rule:";
  }
  for (const { what, why = "", count } of others) {
    yield* comment(`- ${what}: ${why}${count === 1 ? "" : ` (${count} times)`}`);
  }
}

function jsonLines(found: readonly Found[]): string[] {
  return found.map(({ rule, also = [], risks, why, what, count, last }) =>
    escapedJson({ ...rule === undefined ? { what, why } : { rule, also, risks }, count, last })
  );
}

/** Comment lines of at most 80 columns; a word that is longer is cut apart. */
function* comment(text: string): Generator<string> {
  let line = "#";
  // ASCII alone: other characters can be two columns wide, or none.
  const words = escape(text).replaceAll(
    /[^ -~]/gu,
    (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`,
  ).split(" ").flatMap((word) => word.match(/.{1,70}/g) ?? []);
  for (const word of words) {
    if (line.length + word.length + 1 > 79) {
      yield line;
      line = "#  ";
    }
    line += ` ${word}`;
  }
  yield line;
}
