/**
 * `agent-kernel approvals`: the questions that wait for a person, and their answers.
 *
 * @module
 */
import { resolve } from "@std/path";
import { type ApprovalGrant, asRule, shownScope } from "../approval/grant.ts";
import { ApprovalInbox } from "../approval/inbox.ts";
import { showQuestion, type Terminal } from "../approval/pages.ts";
import type { ApprovalQuestion } from "../approval/question.ts";
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
import { launchWith } from "./second_start.ts";
import { inboxFolder } from "./policy_options.ts";
import { actAs } from "./second_process.ts";
import { columns } from "./table.ts";
import {
  colour,
  complain,
  escape,
  escapedJson,
  print,
  terminalHeight,
  terminalWidth,
  wantsJson,
} from "./terminal.ts";
import { localTime } from "./time.ts";

/** Lists, shows and answers questions of the inbox. */
export const COMMAND: Command = {
  usage:
    "[list | show ID | approve ID | deny ID | watch | grants | revoke ID | as-policy] [--log-path FILE | --inbox DIR] [--reason TEXT]",
  details:
    `What rules with "approval" ask, while somebody waits for the answer, and what was left to be answered
until it expires. show prints all of a question:
action, target and params as they would be done, and what a write would change; on a terminal a page at a time. approve and deny answer it
once; a yes is for this one action, as it was shown, and with --remember for what the question says besides.
--digest makes sure that it is the question that was read. An ID may be shortened to its beginning.
watch shows each question as it comes, and asks for the answer. grants lists what is remembered, revoke takes
one back, as-policy prints the rules that would make them unnecessary.`,
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
    remember: { type: "boolean", help: "let the yes count for what the question says besides" },
    json: { type: "boolean", help: "JSON lines also on a terminal" },
  },
  async run(invocation: Invocation): Promise<number> {
    const { values, positionals: [verb = "list", id, ...more] } = invocation;
    noPositionals(more);
    const folder = inboxFolder(values);
    const inbox = new ApprovalInbox(folder);
    const listing = LISTINGS[verb];
    if (listing !== undefined) {
      if (id !== undefined) noPositionals([id]);
      return await listing(inbox, { invocation, folder });
    }
    if (!["show", "approve", "deny", "revoke"].includes(verb)) {
      throw new UsageError(
        `"approvals ${verb}" is not a form of this command, expected list, show, approve, deny, watch, grants, revoke or as-policy`,
      );
    }
    if (id === undefined) throw new UsageError(`${verb} needs the id of a question or grant`);
    if (verb === "revoke") return await revoke(inbox, id, { invocation, folder });
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
      if (wantsJson(values)) print(escapedJson(asJson(inbox, question)));
      else {
        await showQuestion(question, onTerminal());
        tellState(inbox, question);
      }
      return EXIT.OK;
    }
    return await answer(inbox, question, { invocation, folder, approved: verb === "approve" });
  },
};

/** What a form of this command has beside the inbox. */
interface Circumstances {
  readonly invocation: Invocation;
  readonly folder: string;
}

/** The forms that speak of all questions or grants. */
const LISTINGS: Readonly<
  Record<string, (inbox: ApprovalInbox, at: Circumstances) => Promise<number> | number>
> = {
  list: (inbox, { invocation: { values } }) => list(inbox, wantsJson(values)),
  grants: (inbox, { invocation: { values } }) => listGrants(inbox.listGrants(), wantsJson(values)),
  "as-policy": (inbox) => {
    const standing = standingOf(inbox.listGrants());
    if (standing.length === 0) print("# nothing is remembered");
    for (const line of standing.flatMap(asRule)) print(escape(line));
    return EXIT.OK;
  },
  watch,
};

/** Those that have not expired. */
function standingOf(grants: readonly ApprovalGrant[]): ApprovalGrant[] {
  const now = new Date().toISOString();
  return grants.filter(({ expiresAt }) => expiresAt > now)
    .toSorted((a, b) => a.grantedAt < b.grantedAt ? -1 : 1);
}

function listGrants(grants: readonly ApprovalGrant[], asJson: boolean): number {
  const standing = standingOf(grants);
  if (asJson) {
    for (const grant of standing) print(escapedJson(grant));
    return EXIT.OK;
  }
  if (standing.length === 0) print("nothing is remembered");
  else {
    const rows = standing.map(({ id, action, as, target, rule, agent, by, expiresAt }) => [
      id.slice(0, 8),
      escape(action),
      escape(shownScope({ as, target }, rule)),
      escape(agent ?? "-"),
      escape(rule),
      escape(by),
      localTime(expiresAt),
    ]);
    const [head = "", ...lines] = columns(
      [["id", "action", "for", "agent", "rule", "by", "until"], ...rows],
      { width: terminalWidth() },
    );
    for (const line of [colour(head, "dim"), ...lines]) print(line);
  }
  return EXIT.OK;
}

/** Takes back what was remembered, in a process that may write in the inbox. */
async function revoke(
  inbox: ApprovalInbox,
  id: string,
  { invocation: { underPolicy }, folder }: Circumstances,
): Promise<number> {
  const found = inbox.listGrants().filter((grant) => grant.id === id || grant.id.startsWith(id));
  const [grant, ...others] = id.length < 4 ? [] : found;
  if (others.length > 0) throw new UsageError(`more than one id begins with "${id}"`);
  if (grant === undefined) {
    complain(`agent-kernel approvals: no grant "${escape(id)}" in ${escape(folder)}`);
    return EXIT.FAILED;
  }
  if (!underPolicy) {
    return await launchWith(flagsFor(folder), [
      ...["approvals", "revoke", grant.id, `--inbox=${resolve(folder)}`],
    ]);
  }
  inbox.revoke(grant.id);
  print(`revoked: ${escape(grant.action)} for ${escape(shownScope(grant, grant.rule))}`);
  return EXIT.OK;
}

/** Reads and writes the inbox, and nothing else. */
function flagsFor(folder: string): string[] {
  return toFlags({
    allow: { ...NOTHING, read: [folder], write: [folder] },
    deny: { read: [], write: [], net: [] },
  });
}

/** How often the inbox is looked at, in milliseconds. */
const WATCH_MS = 300;

/** Shows each question as it comes and asks for the answer, until the input ends. */
async function watch(
  inbox: ApprovalInbox,
  { invocation, folder }: Circumstances,
): Promise<number> {
  const { values } = invocation;
  if (!Deno.stdin.isTerminal()) {
    throw new UsageError("watch asks on a terminal; list and approve do without");
  }
  print(colour(`waiting for questions in ${escape(folder)}, Ctrl-C ends it`, "dim"));
  const later = new Set<string>();
  for (;;) {
    const question = inbox.list().find((one) =>
      !later.has(one.id) && inbox.stateOf(one) !== "answered"
    );
    if (question === undefined) {
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      continue;
    }
    print("");
    // INVARIANT: a yes can be given when all of the question was shown.
    if (!await showQuestion(question, onTerminal())) return EXIT.OK;
    tellState(inbox, question);
    const may = question.remember === undefined ? "" : ", r: yes and remember";
    const said = prompt(`y: yes${may}, n: no, l: later >`)?.trim().toLowerCase();
    if (said === undefined) return EXIT.OK;
    const approved = said === "y" || said === "yes" || said === "r";
    if (!approved && said !== "n" && said !== "no") {
      later.add(question.id);
      continue;
    }
    const given = { ...values, remember: said === "r" };
    await answer(inbox, question, {
      invocation: { ...invocation, values: given },
      folder,
      approved,
    });
  }
}

/** The terminal of this process, on which long questions are paged. */
function onTerminal(): Terminal {
  return {
    print,
    width: terminalWidth(),
    height: terminalHeight(),
    read: (text) => Promise.resolve(prompt(text) ?? undefined),
  };
}

/** For programs: what is left or answered has a member that says so. */
function asJson(inbox: ApprovalInbox, question: ApprovalQuestion): object {
  const state = inbox.stateOf(question);
  return state === "waits" ? question : { ...question, state };
}

/** Says of a question that nobody waits for it. */
function tellState(inbox: ApprovalInbox, question: ApprovalQuestion): void {
  const state = inbox.stateOf(question);
  if (state === "waits") return;
  print(
    `${state}, until ${localTime(question.expiresAt)}: a yes counts for the same request, once`,
  );
}

function list(inbox: ApprovalInbox, isForPrograms: boolean): number {
  const questions = inbox.list();
  if (isForPrograms) {
    for (const question of questions) print(escapedJson(asJson(inbox, question)));
    return EXIT.OK;
  }
  if (questions.length === 0) print("nothing waits for an answer");
  else {
    const rows = questions.map((question) => [
      question.id.slice(0, 8),
      escape(question.action),
      escape(question.target),
      escape(question.agent ?? "-"),
      escape(question.rule),
      `${inbox.stateOf(question)}, until ${localTime(question.expiresAt)}`,
    ]);
    const [head = "", ...lines] = columns(
      [["id", "action", "target", "agent", "rule", "state"], ...rows],
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
  const remember = approved && values["remember"] === true;
  if (remember && question.remember === undefined) {
    complain("agent-kernel approvals: the rule does not let a yes be remembered");
    return EXIT.FAILED;
  }
  if (!underPolicy) {
    const by = optional(values, "as") ?? Deno.env.get("USER") ?? Deno.env.get("LOGNAME") ?? "cli";
    return await launchWith(flagsFor(folder), [
      ...["approvals", approved ? "approve" : "deny", question.id],
      ...[`--inbox=${resolve(folder)}`, `--as=${by}`, `--digest=${question.digest}`],
      ...reason === undefined ? [] : [`--reason=${reason}`],
      ...remember ? ["--remember"] : [],
      ...values["json"] === true ? ["--json"] : [],
    ]);
  }
  const by = optional(values, "as") ?? "cli";
  const given = { approved, by, remember, ...reason === undefined ? {} : { reason } };
  const outcome = inbox.answer(question, given, new Date());
  const what = `${escape(question.action)} ${escape(question.target)}`;
  if (outcome !== "answered") {
    complain(`agent-kernel approvals: ${what}: ${outcome}, this answer does not count`);
    return EXIT.FAILED;
  }
  if (values["json"] === true) print(escapedJson({ id: question.id, approved, by, remember }));
  else print(`${approved ? colour("approved", "green") : colour("denied", "red")}: ${what}`);
  return EXIT.OK;
}

if (import.meta.main) await actAs("approvals", COMMAND);
