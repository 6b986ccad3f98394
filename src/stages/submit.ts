/**
 * How requests are submitted: the function, and what a caller can add to a request.
 *
 * @module
 */
import type { ActionRequest, ActionResult } from "../core/action.ts";
import type { Stage } from "./stage.ts";

/** What a caller that stands between an agent and the kernel can add to a request. */
export interface SubmitOptions {
  /**
   * What it found wrong with the request, for example a tool call that does not fit its schema: the
   * request is put on record as `INVALID` with this reason, and never decided.
   */
  readonly problem?: string;
  /**
   * Stages for this request alone; they come after those of the kernel. From the host's own code,
   * never from an agent. @default none
   */
  readonly stages?: readonly Stage[];
}

/** `Kernel.submit`, or what wraps it. */
export type SubmitFn = (request: ActionRequest, options?: SubmitOptions) => Promise<ActionResult>;
