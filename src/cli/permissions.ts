/**
 * `agent-kernel permissions`: the Deno permissions that a policy implies.
 *
 * @module
 */
import { permissionsOf } from "../implied_permissions.ts";
import { ALWAYS } from "../launch/flags.ts";
import { type Command, EXIT, type Invocation, optional, UsageError } from "./command.ts";
import { shellQuoted } from "./shell_quoted.ts";
import { resolvedOptions } from "./policy_options.ts";
import { POLICY_OPTIONS } from "./request_options.ts";
import { complain, escape, escapedJson, print } from "./terminal.ts";

/** Prints the Deno permissions that a policy implies. */
export const COMMAND: Command = {
  usage: "--policy FILE [--format flags|json|deno-json]",
  details:
    `flags: for deno run. json: of the process and of each provider's Worker. deno-json: an entry for
"permissions" in deno.json, to be used with deno run -P=agent-kernel and the flags that it cannot hold, which
are printed to standard error.`,
  options: {
    ...POLICY_OPTIONS,
    format: { type: "string", value: "FORM", help: "flags (default), json or deno-json" },
  },
  async run({ values, positionals }: Invocation): Promise<number> {
    const resolved = await resolvedOptions(values, positionals);
    const { process, flags, denoJson, workers } = permissionsOf(resolved);
    for (const { link, goal, why } of resolved.policy.planted) {
      complain(escape(`warning: the link "${link}" -> "${goal}" is not followed: ${why}`));
    }
    const format = optional(values, "format") ?? "flags";
    if (format === "flags") print(flags.map(shellQuoted).join(" "));
    else if (format === "deno-json") {
      print(escapedJson({ permissions: { "agent-kernel": denoJson } }, 2));
      complain(`start it with: deno run -P=agent-kernel ${ALWAYS.join(" ")}`);
    } else if (format === "json") {
      print(escapedJson({ process, workers }, 2));
    } else throw new UsageError(`--format ${format} is unknown, expected flags, json or deno-json`);
    return EXIT.OK;
  },
};
