/** A turn of the event loop: everything that is due goes first. No time is waited for. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
