/**
 * Lists of a server that come in pages.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/provider_error.ts";
import type { Connection } from "./connection.ts";

/** A list. */
export interface ListOptions {
  /** The key of the entries in an answer, and what they are called in messages. */
  readonly what: string;
  /** Like `tools/list`. */
  readonly method: string;
  readonly signal: AbortSignal;
}

const MAX_PAGES = 100;
const MAX_ENTRIES = 1000;

/**
 * The entries of all pages, at most 1000 of at most 100 pages. Untrusted.
 *
 * @throws {ProviderError} `PROTOCOL_ERROR`: it is no list, or too long.
 */
export async function* listed(
  connection: Connection,
  { what, method, signal }: ListOptions,
): AsyncGenerator<unknown> {
  let cursor: unknown;
  let entries = 0;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await connection.request(method, params, { signal });
    const page = answer[what];
    if (!Array.isArray(page)) throw wrong(`its list of ${what} has no array "${what}"`);
    entries += page.length;
    if (entries > MAX_ENTRIES) throw wrong(`it has more than ${MAX_ENTRIES} ${what}`);
    yield* page;
    cursor = answer["nextCursor"];
    if (cursor === undefined || cursor === null) return;
    if (typeof cursor !== "string") {
      throw wrong(`its list of ${what} has a cursor that is no string`);
    }
  }
  throw wrong(`its list of ${what} has more than ${MAX_PAGES} pages`);
}

function wrong(why: string): ProviderError {
  return new ProviderError("PROTOCOL_ERROR", `The MCP server cannot be used: ${why}`);
}
