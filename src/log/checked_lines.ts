/**
 * The lines of a log, each with what is known of it without the parser.
 *
 * @module
 */
import type { Line, LineBatch } from "./lines.ts";
import { logLines } from "./log_lines.ts";
import { OwnHashes } from "./own_hashes.ts";
import { type PlainLine, plainLine } from "./plain_line.ts";

/** A line, and what it says if that is plain and its own hash fits; otherwise the parser has to look. */
export interface CheckedLine extends Line {
  readonly plain: PlainLine | undefined;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The lines of a log as `logLines` gives them.
 *
 * @param follow Go on after the end, for ever; called each time the end is reached.
 * @throws {Deno.errors.NotFound} There is no such log.
 */
export async function* checkedLines(
  log: string,
  follow?: () => void,
): AsyncGenerator<CheckedLine[]> {
  using hashes = new OwnHashes();
  for await (const batch of logLines(log, follow)) yield await check(batch, hashes);
}

async function check({ lines, bytes }: LineBatch, hashes: OwnHashes): Promise<CheckedLine[]> {
  const found = hashes.firstMisfit(bytes);
  // Another thread may be hashing meanwhile.
  const text = decoder.decode(bytes);
  const shared = text.length === bytes.length; // Then each character is one byte.
  let at = 0;
  const checked = lines.map((line) => {
    const start = at;
    at += line.bytes.length;
    const lineText = shared ? text.slice(start, at) : decoder.decode(line.bytes);
    at += 1; // The line feed.
    return {
      bytes: line.bytes,
      terminated: line.terminated,
      plain: plainLine(line.bytes, lineText),
    };
  });
  const misfit = await found;
  // INVARIANT: a line whose own hash was not compared, or does not fit, is for the parser to judge.
  for (const line of checked.slice(misfit)) line.plain = undefined;
  return checked;
}
