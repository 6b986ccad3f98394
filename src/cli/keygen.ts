/**
 * `agent-kernel keygen`: the keys that sign and verify checkpoints.
 *
 * @module
 */
import { resolve } from "@std/path";
import { writeKeyPair } from "../checkpoint/checkpoint.ts";
import { toFlags } from "../launch/flags.ts";
import { NOTHING } from "../core/isolation/permission_set.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  required,
} from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { escape, print } from "./terminal.ts";

/** Makes the keys by which checkpoints are signed and verified. */
export const COMMAND: Command = {
  usage: "--out FILE [--name NAME]",
  details:
    `The private key goes to FILE, which only its owner may read, the verifier key to FILE.pub; it is
printed too. Files that are there already stay as they are. Keep the verifier key where the log
cannot be changed from, and the private key away from the agent.`,
  options: {
    out: { type: "string", value: "FILE", help: "the file of the private key" },
    name: {
      type: "string",
      value: "NAME",
      help: "name of the key, best a URL without https:// (default: agent-kernel)",
    },
  },
  async run({ values, positionals, underPolicy }: Invocation): Promise<number> {
    noPositionals(positionals);
    const out = required(values, "out");
    const name = optional(values, "name") ?? "agent-kernel";
    if (underPolicy) {
      print(escape(writeKeyPair(out, name)));
      return EXIT.OK;
    }
    const path = resolve(out);
    const write = [path, `${path}.pub`];
    const flags = toFlags({
      allow: { ...NOTHING, write },
      deny: { read: [], write: [], net: [] },
    });
    // "=": a name may begin with a dash.
    return await launchWith(flags, ["keygen", `--out=${path}`, `--name=${name}`]);
  },
};

if (import.meta.main) await actAs("keygen", COMMAND);
