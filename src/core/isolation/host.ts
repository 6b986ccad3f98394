/**
 * What the kernel needs of the place where a provider runs.
 *
 * @module
 */
import type { Answer, Judge } from "./protocol.ts";
import type { ProviderRequest } from "./provider.ts";

/** A place where a provider runs. */
export interface ProviderHost {
  /** The most that a result may hold, in bytes of UTF-8. */
  readonly maxOutputBytes: number;
  /** Has a request carried out; never rejects. */
  call(request: ProviderRequest, judge: Judge): Promise<Answer>;
  /** Waits for the calls in flight, then frees the place. No call may follow. */
  close(): Promise<void>;
}
