import { assertEquals, assertStringIncludes } from "@std/assert";
import { Kernel } from "@agent-kernel/kernel";
import type { Provider } from "@agent-kernel/kernel/provider";
import { Workspace } from "../../workspace.ts";
import { SilentProvider } from "./fixtures/silent_provider.ts";

function open(ws: Workspace, provider: Provider): Promise<Kernel> {
  return Kernel.open({
    policy: { capabilities: [{ action: "silent.do", resource: "x" }] },
    providers: [provider],
    logPath: ws.path("kernel.log"),
    onWarning: () => {},
  });
}

Deno.test("a module that serves another provider fails at once, and says what is missing", async () => {
  using ws = new Workspace();
  await using kernel = await open(ws, new SilentProvider());
  const { code, error } = await kernel.submit({ action: "silent.do", target: "x" });
  assertEquals(code, "PROVIDER_CRASHED");
  assertStringIncludes(error ?? "", 'never calls serveProvider("silent", …)');
});

Deno.test("a configuration that cannot be cloned fails each call, and leaves no Worker behind", async () => {
  using ws = new Workspace();
  await using kernel = await open(ws, new SilentProvider({ config: { log: () => {} } }));
  const workers: Worker[] = [];
  const { Worker: Original } = globalThis;
  const ended = new Set<Worker>();
  class Counted extends Original {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      workers.push(this);
    }
    override terminate() {
      ended.add(this);
      super.terminate();
    }
  }
  globalThis.Worker = Counted;
  try {
    for (let i = 0; i < 3; i++) {
      const { code, error } = await kernel.submit({ action: "silent.do", target: "x" });
      assertEquals(code, "PROVIDER_CRASHED");
      assertStringIncludes(error ?? "", "could not be started");
    }
  } finally {
    globalThis.Worker = Original;
  }
  assertEquals([workers.length, ended.size], [3, 3]);
});
