/**
 * `agent-kernel rollback`: undoing actions.
 *
 * @module
 */
import type { ReversibleActionLayer } from "../reversible/layer.ts";
import { ask } from "../server/client.ts";
import type { RollbackPreview, RollbackResult, RollbackStep } from "../reversible/rollback.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  required,
  UsageError,
  type Values,
} from "./command.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { SERVED_OPTIONS, servedKernel, throughServer } from "./served.ts";
import { withLayer } from "./reversible_gate.ts";
import { actAs } from "./second_process.ts";
import { SNAPSHOT_OPTIONS } from "./snapshot_options.ts";
import { complain, escape, escapedJson, print } from "./terminal.ts";
import { timeOf } from "./time.ts";

const EXITS = { OK: EXIT.OK, DENIED: EXIT.DENIED, ERROR: EXIT.FAILED } as const;

/** Undoes one action, or all since a moment. */
export const COMMAND: Command = {
  usage: "--policy FILE (RECORD_ID [--preview] | --since TIME [--of NAME]) [--force]",
  details:
    `Undoing goes through the gate: the policy has to allow it, and it is recorded. What was changed after
the action is not overwritten unless forced. Several actions are undone from the latest on, up to the
first that cannot be. The result is printed as JSON.`,
  options: {
    ...SERVED_OPTIONS,
    ...POLICY_OPTIONS,
    ...SNAPSHOT_OPTIONS,
    since: {
      type: "string",
      value: "TIME",
      help: "undo what was done since a time (2026-01-31T12:00:00Z) or an age (10m, 2h, 7d)",
    },
    of: { type: "string", value: "NAME", help: "only what this agent asked for; with --since" },
    preview: { type: "boolean", help: "show what would change, and do nothing" },
    force: { type: "boolean", help: "go over what was changed after the action" },
    agent: { type: "string", value: "NAME", help: "who asks; appears in the records" },
    json: { type: "boolean", help: "the result on one line; a preview as JSON" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals: [recordId, ...more] } = invocation;
    noPositionals(more);
    required(values, "policy");
    const since = optional(values, "since");
    if ((recordId === undefined) === (since === undefined)) {
      throw new UsageError("Expected the id of a record, or --since");
    }
    for (const name of recordId === undefined ? ["preview"] : ["of"]) {
      if (values[name] !== undefined) {
        throw new UsageError(
          `--${name} does not go with ${recordId === undefined ? "--since" : "an id"}`,
        );
      }
    }
    const from = since === undefined ? undefined : timeOf(since);
    const served = await throughKernel(invocation, from);
    if (served !== undefined) return served;
    return await withLayer(invocation, (layer) => {
      if (from !== undefined) return all(layer, from, values);
      return values["preview"] === true
        ? preview(layer, recordId as string, values)
        : one(layer, recordId as string, values);
    });
  },
};

/**
 * By the kernel that is being served for the log: it holds log and store.
 *
 * @returns `undefined` if none is.
 */
async function throughKernel(
  { values, args, underPolicy, positionals: [recordId] }: Invocation,
  since: Date | undefined,
): Promise<number | undefined> {
  if (!underPolicy) {
    const { policy } = await resolvedOptions(values);
    return await throughServer(values, args, { policy: policy.digest });
  }
  if (values["served"] === undefined) return undefined;
  const found = await servedKernel(values);
  if (typeof found === "number") return found;
  const previews = values["preview"] === true;
  const of = optional(values, "of");
  const body = {
    ...recordId === undefined ? { since: since?.toISOString() } : { record_id: recordId },
    ...previews ? {} : { ...options(values), ...of === undefined ? {} : { of } },
  };
  const { status, body: answer } = await ask(
    found.socket,
    previews ? "/v1/rollback/preview" : "/v1/rollback",
    JSON.stringify(body),
  );
  if (status !== 200) {
    throw new Error(`The kernel at ${found.socket} refused it: ${Object(answer)["error"]}`);
  }
  if (previews) return showPreview(answer as Preview, values);
  output(Object(answer), values);
  return EXITS[(answer as { status: keyof typeof EXITS }).status] ?? EXIT.FAILED;
}

async function one(layer: ReversibleActionLayer, id: string, values: Values): Promise<number> {
  const result = await layer.rollback(id, options(values));
  output(resultJson(result), values);
  return EXITS[result.status];
}

async function all(layer: ReversibleActionLayer, since: Date, values: Values): Promise<number> {
  const of = optional(values, "of");
  const selection = { since, ...(of === undefined ? {} : { of }), ...options(values) };
  const { status, rolledBack, stopped, remaining } = await layer.rollbackAll(selection);
  const why = stopped === undefined ? {} : { stopped: resultJson(stopped) };
  output({ status, rolled_back: rolledBack, ...why, remaining }, values);
  return EXITS[status];
}

async function preview(layer: ReversibleActionLayer, id: string, values: Values): Promise<number> {
  const { recordId, ...rest } = await layer.preview(id);
  return showPreview({ ...rest, record_id: recordId }, values);
}

type Preview = Omit<RollbackPreview, "recordId"> & { readonly record_id?: string | undefined };

function showPreview(preview: Preview, values: Values): number {
  const { text, record_id, ...rest } = preview;
  if (values["json"] === true) output({ ...rest, record_id, text }, values);
  else {
    for (const line of text.trimEnd().split("\n")) print(escapeButTabs(line));
    if (rest.error !== undefined) {
      complain(`agent-kernel rollback: ${escape(rest.error)} (${rest.code})`);
    }
  }
  return EXITS[rest.status];
}

function escapeButTabs(line: string): string {
  return line.split("\t").map(escape).join("\t");
}

function options(values: Values): { force: boolean; agent?: string } {
  const agent = optional(values, "agent");
  return { force: values["force"] === true, ...(agent === undefined ? {} : { agent }) };
}

function resultJson({ status, recordId, steps, ...rest }: RollbackResult): object {
  return { status, record_id: recordId, ...rest, steps: steps.map(stepJson) };
}

function stepJson({ recordId, ...rest }: RollbackStep): object {
  return { ...rest, ...(recordId === undefined ? {} : { record_id: recordId }) };
}

function output(value: object, values: Values): void {
  print(escapedJson(value, values["json"] === true ? undefined : 2));
}

if (import.meta.main) await actAs("rollback", COMMAND);
