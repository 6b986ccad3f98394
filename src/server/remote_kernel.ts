/**
 * The kernel of another process, as a function that submits.
 *
 * @module
 */
import type { ActionResult } from "../core/action.ts";
import type { SubmitFn } from "../stages/submit.ts";
import { ask } from "./client.ts";

/**
 * Submits to the resident kernel at a socket. Stages of a submit stay here and are not asked: they are code of
 * the host, and the kernel has its own.
 *
 * @param socket Absolute path.
 */
export function remoteSubmit(socket: string): SubmitFn {
  return async (request, { problem } = {}) => {
    const [path, body] = problem === undefined
      ? ["/v1/submit", request]
      : ["/v1/invalid", { request, problem }];
    const { status, body: answer } = await ask(socket, path, JSON.stringify(body));
    const { record_id: recordId, data, error, ...rest } = Object(answer) as Record<string, unknown>;
    if (status !== 200) throw new Error(`The kernel at ${socket} refused the request: ${error}`);
    return {
      ...rest,
      ...rest["status"] === "OK" ? { data } : { error },
      ...recordId !== undefined && { recordId },
    } as unknown as ActionResult;
  };
}
