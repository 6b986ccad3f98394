/**
 * Why a command line is not read, in words that tell a model what to write.
 *
 * @module
 */
import { escape } from "../../visible_text.ts";

/** Characters of the line that a refusal shows at most. */
const SHOWN = 80;

/** The line is not understood; thrown from any depth, and told by `readShell()`. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  /**
   * @param what What was not understood, a sentence without its full stop.
   * @param instead What to write, a sentence without its full stop.
   */
  constructor(what: string, instead: string) {
    super(`${what}. ${instead}.`);
  }
}

/** A piece of the line, in quotes, escaped and cut. */
export function shown(piece: string): string {
  const cut = Array.from(piece.slice(0, SHOWN + 1));
  // The bound holds for what is printed: an escaped character takes six.
  let text = "";
  for (const [i, char] of cut.entries()) {
    const next = text + escape(char);
    if (next.length > SHOWN - 1 && i < cut.length) return `"${text}…"`;
    text = next;
  }
  return `"${text}"`;
}
