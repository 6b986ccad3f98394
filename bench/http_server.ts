/** A server on loopback, in a Worker so that it takes no time from the callers' thread. */
const scope = globalThis as unknown as { postMessage(message: unknown): void };
const body = "x".repeat(2400);
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => scope.postMessage(port),
}, () => new Response(body));
