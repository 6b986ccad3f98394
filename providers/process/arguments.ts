/**
 * The params of `proc.exec`, checked.
 *
 * @module
 */
import { ProviderError } from "../../src/worker/mod.ts";

/** How a program is to be run. */
export interface Arguments {
  readonly args: readonly string[];
  /** What it reads; without it, nothing. */
  readonly stdin?: string;
  /** In milliseconds. */
  readonly timeoutMs: number;
  /** Canonical, if it was given. */
  readonly cwd?: string;
  readonly encoding: "utf-8" | "base64";
}

const KNOWN = ["args", "cwd", "encoding", "stdin", "timeout"];

/**
 * Reads the params.
 *
 * @throws {ProviderError} They are of no use.
 */
export function argumentsOf(params: Readonly<Record<string, unknown>>): Arguments {
  for (const key of Object.keys(params)) {
    if (!KNOWN.includes(key)) {
      throw invalid(`There is no param "${key}", expected ${KNOWN.join(", ")}`);
    }
  }
  const { args = [], stdin, timeout = 30, cwd, encoding = "utf-8" } = params;
  if (!Array.isArray(args) || !args.every((one) => typeof one === "string")) {
    throw invalid('The param "args" has to be a list of strings');
  }
  // The system ends an argument at its first NUL: what would run is not what was decided.
  if (args.some((one) => one.includes("\0"))) {
    throw invalid('The param "args" has a NUL character');
  }
  if (stdin !== undefined && typeof stdin !== "string") {
    throw invalid('The param "stdin" has to be a string');
  }
  if (typeof timeout !== "number" || !(timeout > 0)) {
    throw invalid('The param "timeout" has to be a positive number of seconds');
  }
  if (encoding !== "utf-8" && encoding !== "base64") {
    throw invalid('The param "encoding" has to be utf-8 or base64');
  }
  return {
    args,
    timeoutMs: timeout * 1000,
    encoding,
    ...(stdin === undefined ? {} : { stdin }),
    ...(typeof cwd === "string" ? { cwd } : {}),
  };
}

function invalid(message: string): ProviderError {
  return new ProviderError("INVALID_PARAMS", message);
}
