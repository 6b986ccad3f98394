/**
 * What a person is asked, and how it is shown.
 *
 * @module
 */
import { shownScope } from "./grant.ts";
import { canonicalJson } from "../core/json.ts";
import { sha256 } from "../core/request.ts";
import { escapedJson } from "../visible_text.ts";

/** One action that waits for a yes. Everything is in the form in which it would be done. */
export interface ApprovalQuestion {
  /** The id that the record of the action will have, unless the question is left and answered later. */
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
  /** Ids of the rules that need the yes, joined by a comma. */
  readonly rule: string;
  /** Why the rule is there, as the policy says. */
  readonly reason?: string;
  /** Who may answer. */
  readonly approvers?: readonly string[];
  /** What would change in a file that is written: lines that go (`-`), come (`+`) and stay. */
  readonly change?: string;
  /** What is known of where its values come from, a line each. */
  readonly notes?: string;
  /** What a yes can be remembered for; missing if it is for this action alone. */
  readonly remember?: {
    /** `target`: the very target. `folder`: all that lies in it. `rule`: all that the rule allows. */
    readonly as: "target" | "folder" | "rule";
    /** The target or the folder, canonical; empty with `rule`. */
    readonly target: string;
    /** How long, for people: `8 h`. */
    readonly for: string;
  };
  /** How often the rule has asked for this agent and action since the kernel was opened, and got a yes. */
  readonly before?: { readonly asked: number; readonly approved: number };
  /** Digest of the policy. */
  readonly policy: string;
  /** RFC 3339, UTC. */
  readonly askedAt: string;
  /** When an answer comes too late. */
  readonly expiresAt: string;
  /** SHA-256 over all of it: an answer is for this question and for no other. */
  readonly digest: string;
}

/** Makes a question, with its digest. */
export function questionOf(content: Omit<ApprovalQuestion, "digest">): ApprovalQuestion {
  // INVARIANT: nobody who is asked changes what the next one sees.
  return deepFreeze({ ...structuredClone(content), digest: sha256(canonicalJson(content)) });
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (inner !== null && typeof inner === "object") deepFreeze(inner);
  }
  return Object.freeze(value);
}

const TEXTS = ["id", "action", "target", "rule", "policy", "askedAt", "expiresAt", "digest"];
const OPTIONAL_TEXTS = ["agent", "askedBy", "reason", "change", "notes"];

/** Whether something that was kept elsewhere is a question as it was made. */
export function isQuestion(value: unknown): value is ApprovalQuestion {
  try {
    const fields = value as Readonly<Record<string, unknown>>;
    const { digest, ...content } = fields;
    const { params, approvers, before, remember } = content;
    const isList = approvers === undefined ||
      Array.isArray(approvers) && approvers.every((name) => typeof name === "string");
    return TEXTS.every((name) => typeof fields[name] === "string") && isList &&
      isCount(before) && isScope(remember) &&
      OPTIONAL_TEXTS.every((name) => ["string", "undefined"].includes(typeof fields[name])) &&
      params !== null && typeof params === "object" && !Array.isArray(params) &&
      digest === sha256(canonicalJson(content));
  } catch {
    return false; // It cannot be read to its end.
  }
}

function isCount(before: unknown): boolean {
  const { asked, approved } = Object(before) as Readonly<Record<string, unknown>>;
  return before === undefined || [asked, approved].every((one) => Number.isSafeInteger(one));
}

/** INVARIANT: what is shown beside quotes is of our own words. */
function isScope(remember: unknown): boolean {
  const { as, target, for: time } = Object(remember) as Readonly<Record<string, unknown>>;
  return remember === undefined ||
    ["target", "folder", "rule"].includes(as as string) && typeof target === "string" &&
      typeof time === "string" && /^[0-9.]+ (s|min|h)$/.test(time);
}

/**
 * The question as lines for a terminal. Complete: nothing is cut. Nothing in it can look like another
 * line, or like something else: control, bidirectional and zero-width characters are escaped, values
 * are JSON, long lines go on behind a margin, and characters that are not ASCII are told.
 *
 * @param width Columns of the terminal. @default lines are not broken
 */
export function renderQuestion(question: ApprovalQuestion, width = Infinity): string[] {
  const { id, action, target, params, agent, askedBy, rule, reason, approvers, change } = question;
  const { remember, before, notes } = question;
  const lines = [
    `id       ${quoted(id)}`,
    `action   ${quoted(action)}`,
    `target   ${quoted(target)}`,
    ...Object.entries(params).map(([name, value]) =>
      `param    ${quoted(name)} = ${escapedJson(value)}`
    ),
    `agent    ${agent === undefined ? "(none)" : quoted(agent)}`,
    ...(askedBy === undefined ? [] : [`during   ${quoted(askedBy)}`]),
    `rule     ${quoted(rule)}${reason === undefined ? "" : `: ${quoted(reason)}`}`,
    ...(notes === undefined ? [] : notes.split("\n").map((line) => `origin   ${quotedLine(line)}`)),
    ...(approvers === undefined ? [] : [`who may  ${approvers.map(quoted).join(", ")}`]),
    ...(remember === undefined ? [] : [
      `remember a yes can count for ${remember.for} for ${escaped(shownScope(remember, rule))}`,
    ]),
    ...(before === undefined || before.asked === 0
      ? []
      : [`before   asked ${before.asked} times, ${before.approved} times yes`]),
    ...unusual({ action, target, params, agent, askedBy, rule, reason, approvers, change, notes }),
    `asked    ${quoted(question.askedAt)}, until ${quoted(question.expiresAt)}`,
    `digest   ${quoted(question.digest)}`,
    // Each line has a margin: a line of the file cannot look like one of the question.
    ...(change === undefined
      ? []
      : ["change", ...change.split("\n").map((line) => `  | ${quotedLine(line)}`)]),
  ];
  return lines.flatMap((line) => broken(line, width));
}

/** A line of ours in which texts of others stand as JSON. */
function escaped(line: string): string {
  return line.replaceAll(/"(?:[^"\\]|\\.)*"/g, (text) => quoted(JSON.parse(text)));
}

/** As JSON, so that spaces at the ends, quotes and what is escaped cannot be mistaken. */
function quoted(text: string): string {
  return escapedJson(text);
}

/** The same without quotes: a backslash in it is two. */
function quotedLine(line: string): string {
  return quoted(line).slice(1, -1).replaceAll('\\"', '"');
}

/** A line in pieces that fit the terminal; those after the first have a margin. */
function broken(line: string, width: number): string[] {
  const characters = Array.from(line);
  // Wide characters take two columns.
  const room = Math.max(20, Math.floor(width / 2));
  if (characters.length <= room) return [line];
  if (width === Infinity || /^[\x20-\x7e]*$/.test(line) && characters.length <= width) {
    return [line];
  }
  const most = /^[\x20-\x7e]*$/.test(line) ? Math.max(20, width) : room;
  const pieces = [characters.slice(0, most).join("")];
  for (let i = most; i < characters.length; i += most - MARGIN.length) {
    pieces.push(MARGIN + characters.slice(i, i + most - MARGIN.length).join(""));
  }
  return pieces;
}

const MARGIN = "       > ";

/** Letters that can look like others, wherever they are: an `а` that is Cyrillic, a space that is none. */
function unusual(texts: object): string[] {
  const odd = Array.from(new Set(JSON.stringify(texts))).filter((char) => char > "\x7f");
  if (odd.length === 0) return [];
  const shown = odd.slice(0, 16).map((char) => {
    const digits = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    return `U+${digits}`;
  });
  const more = odd.length > 16 ? ` and ${odd.length - 16} others` : "";
  return [`note     there are characters beyond ASCII: ${shown.join(" ")}${more}`];
}
