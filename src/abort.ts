/**
 * Aborting what others listen to.
 *
 * @module
 */
import { messageOf } from "./core/errors.ts";

/**
 * Aborts, and keeps what a listener throws from ending the process: Deno reports it as an error that
 * nobody has caught.
 *
 * @param controller Whose signal was handed to code that is not ours.
 * @param reason For the listeners.
 * @param onError Told what a listener has thrown.
 */
export function abortSafely(
  controller: AbortController,
  reason: unknown,
  onError: (message: string) => void,
): void {
  const report = (event: ErrorEvent) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    onError(messageOf(event.error));
  };
  // Listeners are called within `abort`: errors of anything else cannot come in between.
  addEventListener("error", report, { capture: true });
  try {
    controller.abort(reason);
  } finally {
    removeEventListener("error", report, { capture: true });
  }
}
