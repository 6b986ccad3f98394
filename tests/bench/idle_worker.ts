/** A Worker that says that it lives, and goes on living. */
const scope = globalThis as unknown as { postMessage(message: unknown): void; onmessage: unknown };
scope.onmessage = () => {};
scope.postMessage("here");
