/**
 * What a person is asked, and how it is shown.
 *
 * @module
 */
import { canonicalJson } from "../core/json.ts";
import { sha256 } from "../core/request.ts";
import { escape, escapedJson } from "../visible_text.ts";

/** One action that waits for a yes. Everything is in the form in which it would be done. */
export interface ApprovalQuestion {
  /** The id that the record of the action will have. */
  readonly id: string;
  /** What is to be done, for example `fs.write`. */
  readonly action: string;
  /** Canonical: links are followed. */
  readonly target: string;
  /** With their defaults; secondary resources in canonical form. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Who asks, as the request says. */
  readonly agent?: string;
  /** Set if a provider asks during a call: the action of that call. */
  readonly askedBy?: string;
  /** Id of the rule that allows it. */
  readonly rule: string;
  /** Why the rule is there, as the policy says. */
  readonly reason?: string;
  /** Who may answer. */
  readonly approvers?: readonly string[];
  /** What would change in a file that is written: lines that go (`-`), come (`+`) and stay. */
  readonly change?: string;
  /** Digest of the policy. */
  readonly policy: string;
  /** RFC 3339, UTC. */
  readonly askedAt: string;
  /** When nobody waits any more. */
  readonly expiresAt: string;
  /** SHA-256 over all of it: an answer is for this question and for no other. */
  readonly digest: string;
}

/** Makes a question, with its digest. */
export function questionOf(content: Omit<ApprovalQuestion, "digest">): ApprovalQuestion {
  return Object.freeze({ ...content, digest: sha256(canonicalJson(content)) });
}

/** Whether a question that was kept elsewhere is as it was made. */
export function isWhole(question: ApprovalQuestion): boolean {
  const { digest, ...content } = question;
  return digest === sha256(canonicalJson(content));
}

/**
 * The question as lines for a terminal. Complete: nothing is cut. Nothing in it can look like another
 * line, or like something else: control, bidirectional and zero-width characters are escaped, values
 * are JSON, white space at the ends is marked, and letters that are not ASCII are told.
 */
export function renderQuestion(question: ApprovalQuestion): string[] {
  const { id, action, target, params, agent, askedBy, rule, reason, approvers, change } = question;
  const lines = [
    `id       ${escape(id)}`,
    `action   ${quoted(action)}`,
    `target   ${quoted(target)}`,
    ...unusual("target", target),
    ...Object.entries(params).flatMap(([name, value]) => [
      `param    ${quoted(name)} = ${escapedJson(value)}`,
      ...unusual(name, name),
      ...(typeof value === "string" ? unusual(name, value) : []),
    ]),
    `agent    ${agent === undefined ? "(none)" : quoted(agent)}`,
    ...(askedBy === undefined ? [] : [`during   ${quoted(askedBy)}`]),
    `rule     ${quoted(rule)}${reason === undefined ? "" : `: ${quoted(reason)}`}`,
    ...(approvers === undefined ? [] : [`who may  ${approvers.map(quoted).join(", ")}`]),
    `asked    ${escape(question.askedAt)}, until ${escape(question.expiresAt)}`,
    `digest   ${escape(question.digest)}`,
  ];
  if (change === undefined) return lines;
  // Each line has a margin: a line of the file cannot look like one of the question.
  return [...lines, "change", ...change.split("\n").map((line) => `  | ${escape(line)}`)];
}

/** As JSON, so that spaces at the ends, quotes and what is escaped cannot be mistaken. */
function quoted(text: string): string {
  return escapedJson(text);
}

/** Letters that can look like others: an `а` that is Cyrillic, a space that is none. */
function unusual(what: string, text: string): string[] {
  const odd = Array.from(new Set(text)).filter((char) => char > "\x7f");
  if (odd.length === 0) return [];
  const shown = odd.slice(0, 8).map((char) => {
    const digits = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `U+${digits}`;
  });
  const more = odd.length > 8 ? " and others" : "";
  return [`note     ${quoted(what)} has characters beyond ASCII: ${shown.join(" ")}${more}`];
}
