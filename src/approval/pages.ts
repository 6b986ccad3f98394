/**
 * Long questions on a terminal, a page at a time.
 *
 * @module
 */
import { type ApprovalQuestion, renderQuestion } from "./question.ts";

/** A terminal, as far as it is needed here. */
export interface Terminal {
  /** Shows a line. */
  print(line: string): void;
  /** Columns. */
  readonly width: number;
  /** Lines that it shows at once. @default all: there are no pages */
  readonly height?: number | undefined;
  /** Shows a text and reads a line; `undefined` at the end of the input. */
  read(text: string): Promise<string | undefined>;
}

/** Less is no page. */
const MIN_PAGE = 2;

/**
 * Shows all of a question. After each page whoever looks has to press Enter; what is typed before it answers
 * nothing.
 *
 * INVARIANT: nothing is cut, and what follows comes after the last line.
 *
 * @returns Whether all of it was shown: not if the input ended, or the signal was aborted.
 */
export async function showQuestion(
  question: ApprovalQuestion,
  terminal: Terminal,
  signal?: AbortSignal,
): Promise<boolean> {
  const { width, height = Infinity } = terminal;
  const lines = renderQuestion(question, width);
  // A line of each page is for what is asked below it.
  const room = Math.max(MIN_PAGE, height - 1);
  for (let shown = 0;;) {
    const page = lines.slice(shown, shown + room);
    for (const line of page) terminal.print(line);
    shown += page.length;
    if (shown >= lines.length) return true;
    const said = await terminal.read(`— line ${shown} of ${lines.length}: Enter goes on —`);
    if (said === undefined || signal?.aborted === true) return false;
  }
}
