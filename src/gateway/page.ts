/**
 * Long lists in pages.
 *
 * @module
 */
import { RpcError } from "./results.ts";

/** Many clients ask for no second page. */
const PAGE = 1000;
const INVALID_PARAMS = -32602;

/**
 * A part of a list.
 *
 * @param cursor Of an earlier page; none for the first.
 * @throws {RpcError} The cursor is of no page.
 */
export function page<T>(
  all: readonly T[],
  cursor: string | undefined,
): { readonly entries: T[]; readonly nextCursor?: string } {
  const start = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(start) || start < 0 || start % PAGE !== 0 || cursor === "") {
    throw new RpcError(INVALID_PARAMS, "agent-kernel: the cursor is of no page of this list");
  }
  const end = start + PAGE;
  return {
    entries: all.slice(start, end),
    ...end < all.length ? { nextCursor: String(end) } : {},
  };
}
