/**
 * Params that more than one action takes.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";

/** How a content is given. @throws {ProviderError} In no way that is known. */
export function encodingOf(params: Readonly<Record<string, unknown>>): "utf-8" | "base64" {
  const { encoding } = params;
  if (encoding === "utf-8" || encoding === "base64") return encoding;
  throw new ProviderError("INVALID_PARAMS", 'The param "encoding" has to be "utf-8" or "base64"');
}

/** A number of bytes; `undefined` if it is not given. @throws {ProviderError} It is no such number. */
export function countOf(
  params: Readonly<Record<string, unknown>>,
  name: string,
): number | undefined {
  const value = params[name];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProviderError("INVALID_PARAMS", `The param "${name}" has to be a whole number from 0`);
}
