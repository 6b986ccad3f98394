/**
 * The Worker of the filesystem provider.
 *
 * @module
 */
import { ProviderError, serveProvider } from "../../src/worker/mod.ts";
import type { ProviderContext, ProviderRequest } from "../../src/worker/mod.ts";
import { list, makeFolder, move, read, remove, stat, write } from "./operations.ts";
import { restoreFile, restoreFolder } from "./restore.ts";

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

const RESTORING: Readonly<Record<string, Operation>> = {
  "fs.write": restoreFile,
  "fs.mkdir": restoreFolder,
};

serveProvider("filesystem", (request, context) => {
  const restoring = request.params["restore"] === undefined ? undefined : RESTORING[request.action];
  const operation = restoring ?? OPERATIONS[request.action];
  if (operation === undefined) {
    throw new ProviderError("UNKNOWN_ACTION", `There is no action "${request.action}"`);
  }
  return operation(request, context);
});
