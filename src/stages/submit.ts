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
  /**
   * The session that the request is a part of; {@linkcode Session.submit} sets it. One that is not open refuses it.
   * @default none
   */
  readonly session?: { readonly id: string };
}

/** Where a result came from, for whoever shows it to a model. */
export interface ResultProvenance {
  /** Whether the policy lets all of it be trusted, a part of it (fields, links), or nothing. */
  readonly trusted: "all" | "part" | "none";
  /** Ids of the sources by which it is. */
  readonly sources?: readonly string[];
  /** Ids of the secret sources that it is from. */
  readonly secret?: readonly string[];
}

/** A result in a session. */
export interface LabelledResult extends ActionResult {
  /** Only in a session, and with `OK`. */
  readonly provenance?: ResultProvenance;
}

/** `Kernel.submit`, or what wraps it. */
export type SubmitFn = (request: ActionRequest, options?: SubmitOptions) => Promise<ActionResult>;
