/**
 * Whether the own hashes of lines fit what they say.
 *
 * @module
 */
import { hash } from "node:crypto";

const LINE_FEED = 10;
/** Length of `,"hash":"…"}`. */
const TAIL_LENGTH = 75;
/** Where the hash begins in it. */
const DIGEST_AT = 9;

/**
 * The first of some lines whose own hash does not fit.
 *
 * It looks at the 64 characters where a record has its hash; whether the rest of the line is a record
 * is not its matter.
 *
 * @param bytes Complete lines, each with its line feed.
 * @returns Its number, from 0; the number of lines if all fit.
 */
export function firstMisfit(bytes: Uint8Array): number {
  let number = 0;
  let start = 0;
  for (
    let end = bytes.indexOf(LINE_FEED);
    end !== -1;
    end = bytes.indexOf(LINE_FEED, start)
  ) {
    if (!fits(bytes, start, end)) return number;
    number++;
    start = end + 1;
  }
  return number;
}

function fits(bytes: Uint8Array, start: number, end: number): boolean {
  const split = end - TAIL_LENGTH;
  if (split < start) return false;
  const digest = hash("sha256", bytes.subarray(start, split));
  for (let i = 0; i < digest.length; i++) {
    if (bytes[split + DIGEST_AT + i] !== digest.charCodeAt(i)) return false;
  }
  return true;
}
