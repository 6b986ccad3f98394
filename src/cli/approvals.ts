/**
 * `agent-kernel approvals`: the questions that wait for a person, and their answers.
 *
 * @module
 */
import { resolve } from "@std/path";
import { ApprovalInbox } from "../approval/inbox.ts";
import { type ApprovalQuestion, renderQuestion } from "../approval/question.ts";
import { NOTHING } from "../core/isolation/permission_set.ts";
import { toFlags } from "../launch/flags.ts";
import {
  type Command,
  EXIT,
  type Invocation,
  noPositionals,
  optional,
  UsageError,
} from "./command.ts";
import { launchWith } from "./launch.ts";
import { inboxFolder } from "./policy_options.ts";
import { actAs } from "./second_process.ts";
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

/** Lists, shows and answers questions of the inbox. */
export const COMMAND: Command = {
  usage: "[list | show ID | approve ID | deny ID] [--log-path FILE | --inbox DIR] [--reason TEXT]",
  details:
    `What rules with "approval" ask, while somebody waits for the answer. show prints all of a question:
action, target and params as they would be done, and what a write would change. approve and deny answer it
once; a yes is for this one action, as it was shown. --digest makes sure that it is the question that was read.
An ID may be shortened to its beginning.`,
  options: {
    "log-path": { type: "string", value: "FILE", help: "the audit log (default: kernel.log)" },
    inbox: {
      type: "string",
      value: "DIR",
      help: "the inbox (default: the audit log's path and .approvals)",
    },
    as: { type: "string", value: "NAME", help: "who answers (default: the user's name)" },
    reason: { type: "string", value: "TEXT", help: "why; told to whoever asked, and recorded" },
    digest: { type: "string", value: "HEX", help: "the digest that show printed" },
    json: { type: "boolean", help: "JSON lines also on a terminal" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals: [verb = "list", id, ...more] } = invocation;
    noPositionals(more);
    const folder = inboxFolder(values);
    const inbox = new ApprovalInbox(folder);
    if (verb === "list") {
      if (id !== undefined) noPositionals([id]);
      return list(inbox.list(), wantsJson(values));
    }
    if (!["show", "approve", "deny"].includes(verb)) {
      throw new UsageError(
        `"approvals ${verb}" is not a form of this command, expected list, show, approve or deny`,
      );
    }
    if (id === undefined) throw new UsageError(`${verb} needs the id of a question`);
    const question = find(inbox, id);
    if (question === undefined) {
      complain(`agent-kernel approvals: no question "${escape(id)}" waits in ${escape(folder)}`);
      return EXIT.FAILED;
    }
    const digest = optional(values, "digest");
    if (digest !== undefined && digest !== question.digest) {
      complain(`agent-kernel approvals: the question has the digest ${question.digest}`);
      return EXIT.FAILED;
    }
    if (verb === "show") {
      if (wantsJson(values)) print(escapedJson(question));
      else for (const line of renderQuestion(question, terminalWidth())) print(line);
      return EXIT.OK;
    }
    return await answer(inbox, question, { invocation, folder, approved: verb === "approve" });
  },
};

function list(questions: readonly ApprovalQuestion[], asJson: boolean): number {
  if (asJson) {
    for (const question of questions) print(escapedJson(question));
    return EXIT.OK;
  }
  if (questions.length === 0) print("nothing waits for an answer");
  else {
    const rows = questions.map(({ id, action, target, agent, rule, expiresAt }) => [
      id.slice(0, 8),
      escape(action),
      escape(target),
      escape(agent ?? "-"),
      escape(rule),
      localTime(expiresAt),
    ]);
    const [head = "", ...lines] = columns(
      [["id", "action", "target", "agent", "rule", "until"], ...rows],
      { width: terminalWidth() },
    );
    for (const line of [colour(head, "dim"), ...lines]) print(line);
  }
  return EXIT.OK;
}

/** The question with this id, or the only one whose id begins so. */
function find(inbox: ApprovalInbox, id: string): ApprovalQuestion | undefined {
  const exact = inbox.get(id);
  if (exact !== undefined || id.length < 4) return exact;
  const [first, ...others] = inbox.list().filter((question) => question.id.startsWith(id));
  if (others.length > 0) throw new UsageError(`more than one id begins with "${id}"`);
  return first;
}

async function answer(
  inbox: ApprovalInbox,
  question: ApprovalQuestion,
  { invocation: { values, underPolicy }, folder, approved }: {
    readonly invocation: Invocation;
    readonly folder: string;
    readonly approved: boolean;
  },
): Promise<number> {
  const reason = optional(values, "reason");
  if (!underPolicy) {
    const flags = toFlags({
      allow: { ...NOTHING, read: [folder], write: [folder] },
      deny: { read: [], write: [], net: [] },
    });
    const by = optional(values, "as") ?? Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? "cli";
    return await launchWith(flags, [
      ...["approvals", approved ? "approve" : "deny", question.id],
      ...[`--inbox=${resolve(folder)}`, `--as=${by}`, `--digest=${question.digest}`],
      ...reason === undefined ? [] : [`--reason=${reason}`],
    ]);
  }
  const by = optional(values, "as") ?? "cli";
  const given = { approved, by, ...reason === undefined ? {} : { reason } };
  const outcome = inbox.answer(question, given, new Date());
  const what = `${escape(question.action)} ${escape(question.target)}`;
  if (outcome !== "answered") {
    complain(`agent-kernel approvals: ${what}: ${outcome}, this answer does not count`);
    return EXIT.FAILED;
  }
  print(`${approved ? colour("approved", "green") : colour("denied", "red")}: ${what}`);
  return EXIT.OK;
}

if (import.meta.main) await actAs("approvals", COMMAND);
