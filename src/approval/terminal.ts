/**
 * Asking on the terminal of this process.
 *
 * @module
 */
import type { ApprovalAnswer, Approver } from "./approver.ts";
import { showQuestion, type Terminal } from "./pages.ts";
import type { ApprovalQuestion } from "./question.ts";

/** Options of {@linkcode terminalApprover}. */
export interface TerminalOptions {
  /** Who sits there: appears in the record. */
  readonly by: string;
  /** Where it is asked. @default standard error and standard input, which have to be a terminal */
  readonly terminal?: Terminal;
}

const ANSWERS: Readonly<Record<string, Pick<ApprovalAnswer, "approved" | "remember">>> = {
  yes: { approved: true },
  remember: { approved: true, remember: true },
  no: { approved: false },
};

/**
 * Shows each question whole, page by page if it is longer than the screen, and reads the answer as a word: `yes`, `no`, or `remember` where the question
 * says what for. One question after the other. Anything else is asked again; the end of the input is a no.
 *
 * A terminal can show nothing but what is printed: it is for whoever else prints nothing there.
 */
export function terminalApprover({ by, terminal = ownTerminal() }: TerminalOptions): Approver {
  let last: Promise<unknown> = Promise.resolve();
  return {
    method: "terminal",
    ask(question, signal) {
      const answer = last.then(() => askOn(terminal, question, { by, signal }));
      last = answer.catch(() => {/* Its caller is told. */});
      return answer;
    },
  };
}

async function askOn(
  terminal: Terminal,
  question: ApprovalQuestion,
  { by, signal }: { readonly by: string; readonly signal: AbortSignal },
): Promise<ApprovalAnswer> {
  signal.throwIfAborted();
  // A line that is typed now must not answer the next question.
  const tell = () => terminal.print("(nobody waits any more, press Enter)");
  signal.addEventListener("abort", tell);
  using stack = new DisposableStack();
  stack.defer(() => signal.removeEventListener("abort", tell));
  terminal.print("");
  const ended = { approved: false, by, reason: "the input has ended" };
  const isShown = await showQuestion(question, terminal, signal);
  signal.throwIfAborted();
  if (!isShown) return ended;
  const { remember } = question;
  const words = remember === undefined ? "yes or no" : "yes, no, or remember";
  for (;;) {
    const said = await terminal.read(`May it be done? ${words}: `);
    signal.throwIfAborted();
    if (said === undefined) return ended;
    const word = said.trim().toLowerCase();
    const answer = Object.hasOwn(ANSWERS, word) ? ANSWERS[word] : undefined;
    if (answer !== undefined && (answer.remember !== true || remember !== undefined)) {
      return { ...answer, by };
    }
  }
}

/** `undefined` if standard error is no terminal, or one that does not know its size. */
function screen(): { readonly columns: number; readonly rows: number } | undefined {
  if (!Deno.stderr.isTerminal()) return undefined;
  const { columns, rows } = Deno.consoleSize();
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** Standard error, so that results on standard output stay what they are. */
function ownTerminal(): Terminal {
  if (!Deno.stdin.isTerminal()) {
    throw new TypeError("Cannot ask on the terminal: standard input is none");
  }
  // INVARIANT: a line that is there before it is asked for is dropped: it was typed for something else.
  let waiting: ((line: string | undefined) => void) | undefined;
  let hasEnded = false;
  const hand = (line: string | undefined) => {
    const resolve = waiting;
    waiting = undefined;
    resolve?.(line);
  };
  (async () => {
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) hand(line);
    }
    hasEnded = true;
    hand(undefined);
  })();
  return {
    print: (line) => void Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`)),
    get width() {
      return screen()?.columns ?? 80;
    },
    get height() {
      return screen()?.rows;
    },
    read(text) {
      Deno.stderr.writeSync(new TextEncoder().encode(text));
      if (hasEnded) return Promise.resolve(undefined);
      return new Promise((resolve) => waiting = resolve);
    },
  };
}
