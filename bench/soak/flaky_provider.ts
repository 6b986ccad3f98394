/** A provider whose Worker dies when it is told to. */
import { Provider, serveProvider } from "../../src/worker/mod.ts";

/** `flaky.say` answers, `flaky.die` takes the Worker with it. */
export class FlakyProvider extends Provider {
  constructor() {
    super({
      name: "flaky",
      module: import.meta.url,
      actions: { "flaky.say": { kind: "name" }, "flaky.die": { kind: "name" } },
    });
  }
}

serveProvider("flaky", ({ action, target }) => {
  if (action === "flaky.say") return target;
  // Outside of the call, where nothing catches it: the Worker ends. (Deno says so on standard error.)
  const error = new Error("told to die");
  delete error.stack;
  queueMicrotask(() => {
    throw error;
  });
  return new Promise(() => {});
});
