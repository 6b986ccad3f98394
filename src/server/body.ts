/**
 * The JSON body of a request, with a bound.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { InexactNumberError, parseExactJson } from "../agent/exact_json.ts";

/** A body, or what is wrong with it. */
export type JsonBody =
  | { readonly value: unknown }
  | { readonly problem: string; readonly status: 400 | 413 | 503 };

/** Bodies that are held at the same time, of all requests together. */
export class BodyBudget {
  #left: number;

  /** @param bytes How much is held at most. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** @returns Whether there is room. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Gives room back. */
  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** Bounds of a body. */
export interface BodyBounds {
  readonly maxBytes: number;
  readonly budget: BodyBudget;
  /** What the request says of its length; not believed, but enough to refuse it. */
  readonly announced: number;
}

/** Reads a body to its end, or to its bound. */
export async function readBody(
  body: AsyncIterable<Uint8Array> | null,
  { maxBytes, budget, announced }: BodyBounds,
): Promise<JsonBody> {
  const tooLong = { problem: `the body has more than ${maxBytes} bytes`, status: 413 } as const;
  if (announced > maxBytes) return tooLong;
  const pieces: Uint8Array[] = [];
  let size = 0;
  let held = 0;
  try {
    for await (const piece of body ?? []) {
      size += piece.length;
      if (size > maxBytes) return tooLong;
      if (!budget.take(piece.length)) {
        return { problem: "other requests hold too much; try again", status: 503 };
      }
      held += piece.length;
      pieces.push(piece);
    }
  } catch {
    return { problem: "the body was cut off", status: 400 };
  } finally {
    budget.give(held);
  }
  try {
    // Not by a Blob: that is read by another thread, which takes milliseconds on a busy machine.
    const bytes = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
    // What is no UTF-8 would become another text, and some numbers others: neither is decided about.
    return { value: parseExactJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) };
  } catch (error) {
    return error instanceof InexactNumberError
      ? { problem: error.message, status: 400 }
      : { problem: "the body is not JSON", status: 400 };
  }
}
