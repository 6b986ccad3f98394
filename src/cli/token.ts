/**
 * `agent-kernel token`: who may use a resident kernel over TCP.
 *
 * @module
 */
import { HOOK_AGENTS } from "../hooks/agents.ts";
import { type Role, ROLES } from "../server/caller.ts";
import { makeServerFolder } from "../server/folder.ts";
import { TokenFile, tokenFileOf } from "../server/tokens.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  UsageError,
  type Values,
} from "./command.ts";
import { launchWith } from "./second_start.ts";
import { actAs } from "./second_process.ts";
import { serverFolder, socketOf } from "./server_options.ts";
import { columns } from "./table.ts";
import {
  colour,
  complain,
  escape,
  escapedJson,
  print,
  terminalWidth,
  wantsJson,
} from "./terminal.ts";
import { localTime } from "./time.ts";

const AGENTS = Object.keys(HOOK_AGENTS);

/** Makes tokens, lists them, takes them back. */
export const COMMAND: Command = {
  usage: "add NAME [--role ROLE]... [--agent AGENT]... | list | revoke NAME [--log-path FILE]",
  details:
    `Tokens for the kernel that "agent-kernel serve --listen" holds for a log. NAME is who asks: it is what "agent"
means in rules and records, and a request in another's name is refused. add prints the token once; only its
digest is kept. Roles: act (default) has actions done, look reads records, approve answers questions; one
token cannot act and approve. revoke counts from the next request on.`,
  options: {
    role: { type: "string", multiple: true, value: "ROLE", help: `for add: ${ROLES.join(", ")}` },
    agent: {
      type: "string",
      multiple: true,
      value: "AGENT",
      help: `for add: whose hooks it may send: ${AGENTS.join(", ")} (default: none)`,
    },
    "log-path": {
      type: "string",
      value: "FILE",
      help: "the log of the kernel (default: kernel.log)",
    },
    json: { type: "boolean", help: "list: JSON lines also on a terminal" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals: [verb = "list", name, ...more], args, underPolicy } = invocation;
    noPositionals(more);
    if (!["add", "list", "revoke"].includes(verb)) {
      throw new UsageError(
        `"token ${verb}" is not a form of this command, expected add, list or revoke`,
      );
    }
    if ((name === undefined) !== (verb === "list")) {
      throw new UsageError(`${verb} takes ${verb === "list" ? "no name" : "one name"}`);
    }
    for (const option of ["role", "agent"]) {
      if (values[option] !== undefined && verb !== "add") {
        throw new UsageError(`--${option} goes with add`);
      }
    }
    const roles = listOf(values, "role", ROLES);
    const agents = listOf(values, "agent", AGENTS);
    if (!underPolicy) {
      const folder = serverFolder(values);
      const access = verb === "list" ? [] : [`--allow-write=${folder}`];
      return await launchWith(["--no-prompt", `--allow-read=${folder}`, ...access], args);
    }
    const file = new TokenFile(tokenFileOf(socketOf(values)));
    if (verb === "list") return list(file, values);
    makeServerFolder(serverFolder(values));
    if (verb === "revoke") return revoke(file, name ?? "");
    const options = { ...roles.length === 0 ? {} : { roles }, agents, now: new Date() };
    print(file.add(name ?? "", options));
    complain("note: it is shown only once; give it to the program as a header, never in a URL");
    return EXIT.OK;
  },
};

function listOf<T extends string>(values: Values, option: string, known: readonly T[]): T[] {
  const given = values[option];
  return (Array.isArray(given) ? given as string[] : []).map((text) => {
    const found = known.find((one) => one === text);
    if (found !== undefined) return found;
    throw new UsageError(`--${option} ${text} is unknown, expected ${known.join(", ")}`);
  });
}

function list(file: TokenFile, values: Values): number {
  const tokens = file.list().map(({ digest: _, ...shown }) => shown);
  if (wantsJson(values)) {
    for (const token of tokens) print(escapedJson(token));
    return EXIT.OK;
  }
  if (tokens.length === 0) print("there are no tokens");
  else {
    const rows = tokens.map(({ name, roles, agents, created }) => [
      escape(name),
      (roles as readonly Role[]).join(", "),
      agents.length === 0 ? "-" : escape(agents.join(", ")),
      localTime(created),
    ]);
    const [head = "", ...lines] = columns([["name", "roles", "hooks of", "made"], ...rows], {
      width: terminalWidth(),
    });
    for (const line of [colour(head, "dim"), ...lines]) print(line);
  }
  return EXIT.OK;
}

function revoke(file: TokenFile, name: string): number {
  if (!file.revoke(name)) {
    complain(`agent-kernel token: there is no token "${escape(name)}"`);
    return EXIT.FAILED;
  }
  print(`${escape(name)}: revoked`);
  return EXIT.OK;
}

if (import.meta.main) await actAs("token", COMMAND);
