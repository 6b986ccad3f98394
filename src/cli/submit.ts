import type { ActionResult, SubmitFn } from "../core/action.ts";
import { Kernel } from "../open.ts";
import { type Command, EXIT, type Invocation, noPositionals, UsageError } from "./command.ts";
import { launch } from "./launch.ts";
import {
  kernelOptions,
  launchOptions,
  planOf,
  POLICY_OPTIONS,
  REQUEST_OPTIONS,
  requestOf,
} from "./policy_options.ts";
import { SNAPSHOT_OPTIONS, withLayer } from "./snapshot_options.ts";
import { complain, escape, escapedJson, print } from "./terminal.ts";

const EXITS = { OK: EXIT.OK, DENIED: EXIT.DENIED, ERROR: EXIT.FAILED } as const;

/** Submits one action through the gate. */
export const SUBMIT: Command = {
  name: "submit",
  summary: "have one action decided, done and recorded",
  usage: "--policy FILE --action NAME --target TEXT [--params JSON] [--reversible]",
  details: `The action runs in a second process, started with exactly the Deno permissions that the
policy implies; --verbose prints them. The result is printed as JSON. With --reversible the rollback
command can undo the action; if that cannot be promised, it is denied.`,
  options: {
    ...POLICY_OPTIONS,
    ...REQUEST_OPTIONS,
    reversible: { type: "boolean", help: "save what the action changes before it is done" },
    ...SNAPSHOT_OPTIONS,
    json: { type: "boolean", help: "the result on one line" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals, args, underPolicy } = invocation;
    noPositionals(positionals);
    const request = requestOf(values);
    const oneLine = values["json"] === true;
    if (values["reversible"] === true) {
      return await withLayer(invocation, (layer) => submitted(layer, request, oneLine));
    }
    if (values["snapshots"] !== undefined) throw new UsageError("--snapshots needs --reversible");
    if (!underPolicy) {
      return await launch(planOf(values), args, launchOptions(values));
    }
    await using kernel = await Kernel.open({
      ...kernelOptions(values, [], { underPolicy }),
      onWarning: (line) => complain(escape(line)),
    });
    return await submitted(kernel, request, oneLine);
  },
};

async function submitted(
  gate: { readonly submit: SubmitFn },
  request: ReturnType<typeof requestOf>,
  oneLine: boolean,
): Promise<number> {
  const result: ActionResult = await gate.submit(request);
  const { status, data = null, error = null, recordId, ...rest } = result;
  const record = recordId === undefined ? {} : { record_id: recordId };
  print(escapedJson({ status, data, error, ...record, ...rest }, oneLine ? undefined : 2));
  return EXITS[status];
}
