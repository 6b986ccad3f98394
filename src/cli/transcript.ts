/**
 * What a person sees of an agent's run.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import type { RunResult } from "../agent/event.ts";
import { colour, escape } from "./terminal.ts";

/** Where it is written to. */
export interface TranscriptOutput {
  /** What the model says. */
  readonly text: (text: string) => void;
  /** What the kernel says: whole lines. */
  readonly line: (line: string) => void;
  /** Columns of the terminal on which both are seen. @default none: the text is not set off */
  readonly columns?: number;
}

/** Set before each line of the model, so that it cannot pass for one of the kernel. */
const MARGIN = "│ ";
const MAX_TARGET = 72;
const MAX_REASON = 160;

type Mark = "ok" | "denied" | "failed" | "invalid";

const MARKS = {
  ok: ["✓ OK     ", "green"],
  denied: ["✗ DENIED ", "red"],
  failed: ["! FAILED ", "yellow"],
  invalid: ["! INVALID", "yellow"],
} as const;

/** Writes a run down: the text as it comes, one line for each call, and a summary. */
export class Transcript {
  readonly #output: TranscriptOutput;
  readonly #counts: Record<Mark, number> = { ok: 0, denied: 0, failed: 0, invalid: 0 };
  #column = 0;

  constructor(output: TranscriptOutput) {
    this.#output = output;
  }

  /** The model says more. */
  text(text: string): void {
    const shown = escapeText(text);
    const { columns } = this.#output;
    if (columns === undefined) {
      this.#output.text(shown);
      if (shown !== "") this.#column = shown.endsWith("\n") ? 0 : 1;
      return;
    }
    this.#output.text(Array.from(shown, (char) => this.#placed(char, columns)).join(""));
  }

  /** The gate has answered a call. It stays one line, so that no target can begin one. */
  call(request: ActionRequest, result: ActionResult): void {
    const mark = markOf(result);
    this.#counts[mark]++;
    const { columns = Infinity } = this.#output;
    const [word, name] = MARKS[mark];
    const half = Math.min(MAX_TARGET, Math.floor(columns / 2));
    const target = cutInside(escape(request.target), half);
    const what = cut([escape(request.action), target].join("  ").trimEnd(), columns - 11);
    const room = Math.min(MAX_REASON, columns - word.length - what.length - 4);
    const reason = room < 8 ? "" : cut(escape(reasonOf(request, result)), room);
    this.line(`${colour(word, name)} ${what}  ${colour(reason, "dim")}`.trimEnd());
  }

  /** A line of the kernel's own. */
  line(line: string): void {
    if (this.#column > 0) this.#output.text("\n");
    this.#column = 0;
    this.#output.line(line);
  }

  /** How it ended, and what it took. */
  summary({ outcome, text, usage, error }: RunResult, logPath: string): void {
    const counts = Object.entries(this.#counts).filter(([, count]) => count > 0);
    const calls = counts.reduce((sum, [, count]) => sum + count, 0);
    const about = usage.estimated ? "about " : "";
    const how = outcome === "final"
      ? colour("done", "green")
      : outcome === "failed" || outcome === "aborted"
      ? colour(outcome === "failed" ? "failed" : "interrupted", "yellow")
      : colour(error === undefined ? `stopped ${text}` : `answer ${outcome}`, "yellow");
    const parts = [
      how,
      `${calls} ${calls === 1 ? "call" : "calls"}` +
      (calls === 0 ? "" : `: ${counts.map(([mark, count]) => `${count} ${mark}`).join(", ")}`),
      `${about}${usage.inputTokens} tokens in, ${usage.outputTokens} out`,
      `log ${escape(logPath)}`,
    ];
    this.line("");
    if (error !== undefined && outcome !== "aborted") {
      this.line(escape(error instanceof Error ? error.message : String(error)));
    }
    this.line(parts.join(" · "));
  }

  #placed(char: string, columns: number): string {
    if (char === "\n") {
      const empty = this.#column === 0 ? MARGIN.trimEnd() : "";
      this.#column = 0;
      return `${empty}\n`;
    }
    const width = char === "\t" ? 8 : char <= "~" ? 1 : 2;
    // Broken here and not by the terminal, which would begin the rest without a margin.
    const full = this.#column > 0 && this.#column + width > columns;
    const begin = this.#column === 0 || full ? MARGIN : "";
    if (begin !== "") this.#column = MARGIN.length;
    this.#column += width;
    return `${full ? "\n" : ""}${begin}${char}`;
  }
}

function markOf({ status, code }: ActionResult): Mark {
  if (status === "OK") return "ok";
  if (status === "DENIED") return "denied";
  return code === "INVALID_REQUEST" || code === "INVALID_TARGET" ? "invalid" : "failed";
}

function reasonOf({ action, target }: ActionRequest, result: ActionResult): string {
  const { status, rule, error = "", code } = result;
  if (status === "OK") {
    const undo = "reversible" in result && result.reversible === true
      ? `undo ${result.recordId}`
      : "";
    return [rule === undefined ? "" : `rule ${rule}`, undo].filter(Boolean).join(" · ");
  }
  const reason = error.replace(/^(not permitted|malformed request): /, "")
    .replace(`${action} on ${JSON.stringify(target)}`, "it");
  return code === undefined || code === "INVALID_REQUEST" ? reason : `${code}: ${reason}`;
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** Begin and end tell most of a path and of a URL. */
function cutInside(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${text.slice(0, half)}…${text.slice(-half)}`;
}

/** Line breaks, tabs and the form of an emoji are no danger. */
function escapeText(text: string): string {
  return text.replace(/[^\n\t\ufe0f]+/g, escape);
}
