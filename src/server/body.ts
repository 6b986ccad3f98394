/**
 * The JSON body of a request, with a bound.
 *
 * @module
 */

/** A body, or what is wrong with it. */
export type JsonBody =
  | { readonly value: unknown }
  | { readonly problem: string; readonly status: 400 | 413 };

/** Reads a body to its end, or to its bound. */
export async function readBody(request: Request, maxBytes: number): Promise<JsonBody> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body ?? []) {
    size += piece.length;
    if (size > maxBytes) {
      return { problem: `the body has more than ${maxBytes} bytes`, status: 413 };
    }
    pieces.push(piece);
  }
  try {
    const text = await new Blob(pieces as BlobPart[]).text();
    return { value: JSON.parse(text) };
  } catch {
    return { problem: "the body is not JSON", status: 400 };
  }
}
