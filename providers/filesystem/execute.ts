/**
 * Which function carries out which action; the same in a Worker and in the process.
 *
 * @module
 */
import {
  type Execute,
  type ProviderContext,
  ProviderError,
  type ProviderRequest,
} from "../../src/worker/mod.ts";
import { failureOf } from "./failures.ts";
import { makeFolder } from "./folders.ts";
import { move, remove } from "./move.ts";
import { list, read, stat } from "./read.ts";
import { restoreFolder, restoreWritten } from "./restore.ts";
import { write } from "./write.ts";

type Operation = (request: ProviderRequest, context: ProviderContext) => unknown;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  "fs.read": read,
  "fs.write": write,
  "fs.delete": remove,
  "fs.list": list,
  "fs.stat": stat,
  "fs.mkdir": makeFolder,
  "fs.move": move,
};

/** Requests of rollbacks, which have the param `restore`. */
const RESTORING: Readonly<Record<string, Operation>> = {
  "fs.write": restoreWritten,
  "fs.mkdir": restoreFolder,
};

/**
 * Carries out one action of the filesystem provider.
 *
 * @throws {ProviderError} With a stable code, also for what the operating system refuses.
 */
export const execute: Execute = (request, context) => {
  try {
    const result = operationFor(request)(request, context);
    if (!(result instanceof Promise)) return result;
    return result.catch((error) => {
      throw failureOf(error, request);
    });
  } catch (error) {
    throw failureOf(error, request);
  }
};

function operationFor({ action, params }: ProviderRequest): Operation {
  const restoring = params["restore"] === undefined ? undefined : RESTORING[action];
  const operation = restoring ?? OPERATIONS[action];
  if (operation !== undefined) return operation;
  throw new ProviderError("UNKNOWN_ACTION", `There is no action "${action}"`);
}
