import { Kernel } from "../kernel.ts";
import { type Command, EXIT, type Invocation, noPositionals } from "./command.ts";
import { launch } from "./launch.ts";
import {
  kernelOptions,
  launchOptions,
  planOf,
  POLICY_OPTIONS,
  REQUEST_OPTIONS,
  requestOf,
} from "./policy_options.ts";
import { complain, escape, escapedJson, print } from "./terminal.ts";

const EXITS = { OK: EXIT.OK, DENIED: EXIT.DENIED, ERROR: EXIT.FAILED } as const;

/** Submits one action through the gate. */
export const SUBMIT: Command = {
  name: "submit",
  summary: "have one action decided, done and recorded",
  usage: "--policy FILE --action NAME --target TEXT [--params JSON]",
  details: `The action runs in a second process, started with exactly the Deno permissions that the
policy implies; --verbose prints them. The result is printed as JSON.`,
  options: {
    ...POLICY_OPTIONS,
    ...REQUEST_OPTIONS,
    json: { type: "boolean", help: "the result on one line" },
    verbose: { type: "boolean", help: "print the permissions of the second process" },
  },
  async run({ values, positionals, args, underPolicy }: Invocation): Promise<number> {
    noPositionals(positionals);
    const request = requestOf(values);
    if (!underPolicy) {
      return await launch(planOf(values), args, launchOptions(values));
    }
    await using kernel = await Kernel.open({
      ...kernelOptions(values, [], { underPolicy }),
      onWarning: (line) => complain(escape(line)),
    });
    const { status, data = null, error = null, recordId, ...rest } = await kernel.submit(request);
    const record = recordId === undefined ? {} : { record_id: recordId };
    print(
      escapedJson(
        { status, data, error, ...record, ...rest },
        values["json"] === true ? undefined : 2,
      ),
    );
    return EXITS[status];
  },
};
