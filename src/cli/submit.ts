/**
 * `agent-kernel submit`: one action, decided, done and recorded.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import { remoteSubmit } from "../server/remote_kernel.ts";
import type { SubmitFn } from "../stages/submit.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  UsageError,
  type Values,
} from "./command.ts";
import { loadModule } from "./load_module.ts";
import { policyDigest } from "./policy_digest.ts";
import { POLICY_OPTIONS, relativeHint, REQUEST_OPTIONS, requestOf } from "./request_options.ts";
import { actAs } from "./second_process.ts";
import { SERVED_OPTIONS, servedKernel, throughServer } from "./served.ts";
import { SNAPSHOT_OPTIONS } from "./snapshot_options.ts";
import { complain, escape, escapedJson, isTerminal, print, statusColour } from "./terminal.ts";

const EXITS = { OK: EXIT.OK, DENIED: EXIT.DENIED, ERROR: EXIT.FAILED } as const;

/** Submits one action through the gate. */
export const COMMAND: Command = {
  usage: "--policy FILE --action NAME --target TEXT [--params JSON] [--reversible]",
  details: `The action runs in a second process, started with exactly the Deno permissions that the
policy implies; --verbose prints them. The result is text on a terminal, JSON in a pipe. With --reversible the rollback
command can undo the action; if that cannot be promised, it is denied. If a kernel is being served for the log
("agent-kernel serve"), it is asked instead.`,
  options: {
    ...POLICY_OPTIONS,
    ...REQUEST_OPTIONS,
    ...SERVED_OPTIONS,
    reversible: { type: "boolean", help: "save what the action changes before it is done" },
    ...SNAPSHOT_OPTIONS,
    json: { type: "boolean", help: "the result as JSON on one line" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals, args, underPolicy } = invocation;
    noPositionals(positionals);
    const request = requestOf(values);
    const oneLine = values["json"] === true;
    if (values["reversible"] === true) {
      const { withLayer } = await loadModule<typeof import("./reversible_gate.ts")>(
        "./reversible_gate.ts",
      );
      return await withLayer(invocation, (layer) => submitted(layer, request, oneLine));
    }
    if (values["snapshots"] !== undefined) throw new UsageError("--snapshots needs --reversible");
    if (!underPolicy) return await handOn(values, args);
    if (values["served"] !== undefined) {
      const found = await servedKernel(values);
      if (typeof found === "number") return found;
      return await submitted({ submit: remoteSubmit(found.socket) }, request, oneLine);
    }
    const { openHere } = await loadModule<typeof import("./open_here.ts")>(OPEN_HERE);
    await using kernel = await openHere(values);
    return await submitted(kernel, request, oneLine);
  },
};

/** What only the process that acts loads. */
const OPEN_HERE = "./open_here.ts";

/** To the kernel that is being served, or to a process that opens one under the permissions of the policy. */
async function handOn(values: Values, args: readonly string[]): Promise<number> {
  const options = () => loadModule<typeof import("./policy_options.ts")>("./policy_options.ts");
  const load = async () => (await options()).resolvedOptions(values);
  const policy = await policyDigest(values) ?? (await load()).policy.digest;
  const code = await throughServer(values, args, { policy, load });
  if (code !== undefined) return code;
  const { launch } = await loadModule<typeof import("./launch.ts")>("./launch.ts");
  const { launchOptions } = await options();
  return await launch(await load(), args, { ...launchOptions(values), modules: [OPEN_HERE] });
}

async function submitted(
  gate: { readonly submit: SubmitFn },
  request: ActionRequest,
  oneLine: boolean,
): Promise<number> {
  const result = await gate.submit(request);
  if (!oneLine && isTerminal()) { for (const line of asText(request, result)) print(line); }
  else print(escapedJson(asJson(result), oneLine ? undefined : 2));
  const hint = relativeHint(result.error);
  if (hint !== undefined) complain(`hint: ${hint}`);
  return EXITS[result.status];
}

function asJson(result: ActionResult): unknown {
  const { status, data = null, error = null, recordId, ...rest } = result;
  const record = recordId === undefined ? {} : { record_id: recordId };
  return { status, data, error, ...record, ...rest };
}

/** For a person: what happened in the first lines, then the data. */
function asText(
  { action, target }: ActionRequest,
  { status, data, error, code, rule, recordId, ...rest }: ActionResult,
): string[] {
  const notes = { because: error, code, rule, record: recordId, ...rest };
  return [
    `${statusColour(status)}  ${escape(action)}  ${escape(target)}`,
    ...Object.entries(notes).filter(([, value]) => value !== undefined).map(([name, value]) =>
      `  ${name.padEnd(7)}  ${typeof value === "string" ? escape(value) : escapedJson(value)}`
    ),
    ...(data === undefined ? [] : dataLines(data)),
  ];
}

function dataLines(data: unknown): string[] {
  if (typeof data !== "string") return escapedJson(data, 2).split("\n");
  return data.replace(/\n$/, "").split("\n").map(escape);
}

if (import.meta.main) await actAs("submit", COMMAND);
