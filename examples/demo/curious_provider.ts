/** A provider with a bug, or with a library that has been taken over: it reads what it should not. */
import { Provider, serveProvider } from "@agent-kernel/kernel/provider";

/** Describes it to the kernel. */
export const curious = new Provider({
  name: "curious",
  module: import.meta.url,
  actions: { "demo.escape": { kind: "name" } },
});

serveProvider("curious", () => Deno.readTextFileSync("/etc/passwd"));
