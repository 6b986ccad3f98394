/**
 * What the kernel needs of the place where a provider runs.
 *
 * @module
 */
import type { Answer } from "./protocol.ts";
import type { ProviderRequest } from "./provider.ts";

/** A place where a provider runs. */
export interface ProviderHost {
  /** Has a request carried out; never rejects. */
  call(request: ProviderRequest): Promise<Answer>;
  /** Waits for the calls in flight, then frees the place. No call may follow. */
  close(): Promise<void>;
}

/** Injected time. */
export interface Timer {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls back after so many milliseconds; the function returned takes that back. */
  schedule(callback: () => void, ms: number): () => void;
}

/** The timer of the platform. */
export const SYSTEM_TIMER: Timer = {
  now: () => performance.now(),
  schedule(callback, ms) {
    const id = setTimeout(callback, ms);
    return () => clearTimeout(id);
  },
};
